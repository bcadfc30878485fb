"""Told to end, a process finishes the mail in hand, gives the rest back, and is gone in a moment."""

import os
from collections.abc import Callable
from signal import SIGTERM

import pytest

from example_site.processes import Process
from tests.acceptance.example import SECONDS, Example

STARTS: dict[str, Callable[[Example], Process]] = {
    "sweep": lambda example: example.processes.start_command("notifyaudit", "sweep"),
    "loop": lambda example: example.processes.start_command("notifyaudit", "sweep", "--loop", "60"),
    "worker": lambda example: example.processes.start_worker(),
}


@pytest.mark.parametrize("kind", STARTS)
def test_a_backlog_is_left_in_the_middle(example: Example, kind: str) -> None:
    example.run_script("""
for number in range(10):
    edit(fire_safety, f"Round {number}", by=user["admin"])
""")
    example.hold_reply_file.touch()
    process = STARTS[kind](example)
    example.processes.wait_for(example.inbox.paths, what="a mail is in the air", seconds=SECONDS)

    os.kill(process.pid, SIGTERM)
    example.hold_reply_file.unlink()

    assert process.wait(SECONDS) == 0, process.log_tail()
    assert example.statuses() == {"sent": 1, "open": 19}
    leased = (
        "SELECT count(*) FROM notifyaudit_message WHERE lease_token IS NOT NULL OR uncertain_at IS NOT NULL"
    )
    assert example.database.rows(leased) == [(0,)]
    example.processes.forget(process)
    example.sweep()
    assert example.statuses() == {"sent": 20}
    assert len(example.inbox.mails()) == 20
