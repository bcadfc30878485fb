"""The mail that comes next to what was wanted, and in what it differs."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from notifyaudit.htmltext import html_to_text
from notifyaudit.testing.criteria import CRITERIA, LedgerCriteria, folded, is_predicate, value_meets
from notifyaudit.testing.email import SentEmail
from notifyaudit.testing.introspection import difference, quoted, shortened, visible
from notifyaudit.testing.wanted import Wanted, named, recipient, shown

_CANDIDATES = 100
"""How many mails are compared in all that was asked for: it means to parse each."""

_SEEN_IN_TABLE = {"class", "to"}


def nearest(sent: Sequence[SentEmail], wanted: Wanted) -> list[str]:
    """In lines; none if no mail has anything of what was wanted, or the table of all says as much."""
    before_rendering = wanted.only(LedgerCriteria.__annotations__)
    candidates = sorted(sent, key=lambda email: len(before_rendering.missed(email)))[:_CANDIDATES]
    missed = {email: wanted.missed(email) for email in candidates}
    if not missed:
        return []
    email = min(missed, key=lambda each: len(missed[each]))
    asked = len(wanted.criteria) + (wanted.email_class is not None)
    nothing_in_common = len(missed[email]) == asked and len(sent) > 1
    told_by_table = _SEEN_IN_TABLE.issuperset(missed[email]) and not is_predicate(wanted.email_class)
    if nothing_in_common or told_by_table:
        return []
    lines = [line for name in missed[email] for line in _difference(email, name, wanted)]
    return [f"nearest: {email!r}, but", *(f"  {line}" for line in lines)]


def _difference(email: SentEmail, name: str, wanted: Wanted) -> Iterator[str]:
    expected: Any = wanted.email_class if name == "class" else wanted.criteria[name]
    is_plain = not isinstance(expected, re.Pattern) and not is_predicate(expected)
    match name:
        case "class" if is_plain:
            yield f"its class is {email.email_class.__name__}"
        case "class":
            yield f"it is not {named(expected)}"
        case "to":
            yield f"it goes to {recipient(email.recipient or email.address)}"
        case "subject" if is_plain:
            yield "its subject is another"
            yield from difference(email.subject, str(expected))
        case "text" | "html":
            yield _no(name, expected) if is_predicate(expected) else f"its {name} has no {shown(expected)}"
            yield from quoted(email.text if name == "text" else html_to_text(email.html_source))
        case "selector" if is_plain:
            yield from _in_elements(email, expected)
        case "header" if is_plain:
            yield from _in_headers(email, expected)
        case "selector" | "header":
            yield _no(name, expected)
        case _:
            yield f"its {name} is {_listed(CRITERIA[name].facts(email))}"


def _no(name: str, expected: Any) -> str:
    return f"its {name} is not {named(expected)}"


def _listed(facts: Iterable[Any]) -> str:
    return ", ".join(visible(shown(fact)) for fact in facts) or "none"


def _in_elements(email: SentEmail, expected: Any) -> Iterator[str]:
    selector, *texts = (expected,) if isinstance(expected, str) else expected
    found = [folded(element.get_text()) for element in email.html.select(selector)]
    if not found:
        yield f"its html has no element {selector}"
        return
    yield f"no element {selector} of its html has the text {shown(texts[0])}; there is"
    yield from shortened([f"  {text}" for text in found], "elements")


def _in_headers(email: SentEmail, expected: Mapping[str, Any]) -> Iterator[str]:
    headers = {name.lower(): value for name, value in email.headers.items()}
    for name, value in expected.items():
        actual = headers.get(name.lower())
        if actual is None:
            yield f"it has no header {name}"
        elif not value_meets(actual, value):
            yield f"its header {name} is {actual}"
