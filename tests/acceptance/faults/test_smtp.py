"""The mail server says the truth about what it took."""

import json
import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.faults.children import Child

SECONDS = 30
CONTENT = "X-Worker: 42\r\nX-Deed: 7 undone\r\nMessage-ID:\r\n <a@site.example>\r\n\r\nSo it was.\r\n..\r\n"


class Office:
    def __init__(self, directory: Path) -> None:
        self.record = directory / "record.jsonl"
        self.server = Child(
            "tests.acceptance.faults.smtp", "--record", str(self.record), log=directory / "server.log"
        )
        self.port = self.server.hear()["port"]

    def connect(self, seconds: float = SECONDS) -> smtplib.SMTP:
        return smtplib.SMTP("127.0.0.1", self.port, timeout=seconds)

    def lines(self) -> list[dict]:
        return [json.loads(line) for line in self.record.read_text().splitlines()]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.server.end()


def send(smtp: smtplib.SMTP, *recipients: str) -> None:
    smtp.sendmail("site@example.com", recipients, CONTENT)


def test_what_is_accepted_is_in_the_record_when_the_reply_comes(office):
    with office.connect() as smtp:
        send(smtp, "reader@example.com")
        (line,) = office.lines()
        send(smtp, "another@example.com")

    assert line["to"] == ["reader@example.com"]
    assert (line["message_id"], line["deed"], line["worker"]) == ("<a@site.example>", "7 undone", 42)
    assert [line["to"][0] for line in office.lines()] == ["reader@example.com", "another@example.com"]


def test_a_held_mail_is_in_the_record_and_its_worker_named_and_its_reply_counted_as_lost(office):
    office.server.tell("catch held")
    smtp = office.connect()
    smtp.ehlo()
    for command in ("MAIL FROM:<site@example.com>", "RCPT TO:<reader@example.com>", "DATA"):
        smtp.docmd(command)
    smtp.send(f"{CONTENT}.\r\n")

    assert office.server.hear() == {"caught": "held", "worker": 42}
    (accepted,) = office.lines()
    smtp.close()
    # Hears of the end of the other connection first.
    with office.connect() as other:
        other.noop()
    assert accepted["worker"] == 42
    assert office.lines()[1] == {
        "unreplied": True,
        **{key: accepted[key] for key in ("message_id", "deed", "kind", "worker")},
    }


def test_a_worker_is_named_after_its_reply(office):
    office.server.tell("catch accepted")
    with office.connect() as smtp:
        send(smtp, "reader@example.com")

        assert office.server.hear() == {"caught": "accepted", "worker": 42}


def test_some_addresses_never_get_a_mail(office):
    with office.connect() as smtp:
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            send(smtp, "refused1@example.com")
        with pytest.raises(smtplib.SMTPDataError):
            send(smtp, "spam1@example.com")

    assert not office.lines()


def test_storm_makes_it_misbehave_and_says_how(office):
    office.server.tell("storm")
    office.server.tell("outage 0.01")  # obeyed in order: it listens again when the storm has begun
    for _ in range(500):
        try:
            # Silence is one of the faults, and in the record before it begins.
            with office.connect(seconds=0.5) as smtp:
                send(smtp, "reader@example.com")
        except (OSError, smtplib.SMTPException):
            if any("fault" in line for line in office.lines()):
                break
    else:
        pytest.fail("nothing went wrong")
