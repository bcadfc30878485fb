from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from notifyaudit import Frequency
from notifyaudit.windows import next_close, zone_or_utc

SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=number) for number in (1, 60, 3600, 86400))
ZONES = sorted(available_timezones())
BEGIN, END = datetime(1980, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
DIGESTS = [Frequency.HOURLY, Frequency.DAILY, Frequency.WEEKLY]
# No clock has been set back further since then than Vostok's in 1994, from +7 to +0.
SET_BACK = 7 * HOUR
LONGEST = {
    Frequency.HOURLY: 2 * HOUR,
    Frequency.DAILY: DAY + SET_BACK,
    Frequency.WEEKLY: 7 * DAY + SET_BACK,
}


def clock(instant, zone):
    return instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)


@cache
def changes_of_the_clock(zone) -> tuple[datetime, ...]:
    place, found, step = ZoneInfo(zone), [], 10 * DAY
    moment, offset = BEGIN, BEGIN.astimezone(ZoneInfo(zone)).utcoffset()
    while moment < END:
        after = moment + step
        if (changed := after.astimezone(place).utcoffset()) != offset:
            seconds = [moment, after]
            while seconds[1] - seconds[0] > SECOND:
                middle = seconds[0] + (seconds[1] - seconds[0]) // SECOND // 2 * SECOND
                seconds[middle.astimezone(place).utcoffset() != offset] = middle
            found.append(seconds[1])
        moment, offset = after, changed
    return tuple(found)


def closes(was, shown, highest, frequency, hour):
    """Whether a window closes when the clock goes from one minute to the next, told by looking."""
    if frequency == Frequency.HOURLY:
        return shown.minute == 0 or shown.replace(minute=0) > was
    today = shown.replace(hour=hour, minute=0)
    return any(highest < wished <= shown for wished in (today, today - DAY))


