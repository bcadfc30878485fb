"""What one can choose on the page of a mail. It is all in the query, so that a look can be shared."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils.translation import gettext as _

from notifyaudit import conf
from notifyaudit.choosing.forms import language_name

PHONE, DESKTOP = "phone", "desktop"
LIGHT, DARK = "light", "dark"
HTML, TEXT, HEADERS, SOURCE = "html", "text", "headers", "source"

_CHOICES = {"width": (DESKTOP, PHONE), "scheme": (LIGHT, DARK), "part": (HTML, TEXT, HEADERS, SOURCE)}
"""The first of each is what one sees who has chosen nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """
    Args:
        event: what the mail is about; see :func:`notifyaudit.previewing.finding.find`.
        language: its code; empty: as its reader has it.
        width: of the mail program's window.
        scheme: of its colours.
        part: what of the mail is shown.
    """

    event: str = ""
    language: str = ""
    width: str = DESKTOP
    scheme: str = LIGHT
    part: str = HTML

    @classmethod
    def of(cls, query: QueryDict) -> "Options":
        """What a query says, as far as it is there to be chosen."""
        asked = {field.name: query.get(field.name, "") for field in fields(cls)}
        if asked["language"] not in conf.languages():
            asked["language"] = ""
        for name, choices in _CHOICES.items():
            if asked[name] not in choices:
                asked[name] = choices[0]
        return cls(**asked)

    def query(self, flag: str = "", **changes: str) -> str:
        """``?…`` for the same with these changes, and perhaps a flag; what nobody has chosen is left out."""
        wanted, usual = replace(self, **changes), Options()
        said = {
            field.name: value
            for field in fields(self)
            if (value := getattr(wanted, field.name)) != getattr(usual, field.name)
        }
        return f"?{urlencode(said | ({flag: 1} if flag else {}))}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of several; ``query`` leads to it."""

    id: str
    label: str
    query: str
    chosen: bool


def choices(options: Options, name: str, values: Sequence[tuple[str, str]], chosen: str = "") -> list[Choice]:
    """What there is for one of the options, each with its label."""
    chosen = chosen or getattr(options, name)
    return [
        Choice(
            id=f"{name}-{value}", label=label, query=options.query(**{name: value}), chosen=value == chosen
        )
        for value, label in values
    ]


def widths(options: Options) -> list[Choice]:
    """How wide the window is."""
    return choices(options, "width", [(DESKTOP, _("Desktop")), (PHONE, _("Phone"))])


def schemes(options: Options) -> list[Choice]:
    """In which colours."""
    return choices(options, "scheme", [(LIGHT, _("Light")), (DARK, _("Dark"))])


def parts(options: Options) -> list[Choice]:
    """What of the mail."""
    return choices(
        options,
        "part",
        [(HTML, _("Mail")), (TEXT, _("Text")), (HEADERS, _("Headers")), (SOURCE, _("Source"))],
    )


def languages(options: Options, current: str) -> list[Choice]:
    """In which language; empty if there is but one."""
    codes = conf.languages()
    if len(codes) < 2:  # noqa: PLR2004 - there is nothing to choose
        return []
    return choices(options, "language", [(code, language_name(code)) for code in codes], current)
