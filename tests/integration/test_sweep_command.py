"""``manage.py notifyaudit sweep``: enough alone, with no queue and no worker."""

import signal
import threading
from io import StringIO

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import DatabaseError, InterfaceError

from notifyaudit import record
from notifyaudit.failures import NoConnection
from notifyaudit.management.commands import notifyaudit as command
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction

pytestmark = pytest.mark.django_db


def run(*arguments):
    output = StringIO()
    call_command("notifyaudit", *arguments, stdout=output)
    return output.getvalue()


def test_it_delivers_everything_and_says_what():
    with email_kind(["a@x.example", "b@x.example"]):
        record(DocumentAction.FILED)
        assert run("sweep") == "1 event routed, 2 mails sent\n"
        assert run("sweep") == "0 events routed\n"
    assert len(mail.outbox) == 2


def test_a_mail_server_that_is_down_is_a_failure_and_no_mail_is_lost(monkeypatch):
    def down():
        raise NoConnection("connection refused")

    monkeypatch.setattr(command, "sweep", down)
    with pytest.raises(CommandError, match="cannot be reached; all mails are kept. connection refused"):
        run("sweep")


@pytest.fixture
def _signals():
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("_signals")
@pytest.mark.parametrize("error", [DatabaseError, InterfaceError])
def test_a_loop_survives_a_lost_database_and_ends_with_sigterm(monkeypatch, caplog, error):
    monkeypatch.setattr(command, "close_old_connections", lambda: None)  # the test's own is in a transaction
    rounds, real_sweep = [], command.sweep

    def sweep():
        rounds.append(1)
        if len(rounds) == 1:
            raise error("gone")
        if len(rounds) == 2:
            raise NoConnection("refused")
        if len(rounds) == 4:
            signal.raise_signal(signal.SIGTERM)
        return real_sweep()

    monkeypatch.setattr(command, "sweep", sweep)
    with email_kind(["a@x.example"]):
        record(DocumentAction.FILED)
        output = StringIO()
        watchdog = threading.Timer(30, signal.raise_signal, [signal.SIGINT])
        watchdog.start()
        call_command("notifyaudit", "sweep", "--loop", "0.01", stdout=output)
        watchdog.cancel()
    assert len(rounds) == 4
    assert output.getvalue() == "1 event routed, 1 mail sent\n"
    assert "the next one goes on" in caplog.text


@pytest.mark.usefixtures("_signals")
def test_a_loop_lets_go_of_connections_that_the_server_closed_before_each_round(monkeypatch):
    steps = []

    def sweep():
        steps.append("sweep")
        if steps.count("sweep") == 2:
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(command, "close_old_connections", lambda: steps.append("let go"))
    monkeypatch.setattr(command, "sweep", sweep)
    run("sweep", "--loop", "0.01")
    assert steps == ["let go", "sweep"] * 2


@pytest.mark.parametrize("pause", ["0", "-1", "soon", "inf"])
def test_a_pause_that_is_none_is_refused(pause):
    with pytest.raises(CommandError, match="seconds above 0"):
        run("sweep", "--loop", pause)


def test_a_subcommand_is_needed():
    with pytest.raises(CommandError, match="SUBCOMMAND"):
        run()
