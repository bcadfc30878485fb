"""All that a person has said, or their groups have for them, ready to be shown."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import Group
from django.db.models import Model, QuerySet
from django.utils.functional import cached_property
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from notifyaudit import conf
from notifyaudit.actions import known
from notifyaudit.choosing import wording
from notifyaudit.identity import Lookup, id_of, key_from, model_of, repr_of
from notifyaudit.links import Reader
from notifyaudit.models import Subscription
from notifyaudit.models.subscription import Matter
from notifyaudit.registry import emails
from notifyaudit.subjects import load_ancestors
from notifyaudit.subscribers import memberships

SHOWN = 200
"""So many objects, and so many other rows: Django refuses a form of more than a thousand fields."""


@dataclass(frozen=True, slots=True)
class Wish:
    """
    One row as people read it.

    Args:
        row: what is stored.
        target: its object; ``None``: it has none, or that is gone.
        group: the name of the group whose row it is.
    """

    row: Subscription
    target: Model | None = None
    group: str = ""

    @property
    def name(self) -> str:
        """What the object is called now."""
        if self.target is not None:
            return repr_of(self.target)
        model = model_of(self.row.target_type)
        what = capfirst(str(model._meta.verbose_name)) if model else self.row.target_type
        return _("%(what)s that is gone") % {"what": what}

    @property
    def url(self) -> str:
        """The object's page, as a path; empty if it has none."""
        get_absolute_url = getattr(self.target, "get_absolute_url", None)
        try:
            return str(get_absolute_url()) if get_absolute_url is not None else ""
        except Exception:  # noqa: BLE001 - a model's own code, which must not keep anybody from this page
            return ""

    @property
    def about(self) -> str:
        """Of which events it speaks; empty for all that happens to its object."""
        is_all = not self.row.condition and (self.row.name == "*" or self.row.matter == Matter.EVERYTHING)
        return "" if self.row.target_type and is_all else wording.about(self.row)

    @property
    def how_soon(self) -> str:
        """How soon, or that nothing is told."""
        return wording.how_soon(self.row)

    @property
    def what(self) -> Any:
        """What :func:`notifyaudit.subscribe` would be told; ``None``: nothing that this code knows."""
        if self.row.matter == Matter.EMAIL:
            return emails.get(self.row.name)
        if self.row.matter == Matter.ACTION:
            return self.row.name if self.row.name in known.values() else None
        return self.row.name or None

    @property
    def can_change(self) -> bool:
        """Whether it can be said again with another frequency: not if its object is gone."""
        mandatory = self.row.matter == Matter.EMAIL and getattr(self.what, "mandatory", False)
        return self.target is not None and self.what is not None and not self.row.muted and not mandatory


@dataclass(slots=True)
class Wishes:
    """
    Args:
        kinds: the rows about a whole kind of email, by its key.
        watched: about an object, and not muted.
        muted: about an object, and muted.
        others: about any object: actions, patterns, kinds that no page offers.
        silence: the mute of everything, if there is one.
        groups: what is told to groups that the person belongs to.
        hidden: how many rows there are beside.
    """

    kinds: dict[str, Subscription] = field(default_factory=dict)
    watched: list[Wish] = field(default_factory=list)
    muted: list[Wish] = field(default_factory=list)
    others: list[Wish] = field(default_factory=list)
    silence: Wish | None = None
    groups: list[Wish] = field(default_factory=list)
    hidden: int = 0

    def own(self) -> list[Wish]:
        """Those that the person can end, one by one."""
        silence = [] if self.silence is None else [self.silence]
        return [*silence, *self.watched, *self.muted, *self.others]


class Collector:
    """
    Reads what a person has said, in a bounded number of queries: one per model for the objects.

    Args:
        reader: whose rows.
        offered: the keys of the kinds of email that have a line of their own.
    """

    def __init__(self, reader: Reader, offered: Iterable[str]) -> None:
        self._reader, self._offered = reader, frozenset(offered)

    def collect(self) -> Wishes:
        """What there is, each list in the order in which people look for things."""
        found = Wishes()
        own = self._rows.filter(subscriber_key=self._reader.recipient.key)
        about_objects = list(own.exclude(target_type="").order_by("-pk")[: SHOWN + 1])
        about_any = list(own.filter(target_type="").order_by("-pk")[: SHOWN + 1])
        if len(about_objects) > SHOWN or len(about_any) > SHOWN:
            found.hidden = own.count() - len(about_objects[:SHOWN]) - len(about_any[:SHOWN])
        self._sort_objects(found, self._with_targets(about_objects[:SHOWN]))
        for row in about_any[:SHOWN]:
            if row.matter == Matter.EMAIL and row.name in self._offered and not row.condition:
                found.kinds[row.name] = row
            elif row.matter == Matter.EVERYTHING:
                found.silence = Wish(row)
            else:
                found.others.append(Wish(row))
        found.others.sort(key=lambda wish: wish.about.casefold())
        found.groups = self._of_groups()
        return found

    @staticmethod
    def _sort_objects(found: Wishes, wishes: list[Wish]) -> None:
        silent = {
            (wish.row.target_type, wish.row.target_id)
            for wish in wishes
            if wish.row.matter == Matter.EVERYTHING
        }
        for wish in sorted(wishes, key=lambda wish: (wish.name.casefold(), wish.row.pk)):
            is_silent = (wish.row.target_type, wish.row.target_id) in silent
            if wish.row.muted:
                found.muted.append(wish)
            elif not is_silent:  # else it is heard again when the mute ends, and until then is not heard
                found.watched.append(wish)

    def _with_targets(self, rows: Sequence[Subscription]) -> list[Wish]:
        names = [(row.target_type, row.target_id) for row in rows]
        lookup = Lookup(names, conf.current().DATABASE)
        targets = [lookup.get(*name) for name in names]
        # What an object is called mostly says what it belongs to.
        load_ancestors(target for target in targets if target is not None)
        return [Wish(row, target) for row, target in zip(rows, targets, strict=True)]

    def _of_groups(self) -> list[Wish]:
        if self._reader.user is None:
            return []
        group_ids = [group_id for _, group_id in memberships([self._reader.user.pk])]
        if not group_ids:
            return []
        rows = list(self._rows.filter(group_id__in=group_ids).order_by("group_id", "-pk")[:SHOWN])
        keys = {key_from(Group, row.group_id) for row in rows}
        groups = Group.objects.using(conf.current().DATABASE).in_bulk(list(keys))
        names = {id_of(group): group.name for group in groups.values()}
        return [
            Wish(wish.row, wish.target, names.get(wish.row.group_id, "")) for wish in self._with_targets(rows)
        ]

    @cached_property
    def _rows(self) -> QuerySet[Subscription]:
        return Subscription.objects.using(conf.current().DATABASE)
