"""Whoever should hear of a committed change hears of it once, and nobody of one that was rolled back."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPException
from signal import SIGKILL

from tests.acceptance.example import SECONDS, Example

FIRE_SAFETY = "Fire safety, Tower 7"
ROOF = "Roof survey, Harbour Hall"

COMPLETED = Counter(["owner@example.com", "inspector@example.com", "facility@tower7.example"])
EDITED = Counter(["inspector@example.com"])

COMPLETE = """
fire_safety.complete(by=user["reviewer"])
"""


def test_commit_tells_each_recipient_once(example: Example) -> None:
    example.processes.start_site()
    example.processes.start_worker()

    page = example.complete(example.logged_in("reviewer"), FIRE_SAFETY)

    assert "is complete" in page.notice
    example.wait_for_mails(COMPLETED)
    example.fence()
    assert example.inbox.counts() == COMPLETED
    assert len(example.mails_by_id()) == len(example.inbox.mails())


def test_rolled_back_request_tells_nobody(example: Example) -> None:
    example.processes.start_site()
    example.processes.start_worker()
    browser = example.logged_in("reviewer")

    page = example.complete(browser, ROOF)

    assert "no licence number" in page.notice
    assert (example.events(), example.tasks()) == ([], 0)
    example.complete(browser, FIRE_SAFETY)
    example.wait_for_mails(COMPLETED)
    example.fence()
    assert example.inbox.counts() == COMPLETED


def test_rolled_back_savepoint_tells_nobody_and_the_rest_of_its_transaction_is_told(example: Example) -> None:
    example.processes.start_worker()

    example.run_script("""
with transaction.atomic():
    try:
        with transaction.atomic():
            fire_safety.complete(by=user["reviewer"])
            raise LookupError
    except LookupError:
        pass
    edit(lift, "Cables replaced.", by=user["reviewer"])
""")

    assert example.events() == ["inspection.edited"]
    example.wait_for_mails(EDITED)
    example.fence()
    assert example.inbox.counts() == EDITED


def test_worker_that_starts_after_the_commit_tells_each_recipient_once(example: Example) -> None:
    example.run_script(COMPLETE)
    assert not example.inbox.mails()

    example.processes.start_worker()

    example.wait_for_mails(COMPLETED)
    example.fence()
    assert example.inbox.counts() == COMPLETED


def test_process_killed_between_commit_and_wake_up_loses_nothing(example: Example) -> None:
    script = example.start_script("""
with transaction.atomic():
    # Before record() adds its hook: the commit has happened, the wake-up never will.
    transaction.on_commit(lambda: os.kill(os.getpid(), signal.SIGKILL))
    fire_safety.complete(by=user["reviewer"])
""")
    assert script.wait(SECONDS) == -SIGKILL
    assert (example.events(), example.tasks()) == (["inspection.completed"], 0)

    example.sweep()

    assert example.inbox.counts() == COMPLETED
    example.sweep()
    assert example.inbox.counts() == COMPLETED


def test_site_killed_right_after_the_commit_loses_nothing(example: Example) -> None:
    site = example.processes.start_site()
    browser = example.logged_in("reviewer")

    def complete() -> None:
        # The site may be gone before it answers.
        with suppress(OSError, HTTPException):
            example.complete(browser, FIRE_SAFETY)

    with ThreadPoolExecutor(max_workers=1) as background:
        request = background.submit(complete)
        example.processes.wait_for(example.events, what="the event is committed", seconds=SECONDS)
        example.processes.kill(site)
        request.result(SECONDS)

    example.sweep()

    assert example.inbox.counts() == COMPLETED
    # Had the wake-up been enqueued before the kill, it would find nothing left to do.
    example.processes.start_worker()
    example.fence()
    assert example.inbox.counts() == COMPLETED


def test_several_sweeps_at_once_send_each_mail_once(example: Example) -> None:
    # More than one claim's worth, so that two of them find mails to send.
    example.run_script("""
for number in range(75):
    edit(fire_safety, f"Round {number}", by=user["admin"])
""")
    expected = Counter({"inspector@example.com": 75, "reviewer@example.com": 75})
    example.hold_reply_file.touch()

    sweeps = [example.processes.start_command("notifyaudit", "sweep") for _ in range(2)]
    example.processes.wait_for(example.inbox.paths, what="a mail is in the air", seconds=SECONDS)
    # One more looks for what a killed worker left, while others are in the middle of sending.
    sweeps.append(example.processes.start_command("notifyaudit", "sweep"))
    example.processes.wait_for(
        lambda: len(example.inbox.paths()) == sum(sweep.exit_code is None for sweep in sweeps),
        what="each sweep has a mail in the air or has found nothing to do",
        seconds=SECONDS,
    )
    example.hold_reply_file.unlink()

    for sweep in sweeps:
        assert sweep.wait(SECONDS) == 0, sweep.log_tail()
    example.sweep()
    assert example.inbox.counts() == expected
    assert len(example.mails_by_id()) == expected.total()
    assert example.statuses() == {"sent": expected.total()}


def test_worker_killed_while_a_reply_is_out_repeats_at_most_that_mail(example: Example) -> None:
    example.processes.environment["LEASE_SECONDS"] = "2"
    example.hold_reply_file.touch()
    example.run_script(COMPLETE)
    worker = example.processes.start_worker()
    example.processes.wait_for(example.inbox.paths, what="a mail is taken without a reply", seconds=SECONDS)

    example.processes.kill(worker)
    example.hold_reply_file.unlink()
    (in_the_air,) = example.inbox.mails()
    sweeps = example.processes.start_command("notifyaudit", "sweep", "--loop", "0.1")
    example.processes.wait_for(
        lambda: example.statuses() == {"sent": COMPLETED.total()}, what="all mails are sent", seconds=SECONDS
    )
    sweeps.stop()
    example.sweep()

    arrived = {message_id: len(mails) for message_id, mails in example.mails_by_id().items()}
    assert arrived.pop(in_the_air.message_id) in {1, 2}
    assert list(arrived.values()) == [1, 1]
    assert set(example.inbox.counts()) == set(COMPLETED)
