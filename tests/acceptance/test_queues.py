"""The same promise whatever carries the wake-ups, and whatever happens to it."""

import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import django
import pytest

from example_site.processes import Process, Processes
from tests.acceptance.brokers import Broker, RabbitMq, Redis
from tests.acceptance.databases import Database, missing
from tests.acceptance.example import SECONDS, Example
from tests.acceptance.test_delivery import COMPLETE, COMPLETED, FIRE_SAFETY

SETTINGS = "tests.acceptance.queue_settings"
NO_ANSWER_SECONDS = "300"

EDITED = Counter(["inspector@example.com", "reviewer@example.com"])


@dataclass(frozen=True, kw_only=True)
class Queue:
    """How one queue's worker is started, and which broker and packages it needs."""

    name: str
    database: str = "sqlite"
    packages: tuple[str, ...] = ()
    broker: type[Broker] | None = None
    worker: tuple[str, ...]

    def require(self) -> None:
        if self.name == "celery" and django.VERSION < (6, 0):
            pytest.skip("django-tasks-celery needs Django 6.0")
        for package in self.packages:
            if not find_spec(package):
                missing(f"{package} is not installed")


MANAGE = (sys.executable, "example_site/manage.py")

NONE = Queue(name="none", worker=(*MANAGE, "notifyaudit", "sweep", "--loop", "0.1"))
# The other databases' turn is in test_delivery.
DB = Queue(
    name="db",
    database="mariadb",
    worker=(*MANAGE, "db_worker", "--no-reload", "--no-startup-delay", "--interval", "0.1"),
)
RQ = Queue(
    name="rq",
    packages=("django_tasks_rq",),
    broker=Redis,
    worker=(*MANAGE, "rqworker", "--job-class", "django_tasks_rq.Job", "default"),
)
CELERY = Queue(
    name="celery",
    packages=("django_tasks_celery", "celery"),
    broker=RabbitMq,
    worker=(
        *(sys.executable, "-m", "celery", "--app", "tests.acceptance.celery_app", "worker"),
        *("--loglevel", "INFO"),
        *("--concurrency", "1", "--without-gossip", "--without-mingle", "--without-heartbeat"),
    ),
)


@pytest.fixture
def queue(request: pytest.FixtureRequest) -> Queue:
    request.param.require()
    return request.param


@pytest.fixture
def broker(queue: Queue) -> Iterator[Broker | None]:
    if not queue.broker:
        yield None
        return
    broker = queue.broker()
    try:
        yield broker
    finally:
        broker.proxy.close()
        broker.remove()


@pytest.fixture
def example(
    queue: Queue, broker: Broker | None, databases: Callable[[str], Database], tmp_path: Path
) -> Iterator[Example]:
    """As in the other modules, with one queue and, where it needs one, a broker that is not running yet."""
    database = databases(queue.database).clone(tmp_path)
    try:
        with Processes(tmp_path, database_url=database.url, settings=SETTINGS) as processes:
            processes.environment["QUEUE"] = queue.name
            if broker:
                processes.environment |= {"BROKER_PORT": str(broker.proxy.port), "BROKER_NAME": broker.name}
            yield Example(processes, database)
    finally:
        database.drop()


def start_worker(example: Example, queue: Queue) -> Process:
    return example.processes._start("worker", list(queue.worker))


def kill_with_children(example: Example, worker: Process) -> None:
    """SIGKILL for a worker and the processes that it has made for its work, which outlive it otherwise."""
    family = [worker.pid]
    for pid in family:
        family += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    example.processes.kill(worker)
    for pid in family[1:]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("queue", [NONE, DB, RQ, CELERY], indirect=True, ids=lambda queue: queue.name)
