"""The one form of the preference centre."""

from collections.abc import Mapping
from datetime import time
from functools import cache
from typing import Any
from urllib.parse import quote
from zoneinfo import available_timezones

from django import forms
from django.utils.dates import WEEKDAYS
from django.utils.formats import time_format
from django.utils.text import capfirst
from django.utils.translation import get_language_info
from django.utils.translation import gettext_lazy as _

from notifyaudit import conf
from notifyaudit.choosing.kinds import choice_of, choices_for
from notifyaudit.choosing.wishes import Wish, Wishes
from notifyaudit.emails import AuditEmail
from notifyaudit.frequency import Frequency
from notifyaudit.links import Reader
from notifyaudit.models.preference import check_zone
from notifyaudit.reading import asked_safely, language_of, zone_of

READING = ("timezone", "digest_hour", "digest_weekday", "language", "auto_subscribe")
"""The fields that are a ``Preference``'s."""


class PreferencesForm(forms.Form):
    """
    How soon a person is told of each kind of email and each object, and when and how they read.

    A field that is not sent is left as it is: a page that was loaded before a deploy does not know them all.

    Args:
        data: what was sent, or ``None``.
        reader: whose preferences.
        kinds: the kinds of email that they can choose about.
        wishes: what they have said until now.
    """

    timezone = forms.CharField(label=_("Time zone"), required=False, validators=[check_zone])
    digest_hour = forms.TypedChoiceField(
        label=_("Hour of digests"), required=False, coerce=int, empty_value=None
    )
    digest_weekday = forms.TypedChoiceField(
        label=_("Day of weekly digests"), required=False, coerce=int, empty_value=None
    )
    language = forms.ChoiceField(label=_("Language"), required=False)
    # Not a checkbox: one that is not ticked is not sent, and what is not sent is left as it is.
    auto_subscribe = forms.TypedChoiceField(
        label=_("Watch what I work on"),
        required=False,
        choices=[(True, _("Yes")), (False, _("No"))],
        coerce=lambda value: value == "True",
        empty_value=None,
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        *,
        reader: Reader,
        kinds: list[type[AuditEmail]],
        wishes: Wishes,
    ) -> None:
        super().__init__(data)
        self.reader = reader
        self.kinds = {kind_field(email_class): email_class for email_class in kinds}
        self.silence = wishes.silence
        self.rows = {row_field(wish): wish for wish in wishes.watched if wish.can_change}
        self._add_reading()
        for name, email_class in self.kinds.items():
            row = wishes.kinds.get(email_class.key)
            if not email_class.mandatory:
                self._add_choice(name, email_class.label, choices_for(reader, email_class, row))
                self.initial[name] = choice_of(email_class, row)
        for name, wish in self.rows.items():
            # "As usual" is not offered anew: of an object there is no usual frequency to name.
            usual = [("", _("As usual"))] if not wish.row.frequency else []
            self._add_choice(name, wish.name, [*usual, *Frequency.choices])
            self.initial[name] = wish.row.frequency

    def chosen(self) -> dict[str, Any]:
        """What was sent and is not so already, by the name of the field."""
        return {
            name: value
            for name, value in self.cleaned_data.items()
            if name in self.data and value != self.initial.get(name) and not self._is_left_out(name, value)
        }

    def _is_left_out(self, name: str, value: Any) -> bool:
        return value is None or (value == "" and name in self.rows)

    def _add_reading(self) -> None:
        preference = self.reader.preference
        self.initial.update({name: getattr(preference, name) for name in READING})
        # Where nothing is chosen the project decides; what that comes to is said.
        self.usual_zone = asked_safely(zone_of, self.reader.user, None)
        usual = _automatic(self.usual_zone.replace("_", " "))
        self.fields["timezone"].widget = forms.Select(
            choices=[("", usual), *_zones_with(preference.timezone)]
        )
        _offer(self.fields["digest_hour"], [(hour, time_format(time(hour))) for hour in range(24)])
        _offer(self.fields["digest_weekday"], list(WEEKDAYS.items()))
        if self.reader.user is None or not any(kind.auto_subscribe for kind in self.kinds.values()):
            del self.fields["auto_subscribe"]  # nobody is subscribed by what they do
        languages = conf.languages()
        if len(languages) < 2:  # noqa: PLR2004 - there is nothing to choose
            del self.fields["language"]
        else:
            _offer(
                self.fields["language"],
                [
                    ("", _automatic(language_name(asked_safely(language_of, self.reader.user, None)))),
                    *((code, language_name(code)) for code in languages),
                ],
            )

    def _add_choice(self, name: str, label: Any, choices: list[Any]) -> None:
        self.fields[name] = forms.ChoiceField(label=label, choices=choices, required=False)


def kind_field(email_class: type[AuditEmail]) -> str:
    """The name of the field about a kind of email."""
    return f"kind-{quote(email_class.key, safe='')}"


def row_field(wish: Wish) -> str:
    """The name of the field about one row."""
    return f"row-{wish.row.pk}"


def _offer(field: Any, choices: list[Any]) -> None:
    field.choices = choices


@cache
def _zones() -> list[tuple[str, list[tuple[str, str]]]]:
    """Those that people live in, by region. The others are old names and offsets, and are accepted, too."""
    regions: dict[str, list[tuple[str, str]]] = {}
    for name in sorted(available_timezones()):
        region, _slash, place = name.partition("/")
        if place and region not in {"Etc", "SystemV", "US", "Brazil", "Canada", "Chile", "Mexico"}:
            regions.setdefault(region, []).append((name, place.replace("_", " ").replace("/", ", ")))
    return sorted(regions.items())


def _zones_with(current: str) -> list[Any]:
    zones = _zones()
    first = ["UTC"]
    if current not in {"", "UTC"} and not any(
        current == name for _region, group in zones for name, _place in group
    ):
        first.append(current)
    return [*((name, name) for name in first), *zones]


def language_name(code: str) -> str:
    """As its readers call it; as the project does, where Django knows it not at all or only in general."""
    try:
        info = get_language_info(code)
    except KeyError:
        info = {}
    name = info["name_local"] if info.get("code") == code else conf.language_names().get(code, code)
    return str(capfirst(name))


def _automatic(what: str) -> str:
    return str(_("Automatic (%(what)s)") % {"what": what})
