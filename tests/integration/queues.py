"""A task backend that is none of those the library knows, as one is that asks a broker over the network."""

from threading import Event, current_thread

from django.db import connections

from notifyaudit import compat

SECONDS = 60

(BaseTaskBackend,) = compat.DummyBackend.__bases__


class RemoteBackend(BaseTaskBackend):
    """Notes which thread asks, and what it used of the database; can be held, so that it does not answer."""

    threads = []
    databases = []
    answers = Event()

    @classmethod
    def reset(cls):
        cls.threads.clear()
        cls.databases.clear()
        cls.answers.set()

    def enqueue(self, task, args, kwargs):
        self.threads.append(current_thread().name)
        connections["default"].ensure_connection()
        self.databases.append(connections["default"])
        assert self.answers.wait(SECONDS)


REMOTE = {"default": {"BACKEND": f"{__name__}.RemoteBackend"}}