def test_each_recipient_is_told_once_and_a_killed_worker_loses_nothing(
    queue: Queue, broker: Broker | None, example: Example
) -> None:
    if broker:
        broker.proxy.open()
    example.processes.environment["LEASE_SECONDS"] = "3"
    worker = start_worker(example, queue)

    example.run_script("""
try:
    with transaction.atomic():
        edit(fire_safety, "Rolled back.", by=user["admin"])
        raise LookupError
except LookupError:
    pass
""")
    example.run_script(COMPLETE)
    example.wait_for_mails(COMPLETED)

    example.hold_reply_file.touch()
    example.run_script('edit(fire_safety, "Doors checked.", by=user["admin"])')
    example.processes.wait_for(
        lambda: len(example.inbox.paths()) > COMPLETED.total(), what="a mail is in the air", seconds=SECONDS
    )
    kill_with_children(example, worker)
    example.hold_reply_file.unlink()
    in_the_air = example.inbox.mails()[-1]
    sweeps = example.processes.start_command("notifyaudit", "sweep", "--loop", "0.1")
    expected = COMPLETED + EDITED
    example.processes.wait_for(
        lambda: example.statuses() == {"sent": expected.total()}, what="all mails are sent", seconds=SECONDS
    )
    sweeps.stop()

    arrived = {message_id: len(mails) for message_id, mails in example.mails_by_id().items()}
    assert arrived.pop(in_the_air.message_id) in {1, 2}
    assert set(arrived.values()) == {1}
    assert len(arrived) == expected.total() - 1
    assert set(example.inbox.counts()) == set(expected)


@pytest.mark.parametrize("queue", [RQ, CELERY], indirect=True, ids=lambda queue: queue.name)
def test_a_request_does_not_wait_for_a_broker_that_never_answers(
    queue: Queue, broker: Broker, example: Example
) -> None:
    broker.proxy.open(silent=True)
    example.processes.environment["BROKER_SECONDS"] = NO_ANSWER_SECONDS
    site = example.processes.start_site()

    # The browser gives up long before the broker's client does.
    page = example.complete(example.logged_in("reviewer"), FIRE_SAFETY)

    assert "is complete" in page.notice
    assert broker.proxy.accepted
    assert "the task queue has not answered" in site.output
    example.sweep()
    assert example.inbox.counts() == COMPLETED


@pytest.mark.parametrize("queue", [RQ, CELERY], indirect=True, ids=lambda queue: queue.name)
def test_a_broker_that_was_emptied_and_stopped_loses_no_mail_and_is_used_again(
    queue: Queue, broker: Broker, example: Example
) -> None:
    broker.proxy.open()
    steps = example.processes.directory
    script = example.start_script(f"""
import time
from pathlib import Path

def wait_for(step):
    while not Path({str(steps)!r}, step).exists():
        time.sleep(0.05)

for step in ("start", "stopped", "back"):
    wait_for(step)
    edit(fire_safety, step, by=user["admin"])
wait_for("end")
""")

    def reach(what: str, probe: Callable[[], object]) -> None:
        example.processes.wait_for(probe, what=what, seconds=SECONDS)

    (steps / "start").touch()
    reach("the wake-up is in the queue", broker.tasks)
    broker.empty()
    broker.proxy.close()
    (steps / "stopped").touch()
    reach("the event is committed", lambda: len(example.events()) == 2)
    reach("the log says so", lambda: "sweeps deliver" in script.output)

    example.sweep()
    assert example.inbox.counts() == EDITED + EDITED

    broker.proxy.open()
    worker = start_worker(example, queue)
    (steps / "back").touch()
    example.wait_for_mails(EDITED + EDITED + EDITED)
    reach("the log says that too", lambda: "wake-ups are enqueued again" in script.output)
    (steps / "end").touch()
    assert script.wait(SECONDS) == 0, script.log_tail()
    worker.stop()
    example.sweep()
    assert example.inbox.counts() == EDITED + EDITED + EDITED
    for line in ("has not answered in", "no wake-up can be enqueued", "wake-ups are enqueued again"):
        assert script.output.count(line) <= 1