def found_by_looking(after, frequency, *, zone, hour):
    """The next closing of an hour or a day, by reading the clock minute for minute."""
    minute = after.replace(second=0, microsecond=0)
    # What the clock has shown already: it may have been set back since.
    highest = max(clock(minute - number * MINUTE, zone) for number in range(SET_BACK // MINUTE + 1))
    shown = clock(minute, zone)
    while True:
        minute += MINUTE
        was, shown = shown, clock(minute, zone)
        if closes(was, shown, highest, frequency, hour):
            return minute
        highest = max(highest, shown)


@st.composite
def instants(draw, zone):
    changes = changes_of_the_clock(zone)
    if not changes or draw(st.integers(0, 4)) == 0:
        return draw(st.timedeltas(timedelta(0), END - BEGIN).map(BEGIN.__add__))
    return draw(st.sampled_from(changes)) + draw(st.timedeltas(-26 * HOUR, 26 * HOUR))


@st.composite
def cases(draw, frequencies=DIGESTS):
    zone = draw(st.sampled_from(ZONES))
    wish = {"zone": zone, "hour": draw(st.integers(0, 23)), "weekday": draw(st.integers(0, 6))}
    return draw(instants(zone)), draw(st.sampled_from(frequencies)), wish


def test_there_are_zones_to_try():
    assert {"Pacific/Apia", "Australia/Lord_Howe", "Asia/Kathmandu"} <= set(ZONES)
    assert len(changes_of_the_clock("Europe/Berlin")) == 240


@settings(deadline=None)
@given(cases([Frequency.HOURLY, Frequency.DAILY]))
def test_a_window_closes_when_the_clock_shows_it(case):
    after, frequency, wish = case
    looked = found_by_looking(after, frequency, zone=wish["zone"], hour=wish["hour"])
    assert next_close(after, frequency, **wish) == looked


@settings(deadline=None)
@given(cases())
def test_a_window_closes_later_at_the_wished_time_and_is_not_too_long(case):
    after, frequency, wish = case
    closing = next_close(after, frequency, **wish)
    assert after < closing <= next_close(closing, frequency, **wish) - SECOND
    assert next_close(closing, frequency, **wish) - closing <= LONGEST[frequency]
    shown, was = clock(closing, wish["zone"]), clock(closing - SECOND, wish["zone"])
    if shown - was == SECOND:
        assert (shown.minute, shown.second) == (0, 0)
        assert frequency == Frequency.HOURLY or shown.hour == wish["hour"]
        assert frequency != Frequency.WEEKLY or shown.weekday() == wish["weekday"]


@settings(deadline=None)
@given(cases(), st.floats(0, 1, exclude_max=True))
def test_every_instant_of_a_window_has_the_same_closing(case, share):
    after, frequency, wish = case
    closing = next_close(after, frequency, **wish)
    within = after + (closing - after) * share
    assume(within < closing)
    assert next_close(within, frequency, **wish) == closing
    assert next_close(closing - timedelta(microseconds=1), frequency, **wish) == closing


@settings(deadline=None)
@given(cases(), st.timedeltas(timedelta(0), 20 * DAY))
def test_a_later_instant_never_closes_earlier(case, later):
    after, frequency, wish = case
    assert next_close(after, frequency, **wish) <= next_close(after + later, frequency, **wish)


@settings(deadline=None)
@given(cases([Frequency.WEEKLY]))
def test_a_week_closes_with_the_day_that_reaches_the_wished_one(case):
    after, _, wish = case
    start = day = next_close(after, Frequency.DAILY, **wish)
    reached = False
    while not reached:
        before, day = day, next_close(day, Frequency.DAILY, **wish)
        shown = clock(day, wish["zone"])
        today = shown.replace(hour=wish["hour"], minute=0, second=0)
        # Also the day before: one that the clock skips is reached together with the next.
        reached = any(
            clock(before, wish["zone"]) < wished <= shown and wished.weekday() == wish["weekday"]
            for wished in (today, today - DAY)
        )
    assert next_close(start, Frequency.WEEKLY, **wish) == day


def test_windows_tile_time_around_every_change_of_every_clock():
    seen = set()
    for zone in ZONES:
        changes = changes_of_the_clock(zone)
        # Many names stand for the same clock.
        if (same := (changes, clock(BEGIN, zone), clock(END, zone))) in seen:
            continue
        seen.add(same)
        # Later ones follow the same rules year by year.
        for change in (change for change in changes if change.year < 2040):
            lost, won = clock(change - SECOND, zone), clock(change, zone)
            longest = DAY + max(lost + SECOND - won, timedelta(0))
            for hour in {lost.hour, won.hour}:
                wish = {"zone": zone, "hour": hour, "weekday": won.weekday()}
                window = change - 25 * HOUR
                shown = []
                while window <= change + 25 * HOUR:
                    closing = next_close(window, Frequency.DAILY, **wish)
                    assert timedelta(0) < closing - window <= longest, (zone, change)
                    shown.append(clock(closing, zone).date())
                    window = closing
                assert len(set(shown)) == len(shown) or won - lost > DAY - HOUR, (zone, change)
    assert len(seen) > 100


def at(text):
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("zone", "frequency", "hour", "after", "closings"),
    [
        # Set forward from 2 to 3: the hour is skipped.
        ("Europe/Berlin", "daily", 2, "2026-03-28T12:00Z",
         ["2026-03-29T03:00+02:00", "2026-03-30T02:00+02:00"]),
        # Set back from 3 to 2: it comes twice.
        ("Europe/Berlin", "daily", 2, "2026-10-24T12:00Z",
         ["2026-10-25T02:00+02:00", "2026-10-26T02:00+01:00"]),
        ("Europe/Berlin", "hourly", 0, "2026-10-24T23:30Z",
         ["2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00", "2026-10-25T03:00+01:00"]),
        # By half an hour.
        ("Australia/Lord_Howe", "hourly", 0, "2026-10-03T15:00Z",
         ["2026-10-04T02:30+11:00", "2026-10-04T03:00+11:00"]),
        ("Australia/Lord_Howe", "hourly", 0, "2026-04-04T14:00Z",
         ["2026-04-05T02:00+10:30", "2026-04-05T03:00+10:30"]),
        ("Asia/Kathmandu", "hourly", 0, "2026-01-01T00:00Z", ["2026-01-01T06:00+05:45"]),
        # At midnight.
        ("America/Santiago", "daily", 0, "2025-09-06T12:00Z", ["2025-09-07T01:00-03:00"]),
        # A day that never was: a Friday, and a Saturday.
        ("Pacific/Apia", "daily", 9, "2011-12-29T20:00Z",
         ["2011-12-31T00:00+14:00", "2011-12-31T09:00+14:00"]),
        ("Pacific/Apia", "weekly", 9, "2011-12-29T20:00Z",
         ["2011-12-31T00:00+14:00", "2012-01-06T09:00+14:00"]),
        ("Pacific/Kwajalein", "daily", 9, "1993-08-20T21:00Z",
         ["1993-08-22T00:00+12:00", "1993-08-22T09:00+12:00"]),
        # The sun's time, to the second, and a day that came twice.
        ("Africa/Monrovia", "hourly", 0, "1971-06-01T00:00Z", ["1971-06-01T00:44:30Z"]),
        ("America/Juneau", "daily", 2, "1867-10-18T12:00Z", ["1867-10-20T10:57:41Z"]),
    ],
)  # fmt: skip
def test_known_oddities(zone, frequency, hour, after, closings):
    window = at(after)
    found = []
    for _ in closings:
        window = next_close(window, Frequency(frequency), zone=zone, hour=hour, weekday=4)
        found.append(window)
    assert found == [at(closing) for closing in closings]


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "America", "../UTC", "/etc/passwd", "zone.tab", "a\0b", "\ud800", "x" * 999]
)
def test_a_name_that_is_no_zone_closes_by_utc(name):
    assert zone_or_utc(name) is UTC
    closing = next_close(BEGIN, Frequency.DAILY, zone=name, hour=9, weekday=0)
    assert closing == BEGIN + 9 * HOUR


def test_the_closing_is_in_utc_whatever_zone_the_instant_is_in():
    after = datetime(2026, 7, 1, 12, tzinfo=ZoneInfo("America/New_York"))
    closing = next_close(after, Frequency.DAILY, zone="Europe/Berlin", hour=9, weekday=0)
    assert (closing, closing.tzinfo) == (datetime(2026, 7, 2, 7, tzinfo=UTC), UTC)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"after": BEGIN.replace(tzinfo=None)}, "naive"),
        ({"frequency": Frequency.IMMEDIATE}, "immediately"),
        ({"hour": 24}, "hour"),
        ({"weekday": 7}, "weekday"),
    ],
)
def test_nonsense_is_refused_by_name(wrong, named):
    asked = {"after": BEGIN, "frequency": Frequency.DAILY, "zone": "UTC", "hour": 9, "weekday": 0} | wrong
    with pytest.raises(ValueError, match=named):
        next_close(asked.pop("after"), asked.pop("frequency"), **asked)
