"""A broker that can be stopped, emptied and silenced: a proxy before the machine's own, which goes on."""

import os
import socket
import zlib
from abc import ABC, abstractmethod
from contextlib import suppress
from threading import Thread
from uuid import uuid4

from example_site.ports import free_port
from example_site.processes import ROOT
from tests.acceptance.databases import missing
from tests.conftest import answers


class Proxy:
    """Listens on a port of its own and passes on what it is told, to and fro; or does not."""

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.port = free_port()
        self.accepted = 0
        self._listener: socket.socket | None = None
        self._connections: list[socket.socket] = []

    def open(self, *, silent: bool = False) -> None:
        """Take connections; ``silent``: and never say anything on them."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        Thread(target=self._serve, args=(self._listener, silent), daemon=True).start()

    def close(self) -> None:
        """Cut all connections and refuse new ones."""
        for each in [self._listener, *self._connections]:
            if each:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()
        self._connections.clear()
        self._listener = None

    def _serve(self, listener: socket.socket, silent: bool) -> None:  # noqa: FBT001
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            self.accepted += 1
            self._connections.append(near)
            if not silent:
                far = socket.create_connection(self.target)
                self._connections.append(far)
                for ends in ((near, far), (far, near)):
                    Thread(target=_pump, args=ends, daemon=True).start()


def _pump(source: socket.socket, destination: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            destination.sendall(data)
    for each in (source, destination):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


class Broker(ABC):
    """A part of the machine's broker that nobody else uses, behind a proxy of our own."""

    host: str
    port: int
    name: str

    def __init__(self) -> None:
        if not answers(self.host, self.port):
            missing(f"{type(self).__name__} does not answer on {self.host}:{self.port}")
        self.proxy = Proxy(self.host, self.port)

    @abstractmethod
    def tasks(self) -> int:
        """How many are waiting for a worker."""

    @abstractmethod
    def empty(self) -> None:
        """Forget all tasks."""

    @abstractmethod
    def remove(self) -> None:
        """Leave nothing of ours behind."""


class Redis(Broker):
    host = os.environ.get("REDIS_HOST", "127.0.0.1")
    port = int(os.environ.get("REDIS_PORT", "6379"))

    def __init__(self) -> None:
        super().__init__()
        import redis

        # One per checkout, and never the first, which others use.
        first = zlib.crc32(str(ROOT).encode()) % 15
        for number in range(15):
            self.name = str((first + number) % 15 + 1)
            self._client = redis.Redis(host=self.host, port=self.port, db=int(self.name))
            if not self._client.dbsize():
                return
            self._client.close()
        missing("all databases of Redis are in use")

    def tasks(self) -> int:
        return int(self._client.llen("rq:queue:default"))

    def empty(self) -> None:
        self._client.flushdb()

    def remove(self) -> None:
        self.empty()
        self._client.close()


class RabbitMq(Broker):
    host = os.environ.get("RABBITMQ_HOST", "127.0.0.1")
    port = int(os.environ.get("RABBITMQ_PORT", "5672"))

    def __init__(self) -> None:
        super().__init__()
        from kombu import Connection

        self.name = f"notifyaudit-{uuid4().hex}"
        self._connection = Connection(f"amqp://guest:guest@{self.host}:{self.port}//")
        self._channel = self._connection.channel()
        self._channel.queue_declare(self.name, durable=True, auto_delete=False)

    def tasks(self) -> int:
        return int(self._channel.queue_declare(self.name, passive=True).message_count)

    def empty(self) -> None:
        self._channel.queue_purge(self.name)

    def remove(self) -> None:
        self._channel.queue_delete(self.name)
        self._channel.exchange_delete(self.name)
        self._connection.close()
