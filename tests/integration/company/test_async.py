"""Async tests, by pytest-asyncio and by Django, ask with the twins."""

import asyncio
from datetime import timedelta

import pytest
from asgiref.sync import sync_to_async
from django.core.exceptions import SynchronousOnlyOperation
from django.db import connections
from django.test import TestCase, TransactionTestCase

from notifyaudit import arecord
from notifyaudit.testing import AuditOutboxMixin
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Document


@pytest.fixture(autouse=True)
def kind():
    with email_kind(["a@x.example"], subject="{{ target }}"):
        yield


async def file(title):
    document = await Document.objects.acreate(title=title)
    return await arecord(DocumentAction.FILED, target=document)


async def ask_everything(outbox):
    """Each twin, once."""
    await outbox.aassert_nothing_sent()
    event = await file("Plan A")
    email = await outbox.aone(subject="Plan A")
    assert email.event == event
    assert (await outbox.alast()).content is email.content
    assert [each.content for each in await outbox.aall(target=lambda target: target.title == "Plan A")] == [
        email.content
    ]
    assert await outbox.arecorded(DocumentAction.FILED) == [event]
    await outbox.aassert_not_sent(to="b@x.example", because="not_asked")
    await outbox.aassert_no_more()
    outbox.smtp_fails()
    await file("Plan B")
    (waiting,) = await outbox.awaiting()
    assert waiting.event.target_repr == "Plan B"
    await outbox.aadvance(timedelta(minutes=5))
    assert (await outbox.alast()).event == waiting.event
    await outbox.aclear()
    await outbox.aassert_nothing_sent()


def expect_the_clear_error(ask):
    with pytest.raises(SynchronousOnlyOperation, match=r"await audit_outbox\.aone\(…\)"):
        ask()


@pytest.mark.django_db(transaction=True)
class TestByPytestAsyncio:
    @pytest.fixture(autouse=True)
    def executor(self):
        """Threads of asgiref keep their connections, which would keep the database from being removed."""
        yield
        asyncio.run(sync_to_async(connections.close_all)())

    @pytest.mark.asyncio
    async def test_the_twins(self, audit_outbox):
        await ask_everything(audit_outbox)

    @pytest.mark.asyncio
    async def test_events_of_tasks_that_run_at_the_same_time(self, audit_outbox):
        await asyncio.gather(*(file(f"Plan {number}") for number in range(5)))
        assert {email.subject for email in await audit_outbox.aall()} == {f"Plan {n}" for n in range(5)}

    @pytest.mark.asyncio
    async def test_a_question_that_would_block(self, audit_outbox):
        for ask in (audit_outbox.one, audit_outbox.all, audit_outbox.recorded, audit_outbox.assert_no_more):
            expect_the_clear_error(ask)


@pytest.mark.django_db
@pytest.mark.asyncio
async def test_an_async_test_inside_of_a_transaction_is_told_what_it_needs(audit_outbox):
    with pytest.raises(AssertionError, match=r"another database connection.*django_db\(transaction=True\)"):
        await audit_outbox.aassert_nothing_sent()


@pytest.mark.usefixtures("kind")
class AsyncTest(AuditOutboxMixin, TestCase):
    async def test_the_twins(self):
        await ask_everything(self.audit_outbox)

    async def test_a_question_that_would_block(self):
        expect_the_clear_error(self.audit_outbox.assert_nothing_sent)


@pytest.mark.usefixtures("kind")
class AsyncTransactionTest(AuditOutboxMixin, TransactionTestCase):
    async def test_the_twins(self):
        await ask_everything(self.audit_outbox)
