"""A backlog over several connections, and a connection that is kept for the next sweep."""

import threading
from contextlib import contextmanager

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection, connections
from django.test import override_settings

from notifyaudit import record, transport
from notifyaudit.claiming import BATCH
from notifyaudit.failures import NoConnection
from notifyaudit.models import Message
from notifyaudit.routing import route_pending
from notifyaudit.sending import send_due
from notifyaudit.transport import close_kept, project_transport, replaced
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction

BACKLOG = BATCH * 2 + 50


class Servers:
    """A transport for each thread that asks, which are known afterwards; ``fails``: all but the first."""

    def __init__(self, *, fails=False):
        self.opened, self.fails, self.lock = [], fails, threading.Lock()
        self.another_has_begun = threading.Event()

    def __call__(self, backend):
        with self.lock:
            server = Server(self, len(self.opened))
            self.opened.append(server)
        return server


class Server:
    def __init__(self, servers, number):
        self.servers, self.number, self.recipients, self.is_closed = servers, number, [], False

    def send(self, message):
        # The first is not ready before another has begun.
        if self.number:
            self.servers.another_has_begun.set()
        elif not self.servers.another_has_begun.wait(30):
            pytest.fail("nobody else has begun")
        if self.servers.fails and self.number:
            raise NoConnection("gone")
        self.recipients += message.to

    def close(self):
        self.is_closed = True


@contextmanager
def backlog(number=BACKLOG, **settings):
    with (
        email_kind([f"a{n}@x.example" for n in range(number)]),
        override_settings(NOTIFYAUDIT={"BASE_URL": "https://site.example", **settings}),
    ):
        record(DocumentAction.FILED)
        route_pending()
        yield


def opened_connections():
    return [each for each in connections.all(initialized_only=True) if each.connection is not None]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor == "sqlite", reason="a database in memory is one connection's")
class TestSeveralConnections:
    def test_send_each_mail_once(self):
        servers = Servers()
        with backlog(CONNECTIONS=3), replaced(servers):
            assert send_due() == {"sent": BACKLOG}
        recipients = [each for server in servers.opened for each in server.recipients]
        assert len(recipients) == len(set(recipients)) == BACKLOG
        assert sum(bool(server.recipients) for server in servers.opened) > 1
        assert all(server.is_closed for server in servers.opened)
        assert not [each.name for each in threading.enumerate() if each.name.startswith("notifyaudit_")]

    def test_one_that_is_lost_takes_nobodys_mails_with_it(self):
        servers = Servers(fails=True)
        with backlog(CONNECTIONS=3), replaced(servers):
            with pytest.raises(NoConnection):
                send_due()
            assert Message.objects.filter(status="sent").count() == len(servers.opened[0].recipients)
            assert (
                not Message.objects.exclude(status="sent").exclude(status="open", lease_token=None).exists()
            )


@pytest.mark.django_db
@pytest.mark.parametrize(("number", "settings"), [(BATCH - 1, {"CONNECTIONS": 3}), (BACKLOG, {})])
def test_one_is_enough_for_few_mails_and_by_default(number, settings):
    class OneServer(Server):
        def send(self, message):
            self.recipients += message.to

    opened = []
    with backlog(number, **settings), replaced(lambda _: opened.append(OneServer(None, 0)) or opened[-1]):
        assert send_due() == {"sent": number}
    assert len(opened) == 1


class TestAKeptConnection:
    @pytest.fixture(autouse=True)
    def _forgotten(self):
        close_kept()
        yield
        close_kept()

    def test_is_that_of_the_next_block(self):
        with project_transport() as one:
            pass
        with project_transport() as other:
            assert other is one

    def test_is_each_threads_own(self):
        found = []

        def look():
            with project_transport() as kept:
                found.append(kept)

        look()
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
        assert found[0] is not found[1]

    def test_is_not_that_of_another_process(self, monkeypatch):
        with project_transport() as one:
            pass
        monkeypatch.setattr("os.getpid", lambda: -1)
        with project_transport() as other:
            assert other is not one

    def test_is_not_kept_beyond_its_settings(self):
        with project_transport() as one:
            pass
        name = "MAILERS" if hasattr(mail, "mailers") else "EMAIL_BACKEND"
        value = f"{EmailBackend.__module__}.EmailBackend"
        with (
            override_settings(**{name: {"default": {"BACKEND": value}} if name == "MAILERS" else value}),
            project_transport() as other,
        ):
            assert other is not one

    def test_is_left_alone_while_transports_are_replaced(self):
        server = Server(None, 0)
        with replaced(lambda _: server), project_transport() as other:
            assert other is server
        assert server.is_closed
        assert getattr(transport._kept, "owner", None) is None
