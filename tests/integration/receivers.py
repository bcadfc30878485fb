"""Signals and their receivers: functions of a module, since a worker finds them by name."""

import sys
from datetime import timedelta
from functools import partial

from django.db import IntegrityError, connection, transaction
from django.dispatch import Signal
from django_guid import get_guid

from notifyaudit import RetryPolicy, record
from notifyaudit.sources import ReliableSignal
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Document, Tag

RETRY = RetryPolicy(max_attempts=3, base=timedelta(minutes=10), jitter=0)

filed = ReliableSignal(retry=RETRY)
cached = ReliableSignal(use_caching=True)
plain = Signal()


class Signals:
    printed = ReliableSignal()


heard = []
"""What the receivers of a test have got."""


def listen(**sent):
    heard.append(sent)


def listen_too(**sent):
    heard.append(sent)


def tag(sender, document, name="filed", **sent):
    Tag.objects.create(name=name)
    heard.append(document)


def tag_and_record(sender, document, **sent):
    Tag.objects.create(name="filed")
    record(DocumentAction.FILED, target=document)


def tag_and_fail(sender, document, **sent):
    Tag.objects.create(name="lost")
    raise ValueError("the printer is on fire")


def take_back(**sent):
    Tag.objects.create(name="lost")
    transaction.set_rollback(True)


def swallow(**sent):
    Tag.objects.create(pk=1, name="one")
    try:
        Tag.objects.create(pk=1, name="another")
    except IntegrityError:
        heard.append(sent)


def lose_connection(**sent):
    Tag.objects.create(name="lost")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        else:
            cursor.execute("KILL CONNECTION_ID()")


def pass_on(sender, document, **sent):
    Signals.printed.send_reliable(sender, document=document)


def see_transaction(**sent):
    heard.append(connection.in_atomic_block)


def record_and_measure(sender, document, **sent):
    record(DocumentAction.FILED, target=document)
    frame, depth = sys._getframe(), 0
    while frame := frame.f_back:
        depth += 1
    heard.append(depth)


def fail_after_commit(number, **sent):
    Tag.objects.create(name=str(number))

    def tell():
        raise (ValueError if number % 2 else IntegrityError)("the printer is on fire")

    transaction.on_commit(tell)


def note_guid(**sent):
    heard.append(get_guid())


def moved_to(**sent):
    heard.append("moved")


class Archive:
    @staticmethod
    def file(**sent):
        heard.append("static")

    @classmethod
    def shelve(cls, **sent):
        heard.append(cls)

    def keep(self, **sent):
        raise AssertionError("never called")


class Vault(Archive):
    pass


class Caller:
    def __call__(self, **sent):
        raise AssertionError("never called")


async def listen_later(**sent):
    raise AssertionError("never called")


def listener():
    def inner(**sent):
        raise AssertionError("never called")

    return inner


def covered(**sent):
    raise AssertionError("never called")


first_covered = covered


def covered(**sent):
    raise AssertionError("never called")


half = partial(listen, half=True)
anonymous = lambda **sent: None  # noqa: E731
documents = Document
