"""What goes into the ledger comes out of it, JSON-safe and masked, through each database's real columns."""

import collections
import dataclasses
import json
import math
import time as clock
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import NamedTuple

import pytest
from django.core.files.base import ContentFile
from django.db import connection, models
from django.test.utils import isolate_apps
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext_lazy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifyaudit import audit_context, record, track
from notifyaudit.masking import MASK
from notifyaudit.models import AuditEvent
from notifyaudit.secrecy import mask_of
from notifyaudit.values import CUT, DEPTH, to_json
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Document, Tag

pytestmark = pytest.mark.django_db

SECRET = "s3cret-value"
few = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


@dataclasses.dataclass
class Login:
    name: str
    password: str


class Pair(NamedTuple):
    name: str
    api_key: str


class Hostile:
    def __str__(self):
        raise RuntimeError


def there_and_back(**data):
    event = record(DocumentAction.FILED, data=data)
    return AuditEvent.objects.get(pk=event.pk).data


def same(ours, theirs):
    """Equal as JSON: a number is a number, since PostgreSQL writes 1e22 with all its digits."""
    if isinstance(ours, float):
        return isinstance(theirs, int | float) and math.isclose(ours, theirs, rel_tol=1e-15)
    if isinstance(ours, dict):
        return ours.keys() == theirs.keys() and all(same(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return ours == theirs and type(ours) is type(theirs)


def _hashable(value):
    try:
        return hash(value) is not None
    except TypeError:
        return False


leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(10**400), 10**400)
    | st.floats()
    | st.text(alphabet=st.characters(codec=None))
    | st.binary()
    | st.decimals()
    | st.fractions()
    | st.complex_numbers()
    | st.dates()
    | st.times()
    | st.datetimes(timezones=st.none() | st.just(UTC))
    | st.timedeltas()
    | st.uuids()
    | st.ip_addresses()
    | st.sampled_from(
        [Colour.RED, Level.HIGH, gettext_lazy("yes"), Tag(pk=1, name="t"), ContentFile(b"", name="a")]
    )
    | st.builds(Hostile)
    | st.builds(lambda value: SimpleLazyObject(lambda: value), st.none() | st.booleans() | st.integers())
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(alphabet=st.characters(codec=None)) | leaves.filter(_hashable), inner, max_size=4
        )
        | st.tuples(inner, inner)
        | st.frozensets(leaves.filter(_hashable), max_size=4)
        | st.builds(collections.deque, st.lists(inner, max_size=2))
    ),
    max_leaves=12,
)


@few
@given(st.lists(values, min_size=20, max_size=60))
def test_what_goes_in_comes_out(many):
    # A key made by chance may be a sensitive one.
    expected = mask_of(None).apply(to_json({"values": many}))
    json.dumps(expected, allow_nan=False).encode()
    assert same(expected, there_and_back(values=many))


secret_keys = st.sampled_from(["password", "userPassword", "API-Key", "x_token_2", "Client Secret"])
harmless_keys = st.sampled_from(["tokenizer", "keyboard", "secretary", "apis", "pinboard"])
holders = st.recursive(
    st.builds(lambda key: {key: SECRET}, secret_keys)
    | st.builds(lambda key: {key: "shown"}, harmless_keys)
    | st.just(Login("bob", SECRET))
    | st.just(Pair("bob", SECRET))
    | st.just({"password": SECRET}.items())
    | st.just({"password": SECRET, Hostile(): 1}),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(harmless_keys, inner, min_size=1)
        | st.builds(lambda value: SimpleLazyObject(lambda: value), inner)
        | st.builds(lambda key, value: {key: {"deep": value}}, secret_keys, inner)
    ),
    max_leaves=6,
)


@few
@given(st.lists(holders, min_size=10, max_size=30))
def test_no_secret_arrives_at_any_depth_and_in_any_structure(many):
    too_deep = many[0]
    for _ in range(DEPTH + 10):
        too_deep = [too_deep]
    with audit_context(metadata={"values": many}):
        event = record(
            DocumentAction.FILED,
            data={"values": many, "deep": too_deep},
            changes={"values": (many, too_deep), "password": (SECRET, many)},
        )
    row = AuditEvent.objects.filter(pk=event.pk).values().get()
    assert SECRET not in str(row)
    assert row["changes"]["password"] == [MASK, MASK]


