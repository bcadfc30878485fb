"""One id from the browser's request to the mail in the inbox and the log of the worker that sent it."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from example_site.processes import Processes
from tests.acceptance.brokers import Broker
from tests.acceptance.databases import Database
from tests.acceptance.example import SECONDS, Example
from tests.acceptance.test_delivery import COMPLETED, FIRE_SAFETY
from tests.acceptance.test_queues import CELERY, DB, Queue, broker, queue, start_worker  # noqa: F401 - fixtures

SETTINGS = "tests.acceptance.correlated_settings"

_LINE = re.compile(r"\[(?P<id>\w+)\] (?P<logger>[\w.]+) (?P<message>.+)$", re.MULTILINE)


@pytest.fixture
def example(
    queue: Queue,  # noqa: F811
    broker: Broker | None,  # noqa: F811
    databases: Callable[[str], Database],
    tmp_path: Path,
) -> Iterator[Example]:
    database = databases("sqlite").clone(tmp_path)
    try:
        with Processes(tmp_path, database_url=database.url, settings=SETTINGS) as processes:
            processes.environment["QUEUE"] = queue.name
            if broker:
                broker.proxy.open()
                processes.environment |= {"BROKER_PORT": str(broker.proxy.port), "BROKER_NAME": broker.name}
            yield Example(processes, database)
    finally:
        database.drop()


@pytest.mark.parametrize("queue", [DB, CELERY], indirect=True, ids=lambda each: each.name)
def test_one_id_from_the_request_to_the_inbox_and_the_workers_log(
    queue: Queue,  # noqa: F811
    example: Example,
) -> None:
    site = example.processes.start_site()
    worker = start_worker(example, queue)
    example.complete(example.logged_in("reviewer"), FIRE_SAFETY)
    example.wait_for_mails(COMPLETED)
    example.processes.wait_for(
        lambda: example.statuses() == {"sent": COMPLETED.total()}, what="all are sent", seconds=SECONDS
    )

    ((identifier,),) = example.database.rows("SELECT correlation_id FROM notifyaudit_auditevent")
    assert f"Generated new GUID: {identifier}" in site.output
    assert {mail.message["X-Correlation-ID"] for mail in example.inbox.mails()} == {identifier}
    logged = [(found["id"], found["message"]) for found in _LINE.finditer(worker.output)]
    sent_under = [under for under, message in logged if message.endswith(" sent")]
    assert sent_under == [identifier] * COMPLETED.total()
