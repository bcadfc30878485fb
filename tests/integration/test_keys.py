"""Keys are the same only if every character is: on every database, in lookups and in unique constraints."""

import pytest

from notifyaudit import record
from notifyaudit.models import AuditEvent, Message, Notification
from notifyaudit.models.fields import KeyField
from notifyaudit.routing import route_pending
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction

pytestmark = pytest.mark.django_db

# What MariaDB's own collations call the same: in case, accent, trailing space, width, ligature.
LOOKALIKES = ["ann", "Ann", "ANN", "änn", "ann ", "ann  ", "ａｎｎ", "ænn", "aenn", "ßs", "sss", "🙂", "🙃"]


def test_idempotency_keys_that_look_alike_are_different_events():
    events = [record(DocumentAction.FILED, idempotency_key=key) for key in LOOKALIKES]
    assert AuditEvent.objects.count() == len({event.pk for event in events}) == len(LOOKALIKES)
    for event in events:
        again = record(DocumentAction.FILED, idempotency_key=event.idempotency_key)
        assert (again.pk, again.idempotency_key) == (event.pk, event.idempotency_key)


def test_references_that_look_alike_are_different_events():
    for reference in LOOKALIKES:
        record(DocumentAction.FILED, source="history", source_ref=reference)
        record(DocumentAction.FILED, source="History", source_ref=reference)
    assert AuditEvent.objects.count() == 2 * len(LOOKALIKES)


@pytest.mark.parametrize(
    ("model", "name"),
    [
        (model, field.name)
        for model in (AuditEvent, Message, Notification)
        for field in model._meta.fields
        if isinstance(field, KeyField)
    ],
)
def test_a_lookup_finds_exactly_its_key(model, name):
    for number, key in enumerate(LOOKALIKES, start=1):
        needed = {"event_id": number} if model is Notification else {}
        model.objects.bulk_create([model(**needed, **{name: key})])
    for key in LOOKALIKES:
        assert list(model.objects.filter(**{name: key}).values_list(name, flat=True)) == [key]


def test_recipients_whose_keys_differ_only_in_accent_are_told_each():
    with email_kind(["ann@x.example", "änn@x.example", "ann @x.example", "ANN@x.example"]):
        record(DocumentAction.FILED)
        route_pending()
    keys = set(Notification.objects.values_list("recipient_key", flat=True))
    # An address is the same in any case: the library folds it, not the database.
    assert keys == {"mail:ann@x.example", "mail:änn@x.example", "mail:ann @x.example"}


def test_keys_follow_each_other_by_their_code_points():
    names = ["a_b", "ab", "B", "ä", "a-b", "Z", "😀", "ﬀ", "a b", "10", "9"]
    for name in names:
        Message.objects.create(email_key="test.kind", recipient_key=name)
    assert list(Message.objects.order_by("recipient_key").values_list("recipient_key", flat=True)) == sorted(
        names
    )


def test_a_key_of_the_widest_characters_fits_every_index():
    event = record(DocumentAction.FILED, idempotency_key="🙂" * 190, source="🙂" * 64, source_ref="🙃" * 190)
    AuditEvent(action="a" * 190, target_type="🙂" * 190, target_id="🙂" * 255).save()
    Message.objects.create(email_key="🙂" * 190, recipient_key="🙂" * 255, open_key="🙂" * 255)
    Notification.objects.create(event=event, email_key="🙂" * 190, recipient_key="🙂" * 255)


def test_moments_keep_their_microseconds():
    event = record(DocumentAction.FILED)
    assert AuditEvent.objects.get(pk=event.pk).recorded_at == event.recorded_at
    assert AuditEvent.objects.filter(recorded_at=event.recorded_at).exists()