def test_what_only_looks_sensitive_is_shown():
    assert there_and_back(tokenizer="a", secretary={"keyboard": "b"}) == {
        "tokenizer": "a",
        "secretary": {"keyboard": "b"},
    }


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("ä🙂" * 350_000, "ä🙂" * 350_000),
        (10**400, 10**400),
        (10**5000, hex(10**5000)),
        (Decimal("1E+1000000"), "1E+1000000"),
        (Decimal("sNaN"), "sNaN"),
        (date.max, "9999-12-31"),
        (timedelta.max, "999999999 23:59:59.999999"),
        (datetime(2026, 1, 1, microsecond=1, tzinfo=UTC), "2026-01-01T00:00:00.000001+00:00"),
        (SimpleLazyObject(lambda: True), True),
        (SimpleLazyObject(lambda: None), None),
        (range(3), [0, 1, 2]),
        (collections.Counter("aab"), {"a": 2, "b": 1}),
        ({Colour.RED: 1, None: 2, 3: 4}, {"red": 1, "None": 2, "3": 4}),
        (Login("bob", SECRET), {"name": "bob", "password": MASK}),
        (Pair("bob", SECRET), {"name": "bob", "api_key": MASK}),
        (Document(title="draft"), {"type": "testapp.Document", "id": "", "repr": "draft"}),
        (memoryview(b"12345"), "5 bytes"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_is_kept(value, stored):
    assert there_and_back(value=value) == {"value": stored}


def nested(levels, kind):
    value = "core"
    for _ in range(levels):
        value = kind(value)
    return value


@pytest.mark.parametrize("kind", [lambda inner: [inner], lambda inner: {"k": inner}])
@pytest.mark.parametrize("levels", [DEPTH - 1, DEPTH, DEPTH + 1, 500])
def test_no_depth_is_too_much_for_the_database(kind, levels):
    value = nested(levels, kind)
    event = record(DocumentAction.FILED, changes={"field": (value, value)}, data={"value": value})
    row = AuditEvent.objects.get(pk=event.pk)
    assert ("core" in str(row.changes)) is (levels <= DEPTH)
    assert (CUT in str(row.changes)) is (levels > DEPTH)


def test_what_holds_itself_ends_soon():
    loop = []
    loop += [loop, {"me": loop}]
    bush = ["leaf"]
    for _ in range(40):
        bush = [bush, bush]
    begun = clock.monotonic()
    data = there_and_back(loop=loop, bush=bush)
    assert clock.monotonic() - begun < 5
    assert data["loop"] == [CUT, {"me": CUT}]
    # Twice the same part is no loop.
    part = {"a": 1}
    assert there_and_back(value=[part, part]) == {"value": [part, part]}


def test_ranges_are_kept_with_their_bounds():
    range_type = pytest.importorskip("psycopg.types.range").Range
    assert there_and_back(days=range_type(date(2026, 1, 1), None), none=range_type(empty=True)) == {
        "days": {"lower": "2026-01-01", "upper": None, "bounds": "[)"},
        "none": {"empty": True},
    }


@pytest.mark.skipif(connection.vendor != "postgresql", reason="only PostgreSQL has ranges and arrays")
@isolate_apps("tests.testapp")
def test_ranges_and_arrays_are_tracked_and_rebuilt(monkeypatch):
    from django.contrib.postgres.fields import ArrayField, DateRangeField
    from psycopg.types.range import DateRange

    class Booking(models.Model):
        days = DateRangeField()
        holidays = ArrayField(models.DateField())

        class Meta:
            app_label = "testapp"

    monkeypatch.setattr("notifyaudit.models.event.model_of", lambda name: Booking if name else None)
    with connection.schema_editor() as editor:
        editor.create_model(Booking)
    days, longer = (DateRange(date(2026, 1, 1), date(2026, 1, end)) for end in (5, 9))
    booking = Booking.objects.create(days=days, holidays=[date(2026, 1, 1)])
    with track(booking, DocumentAction.CHANGED) as tracked:
        Booking.objects.update(days=longer)
    change = tracked.event.readable_changes()["days"]
    assert (change.old_label, change.new_label) == ("1 Jan 2026 – 4 Jan 2026", "1 Jan 2026 – 8 Jan 2026")
    with track(booking, DocumentAction.REMOVED) as tracked:
        booking.delete()
    rebuilt = AuditEvent.objects.get(pk=tracked.event.pk)._rebuilt()
    assert (rebuilt.days, rebuilt.holidays) == (longer, [date(2026, 1, 1)])
