"""A mail is written in its reader's language and by their clock."""

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.db import IntegrityError, transaction

from notifyaudit import Frequency, record, subscribe
from notifyaudit.models import Message, Preference
from notifyaudit.preferring import preference_of
from notifyaudit.recipients import Recipient
from notifyaudit.tasks import sweep
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction

pytestmark = pytest.mark.django_db

ADDRESS = "Ann@x.example"


@pytest.fixture
def user():
    return get_user_model().objects.create_user("ann", "ann@x.example")


def test_of_a_user(user):
    Preference.objects.create(user=user, language="de", timezone="Asia/Kathmandu")
    with email_kind([user], subject="{{ event.recorded_at|date:'e' }}"):
        record(DocumentAction.FILED)
        sweep()
    (sent,) = mail.outbox
    assert sent.subject == "+0545"
    assert sent.extra_headers["Content-Language"] == "de"


def test_of_a_plain_address_however_it_is_written():
    Preference.objects.create(address_key=Recipient.of(ADDRESS).key, address=ADDRESS, language="de")
    with email_kind([ADDRESS.upper()]):
        record(DocumentAction.FILED)
        sweep()
    assert mail.outbox[0].extra_headers["Content-Language"] == "de"
    assert Preference.objects.count() == 1


def test_a_plain_address_has_a_row_from_its_first_mail_on():
    with email_kind(["ann@x.example", "bob@x.example"]):
        record(DocumentAction.FILED)
        record(DocumentAction.FILED)
        sweep()
    assert sorted(Preference.objects.values_list("address", flat=True)) == ["ann@x.example", "bob@x.example"]


def test_a_user_has_no_row_that_they_did_not_write(user):
    with email_kind([user]):
        record(DocumentAction.FILED)
        sweep()
    assert not Preference.objects.exists()
    assert preference_of(Recipient.of(user)).user == user


def test_a_row_is_of_one(user):
    with pytest.raises(IntegrityError), transaction.atomic():
        Preference.objects.create(user=user, address_key="mail:ann@x.example")
    with pytest.raises(IntegrityError), transaction.atomic():
        Preference.objects.create()


def test_an_open_digest_of_an_address_follows_its_preference():
    subscribe(ADDRESS, DocumentAction.FILED, frequency=Frequency.DAILY)
    record(DocumentAction.FILED)
    sweep()
    before = Message.objects.get().due_at
    preference = preference_of(Recipient.of(ADDRESS))
    preference.digest_hour = (before.hour + 5) % 24
    preference.timezone = "UTC"
    preference.save()
    assert Message.objects.get().due_at.hour == (before.hour + 5) % 24
