"""A call that may hang is nobody's trouble but that of the thread that makes it."""

import logging
import subprocess
import sys
from threading import Event

import pytest

from example_site.processes import ROOT
from notifyaudit.bell import Bell, Trouble

FOR_EVER = 3600
SECONDS = 60


class Queue:
    """Counts calls; can be held, so that it does not answer, and be made to refuse."""

    def __init__(self):
        self.calls = 0
        self.reached = Event()
        self.answers = Event()
        self.answers.set()
        self.refuses = False

    def __call__(self):
        self.calls += 1
        self.reached.set()
        assert self.answers.wait(SECONDS)
        if self.refuses:
            raise ConnectionError("refused")


@pytest.fixture
def queue():
    return Queue()


@pytest.fixture
def bell(queue):
    bell = Bell(queue, patience=SECONDS)
    yield bell
    # What is still held must not come to its end, and be logged, in the next test.
    queue.answers.set()
    settle(bell)


def hang(bell, queue):
    queue.answers.clear()
    bell.patience = 0.01
    bell.ring()
    assert queue.reached.wait(SECONDS)
    # From here on, whoever waits at all fails the test by its time limit.
    bell.patience = FOR_EVER


def settle(bell):
    bell.patience = SECONDS
    bell.wait()


def test_a_call_is_made_before_the_caller_goes_on(bell, queue):
    bell.ring()
    assert queue.calls == 1
    bell.ring()
    assert queue.calls == 2


def test_callers_do_not_wait_for_a_queue_that_is_known_not_to_answer(bell, queue):
    hang(bell, queue)
    for _ in range(3):
        bell.ring()
    assert (bell.trouble, queue.calls) == (Trouble.SILENT, 1)


def test_what_piled_up_meanwhile_is_one_call(bell, queue):
    hang(bell, queue)
    for _ in range(5):
        bell.ring()
    queue.answers.set()
    settle(bell)
    assert queue.calls == 2


def test_callers_wait_again_when_it_works_again(bell, queue):
    hang(bell, queue)
    queue.answers.set()
    settle(bell)
    before = queue.calls
    bell.ring()
    assert queue.calls == before + 1


def test_a_queue_that_refuses_is_logged_once_with_its_reason_and_once_when_it_works_again(
    bell, queue, caplog
):
    queue.refuses = True
    for _ in range(3):
        bell.ring()
        bell.wait()
    assert bell.trouble == Trouble.FAILED
    queue.refuses = False
    for _ in range(2):
        bell.ring()
        bell.wait()
    assert [(record.levelno, record.message) for record in caplog.records] == [
        (logging.ERROR, "no wake-up can be enqueued; until one can, sweeps deliver"),
        (logging.WARNING, "wake-ups are enqueued again"),
    ]
    assert "ConnectionError: refused" in caplog.text


def test_a_queue_that_hangs_and_then_refuses_is_logged_as_both_once(bell, queue, caplog):
    queue.refuses = True
    hang(bell, queue)
    queue.answers.set()
    settle(bell)
    for _ in range(2):
        bell.ring()
        bell.wait()
    assert [record.message.partition(";")[0] for record in caplog.records] == [
        "the task queue has not answered in 0.01 s",
        "no wake-up can be enqueued",
    ]


def test_what_is_tried_in_the_callers_thread_counts_too(bell, queue, caplog):
    def refuse():
        raise ConnectionError("refused")

    assert isinstance(bell.attempt(refuse), ConnectionError)
    assert bell.trouble == Trouble.FAILED
    assert bell.attempt(lambda: None) is None
    assert bell.trouble == Trouble.NONE
    assert len(caplog.records) == 2


def run(script):
    """In a process of its own, for what happens at its end; what it printed."""
    command = [sys.executable, "-W", "ignore", "-c", f"from notifyaudit.bell import *\n{script}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_after_a_fork_the_child_has_a_thread_of_its_own():
    assert (
        run(f"""
from threading import Event
import os
parent, held, reached = os.getpid(), Event(), Event()

def strike():
    if os.getpid() == parent:
        reached.set()
        held.wait()
    else:
        print("called in the child", flush=True)

bell = Bell(strike, patience=0.01)
bell.ring()
reached.wait({SECONDS})
with bell._changed:  # as another thread may hold it at that moment
    child = os.fork()
    if not child:
        bell.patience = {SECONDS}
        bell.ring()
        os._exit(0)
assert os.waitpid(child, 0)[1] == 0
""")
        == "called in the child\n"
    )


def test_a_process_that_ends_waits_for_the_last_call():
    assert (
        run(f"""
from threading import Event
import atexit, time
ending = Event()

def strike():
    ending.wait({SECONDS})
    time.sleep(0.3)  # longer than an end takes that does not wait
    print("called", flush=True)

bell = Bell(strike, patience={SECONDS})
bell.trouble = Trouble.SILENT
bell.ring()
atexit.register(ending.set)
""")
        == "called\n"
    )


def test_a_process_ends_although_the_queue_never_answers():
    assert (
        run("""
from threading import Event
bell = Bell(Event().wait, patience=0.01)
bell.ring()
print("the end")
""")
        == "the end\n"
    )
