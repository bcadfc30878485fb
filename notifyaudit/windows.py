"""When the window of a digest closes, by the recipient's clock. Pure: no ORM, no clock, no settings."""

from bisect import bisect_left
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta, tzinfo
from itertools import count
from zoneinfo import ZoneInfo

from notifyaudit.frequency import Frequency

_SECOND = timedelta(seconds=1)
_HOUR = timedelta(hours=1)
_LAST_HOUR = 23
_DAYS = {Frequency.DAILY: 1, Frequency.WEEKLY: 7}


def zone_or_utc(name: str) -> tzinfo:
    """
    The time zone of this IANA name; UTC where there is none. Tzdata drops names, and another machine's may
    be older: a digest at an odd hour is better than a worker that fails. Refuse a wrong name when it is
    entered.
    """
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):  # unknown; malformed; a directory, before Python 3.12
        return UTC


def next_close(after: datetime, frequency: Frequency, *, zone: str, hour: int, weekday: int) -> datetime:
    """
    The first instant, strictly after the given one, at which a window closes. A window begins with the
    instant at which the one before it closes, and ends before its own.

    - DAILY closes when the local clock first reaches ``hour`` of a day, WEEKLY of that ``weekday``. An hour
      that the clock skips, alone or with its whole day, is reached in the instant after the gap; of an hour
      that comes twice the first counts.
    - HOURLY closes at each full hour that the local clock shows, also when it shows it again, or right after
      the gap that swallows it. So a window is never much longer than an hour.

    Args:
        after: aware, in any zone.
        frequency: not IMMEDIATE, which has no windows.
        zone: an IANA name; see :func:`zone_or_utc`.
        hour: 0 to 23, local. HOURLY needs neither it nor the weekday.
        weekday: 0 is Monday. DAILY does not need it.

    Returns:
        aware, in UTC.

    Raises:
        ValueError: if ``after`` is naive, ``hour`` or ``weekday`` is out of range, or for IMMEDIATE.
    """
    if after.tzinfo is None:
        raise ValueError(f"a naive datetime is no instant: {after!r}")
    if not 0 <= hour <= _LAST_HOUR or not 0 <= weekday < _DAYS[Frequency.WEEKLY]:
        raise ValueError(f"hour is 0 to 23 and weekday 0 to 6, not {hour} and {weekday}")
    if frequency == Frequency.IMMEDIATE:
        raise ValueError("what is sent immediately waits for no window")
    after, place = after.astimezone(UTC), zone_or_utc(zone)
    if frequency == Frequency.HOURLY:
        return _next_full_hour(after, place)
    today = _clock(after, place).date()
    wait = (weekday - today.weekday()) % 7 if frequency == Frequency.WEEKLY else 0
    first = datetime.combine(today, time(hour)) + timedelta(days=wait)
    closings = (_reached(first + timedelta(days=days), place) for days in count(0, _DAYS[frequency]))
    return next(closing for closing in closings if closing > after)


def _clock(instant: datetime, place: tzinfo) -> datetime:
    """What the clock on the wall shows, naive."""
    return instant.astimezone(place).replace(tzinfo=None, fold=0)


def _reached(wall: datetime, place: tzinfo) -> datetime:
    """The first instant at which the clock shows this, or more because it skips it."""
    instant = wall.replace(tzinfo=place).astimezone(UTC)
    if _clock(instant, place) == wall:
        return instant
    # PEP 495: of a time in a gap, fold=1 is an instant before the gap, fold=0 one after it.
    before = wall.replace(tzinfo=place, fold=1).astimezone(UTC)
    return _first(lambda moment: _clock(moment, place) >= wall, before, instant)


def _next_full_hour(after: datetime, place: tzinfo) -> datetime:
    shown = _clock(after, place)
    expected = shown.replace(minute=0, second=0, microsecond=0) + _HOUR
    instant = after + (expected - shown)
    if _clock(instant, place) == expected:
        return instant
    offset = after.astimezone(place).utcoffset()
    changed = _first(lambda moment: moment.astimezone(place).utcoffset() != offset, after, instant)
    shown = _clock(changed, place)
    if shown >= expected or not (shown.minute or shown.second):
        return changed
    return _next_full_hour(changed, place)


def _first(holds: Callable[[datetime], bool], after: datetime, until: datetime) -> datetime:
    """The first whole second in that time from which on it holds: the clocks change at whole seconds."""
    start = after.replace(microsecond=0)
    seconds = range((until - start) // _SECOND + 1)
    return start + _SECOND * bisect_left(seconds, True, key=lambda number: holds(start + _SECOND * number))
