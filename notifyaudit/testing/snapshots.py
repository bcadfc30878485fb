"""A mail as text that is the same in each run, on each machine and on each database."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote

from django.utils import translation
from django.utils.formats import date_format
from django.utils.http import urlsafe_base64_encode
from django.utils.timezone import is_aware, localtime

from notifyaudit import clock
from notifyaudit.models import AuditEvent

if TYPE_CHECKING:
    from notifyaudit.testing.email import SentEmail

_FIRST = ("From", "To", "Cc", "Reply-To", "Subject")
_CHANGING = frozenset({"message-id", "date", "mime-version", "content-type", "content-transfer-encoding"})

_URL = re.compile(r"(https?://[^\s/?#\"'<>)]*)([^\s\"'<>)\]]*(?<![.,;:!?]))")
_BETWEEN_PARTS = re.compile(r"(%2F|[/?&=#,])", re.IGNORECASE)
_LAST_NUMBER = re.compile(r"(?:^|(?<=[-_]))\d+(?=(?:\.[A-Za-z]\w*)?$)")
_DAY = re.compile(r"\d{4}-\d\d(?:-\d\d(?:T\d\d:\d\d\S*)?)?")
_WORD = re.compile(
    r"(?!.{20})(?:"
    r"[A-Z]?[^\W\d_A-Z]*\d{0,4}"  # tower, Tower7
    r"|[A-Z]{1,8}\d{0,8}|[^\W_A-Z]{1,8}|\d+)"  # PDF, INV2026; b2b; 20261121
)
_NUMBER = re.compile(r"(?<![\w.])\d+(?![\w.])")
_DASHED_UUID = re.compile(r"\b[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\b", re.IGNORECASE)
_PLAIN_UUID = re.compile(r"\b[\da-f]{32}\b", re.IGNORECASE)
_THREAD = re.compile(r"<[\w.%-]+\.thread@[^<>\s]+>")
_MOMENT = re.compile(r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?")
_MOMENT_IN_MAIL = re.compile(r"\b(?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}\b")
# What may stand between a date and its time: a few words and tags, but no other number.
_BETWEEN = r"(?:<(?!date)[^<>]*>|[^<>\d]){0,24}?"

_DATETIMES = ("DATETIME_FORMAT", "SHORT_DATETIME_FORMAT")
_DATES = (
    *("DATE_FORMAT", "SHORT_DATE_FORMAT", "Y-m-d", "d.m.Y", "d/m/Y", "m/d/Y"),
    *("j F Y", "j M Y", "jS F Y", "d F Y", "d M Y", "F j, Y", "M j, Y", "F jS, Y"),
)
_TIMES = ("TIME_FORMAT", "H:i", "P")
_WEEKDAYS = ("l", "D")


def snapshot_of(email: "SentEmail", replace: Mapping[str | re.Pattern[str], str] | None = None) -> str:
    """
    Headers, text, HTML and the names of the attachments. What differs from run to run has a placeholder.

    Args:
        email: the mail.
        replace: further patterns, and what stands for what matches them; applied first.
    """
    placeholders = _Placeholders(email, replace or {})
    sections = [
        "\n".join(_headers(email.headers, placeholders)),
        placeholders.put_into(f"--- text ---\n{email.text}"),
        placeholders.put_into(f"--- html ---\n{email.html_source}"),
    ]
    if email.attachments:
        names = [f"{file.filename} ({file.mimetype})" for file in email.attachments]
        sections.append(placeholders.put_into("\n".join(["--- attachments ---", *names])))
    text = "\n\n".join(section.strip() for section in sections)
    return "\n".join(line.rstrip() for line in text.splitlines())


def _headers(headers: Mapping[str, str], placeholders: "_Placeholders") -> Iterator[str]:
    # Where a line is folded, and whether a blank is left there, depends on how long the keys in it are.
    values = {name: " ".join(value.split()) for name, value in headers.items()}
    names = [name for name in values if name.lower() not in _CHANGING]
    for name in (first for first in _FIRST if first in names):
        yield f"{name}: {placeholders.put_into(values[name])}"
    for name in sorted(set(names) - set(_FIRST)):
        yield f"{name}: {_technical(name.lower(), values[name], placeholders)}"


def _technical(name: str, value: str, placeholders: "_Placeholders") -> str:
    """The value of a header that programs read: a number in it is as good as always an id."""
    if name == "x-correlation-id":
        return "<correlation-id>"
    value = placeholders.put_into(_THREAD.sub("<thread>", value))
    return value if name == "content-language" else _NUMBER.sub("<id>", value)


class _Placeholders:
    """Nothing here may depend on chance: not on which key a row has got, nor on the minute of the run."""

    def __init__(self, email: "SentEmail", replace: Mapping[str | re.Pattern[str], str]) -> None:
        self._replace = replace
        self._keys = {form for key in _keys(email) for form in (key, urlsafe_base64_encode(key.encode()))}
        with translation.override(email.language or None):
            moments = [localtime(moment) if is_aware(moment) else moment for moment in _moments(email)]
            weekday = rf"(?:{_any_of(moments, _WEEKDAYS)}[.,]*\s+)?"
            time = _any_of(moments, _TIMES)
            self._times = [
                (re.compile(weekday + _any_of(moments, _DATETIMES)), "<datetime>"),
                (re.compile(weekday + _any_of(moments, _DATES)), "<date>"),
                (re.compile(_any_of(moments, ("H:i:s",))), "<time>"),
                # Only beside its date: else "open from 09:00" would be another mail at nine o'clock.
                (re.compile(rf"(?<=<date>)({_BETWEEN}){time}"), r"\1<time>"),
                (re.compile(rf"{time}(?={_BETWEEN}<date>)"), "<time>"),
            ]

    def put_into(self, text: str) -> str:
        for pattern, replacement in self._replace.items():
            text = re.sub(pattern, replacement, text)
        # Keys only in URLs: "Tower 7" is no key, whatever the key of the tower is.
        text = _URL.sub(lambda url: url[1] + "".join(map(self._of_url, _BETWEEN_PARTS.split(url[2]))), text)
        text = _MOMENT_IN_MAIL.sub("<datetime>", _MOMENT.sub("<datetime>", text))
        for pattern, placeholder in self._times:
            text = pattern.sub(placeholder, text)
        return _PLAIN_UUID.sub("<uuid>", _DASHED_UUID.sub("<uuid>", text))

    def _of_url(self, part: str) -> str:
        if part in self._keys:
            return "<id>"
        if _DAY.fullmatch(part):
            return part
        part = _DASHED_UUID.sub("<uuid>", part)
        # Every number, not only the keys that are known: "/v/1/" must not be another mail where the key is 1.
        return "<token>" if is_token(part) else _LAST_NUMBER.sub("<id>", part)


def _keys(email: "SentEmail") -> Iterator[str]:
    yield from filter(None, [email.message.recipient_id])
    for event in email.events:
        yield from filter(None, _keys_of(event))


def _keys_of(event: AuditEvent) -> Iterator[str]:
    yield from (str(event.pk), event.target_id, event.actor_id)
    yield from (reference["id"] for reference in (*event.ancestors, *event.related))


def _moments(email: "SentEmail") -> Iterator[datetime]:
    message = email.message
    yield from filter(None, [message.created_at, message.sent_at, message.due_at, clock.now()])
    for event in email.events:
        yield from (event.occurred_at, event.recorded_at)


def _any_of(moments: Iterable[datetime], formats: Iterable[str]) -> str:
    """A pattern of what these moments are in these formats, however the words are wrapped."""
    found = {date_format(moment, name) for name in formats for moment in moments}
    words = [r"\s+".join(map(re.escape, word.split())) for word in sorted(found, key=len, reverse=True)]
    return rf"(?<!\w)(?<!\d:)(?:{'|'.join(words)})(?!\w)(?!:\d)"


def is_token(part: str) -> bool:
    """
    Whether nobody could have made up this part of a URL: signed values, random keys. They are long, and not
    made of words and numbers.
    """
    if len(part) < 20:  # noqa: PLR2004 - shorter than any signature
        return False
    return not all(_WORD.fullmatch(word) for word in re.split(r"[\W_]+", unquote(part)))
