"""What a signal's receivers get is what was sent, or it was refused."""

import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, IntFlag, StrEnum, auto
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.db import models
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy
from hypothesis import given
from hypothesis import strategies as st

from notifyaudit.sources.packing import DEPTH, dumps
from notifyaudit.sources.unpacking import loads
from tests.testapp.models import Document, UrgentDocument


class Colour(Enum):
    RED = auto()
    BLUE = auto()
    CRIMSON = RED


class Size(models.TextChoices):
    SMALL = "s", "Small"


class Level(IntEnum):
    LOW = 1


class Right(IntFlag):
    READ = auto()
    WRITE = auto()


class Word(StrEnum):
    YES = "yes"


class Price(Decimal):
    pass


class Moment(datetime):
    pass


class Day(date):
    pass


class Digest(bytes):
    pass


class Key(UUID):
    pass


class Span(timedelta):
    pass


class Markup(SafeString):
    pass


class Point(tuple):
    __slots__ = ()


def back(value):
    text = dumps({"value": value})
    assert text.isascii()
    return loads(text)["value"]


def is_same(one, other):
    """Equal, and of equal types at any depth; NaN is itself."""
    if type(one) is not type(other):
        return False
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(is_same, one, other))
    if isinstance(one, dict):
        return is_same(list(one.items()), list(other.items()))
    if isinstance(one, float | Decimal):
        return repr(one) == repr(other)
    if isinstance(one, datetime | time):
        return (one.isoformat(), one.fold) == (other.isoformat(), other.fold)
    return one == other


zones = st.none() | st.just(UTC) | st.timezones() | st.just(timezone(timedelta(hours=-3, minutes=-30)))
hashables = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.decimals()
    | st.uuids()
    | st.binary()
    | st.dates()
    | st.timedeltas()
    | st.datetimes(timezones=zones)
    | st.times(timezones=st.just(UTC) | st.none() | st.timezones())
    | st.sampled_from([*Colour, *Size, *Level, *Word, Right.READ, Right.READ | Right.WRITE, Right(0)])
    | st.sampled_from([Document, UrgentDocument])
    | st.text().map(SafeString)
)
keys = st.text() | st.integers() | st.booleans() | st.none() | st.tuples(st.text(), st.integers())
values = st.recursive(
    hashables,
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(keys, inner)
        | st.dictionaries(st.sampled_from(["$object", "$date", "$", "$dict", "plain"]), inner)
    ),
    max_leaves=12,
)


@given(values)
def test_what_is_sent_comes_back(value):
    assert is_same(back(value), value)


@given(st.sets(st.integers() | st.text() | st.dates()), st.frozensets(st.uuids()))
def test_sets_come_back(one, other):
    assert is_same(back([one, other]), [one, other])


@pytest.mark.parametrize(
    "value",
    [
        1e22,
        -0.0,
        float("nan"),
        10**5000,
        -(10**5000),
        "\0",
        "\ud800",
        Decimal("-0E+7"),
        Decimal("sNaN"),
        b"\0\xff",
        datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
        datetime(1, 1, 1, tzinfo=timezone(timedelta(seconds=1))),
        timedelta.min,
        Colour.CRIMSON,
        (),
        {},
        [[], [()]],
        {"$object": ["testapp.Document", "1"]},
        {True: 1},
        {(1, 2): [3]},
        {None: date(2026, 11, 21)},
        UUID(int=0),
        mark_safe("<b>"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_edges_come_back(value):
    assert is_same(back(value), value)


def test_a_zone_comes_back_by_name():
    sent = datetime(2026, 7, 1, tzinfo=ZoneInfo("Europe/Berlin"))
    assert back(sent).tzinfo is sent.tzinfo


def test_a_choice_outlives_the_rename_of_its_member():
    assert '"value","s"' in dumps({"size": Size.SMALL})
    assert '"name","RED"' in dumps({"colour": Colour.CRIMSON})


def test_the_text_is_json_that_a_person_can_read():
    assert json.loads(dumps({"price": Decimal("1.20"), "lines": [1, "a"]})) == {
        "price": {"$decimal": "1.20"},
        "lines": [1, "a"],
    }


def local_enum():
    class Hidden(Enum):
        ONE = 1

    return Hidden.ONE


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (object(), r"value is of builtins.object"),
        ([1, {"x": object()}], r"value\[1\]\['x'\] is of builtins.object"),
        ({1: {2: object()}}, r"value\[1\]\[2\] is of"),
        ({Point(): 1}, r"the key \(\) of value is of"),
        (Point([1]), "is of .*Point"),
        (Price("1.20"), "is of .*Price"),
        (Moment(2026, 11, 21), "is of .*Moment"),
        (Day(2026, 11, 21), "is of .*Day"),
        (Digest(b"x"), "is of .*Digest"),
        (Key(int=0), "is of .*Key"),
        (Span(1), "is of .*Span"),
        (Markup("<b>"), "is of .*Markup"),
        (gettext_lazy("words"), r"__proxy__, .*Pass str\(…\) of it"),
        (Document.objects.none, "is of builtins.function|is of builtins.method"),
        (Document._base_manager.none(), r"Pass list\(…\) of it"),
        (bytearray(b"x"), r"Pass bytes\(…\) of it"),
        (local_enum(), "is defined within another function"),
        (str, "is of builtins.type"),
        (1j, "is of builtins.complex"),
        (range(3), "is of builtins.range"),
    ],
)
def test_anything_else_is_refused_and_named(value, where):
    with pytest.raises(TypeError, match=where):
        dumps({"value": value})


def test_what_holds_itself_is_refused():
    endless = []
    endless.append(endless)
    with pytest.raises(TypeError, match=f"deeper than {DEPTH} levels, or holds itself"):
        dumps({"value": endless})
