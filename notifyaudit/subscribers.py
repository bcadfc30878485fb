"""
Who has subscribed to an event, or muted it, with all the rows that speak of it: person by person, in bounded
memory.

The rows about one name and one object stand together in an index, in the order of the people. These streams
are merged, so that however many subscribers there are, a page of each stream is in memory.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, islice
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db.models import Q, QuerySet

from notifyaudit import conditions, conf
from notifyaudit.identity import id_of, key_from
from notifyaudit.models import AuditEvent, Subscription
from notifyaudit.models.subscription import Matter
from notifyaudit.patterns import matches
from notifyaudit.recipients import Recipient

_BY_PERSON = ("subscriber_key", "pk")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What one person has said that an event may concern, for themselves and by their groups."""

    recipient: Recipient
    rows: list[Subscription]


class Audience:
    """
    Who has said something about one event.

    Args:
        event: that they may want to hear of.
        email_keys: of the classes that speak of it.
        size: people, or rows, in memory at once.
    """

    def __init__(self, event: AuditEvent, email_keys: Iterable[str], size: int) -> None:
        self.event, self._email_keys, self._size = event, list(email_keys), size
        self._known: dict[str, bool] = {}

    def chunks(self) -> Iterator[list[Wishes]]:
        """Everybody who may want to hear of it, a bounded number at once, nobody twice."""
        by_group: dict[str, list[Subscription]] = defaultdict(list)
        people = groupby(self._rows_by_person(), key=lambda row: row.subscriber_key)
        while page := [list(rows) for _, rows in islice(people, self._size)]:
            # Groups come before all persons: "group:" sorts before "mail:" and "user:".
            for rows in page:
                if rows[0].group_id:
                    by_group[rows[0].group_id] += self._met(rows)
            persons = [_wishes(rows, self._met(rows)) for rows in page if not rows[0].group_id]
            yield self._with_groups(persons, by_group)
        yield from self._members(by_group)

    def of(self, recipients: Sequence[Recipient]) -> dict[str, list[Subscription]]:
        """What these people have said, also by their groups: by ``recipient.key``."""
        persons = {recipient.key: Wishes(recipient, []) for recipient in recipients}
        by_group: dict[str, list[Subscription]] = defaultdict(list)
        rows: Iterable[Subscription] = self._few
        if not self._are_few:
            rows = self._about().filter(Q(subscriber_key__in=persons) | ~Q(group_id=""))
        for row in self._met(rows):
            if row.group_id:
                by_group[row.group_id].append(row)
            elif row.subscriber_key in persons:
                persons[row.subscriber_key].rows.append(row)
        self._with_groups(list(persons.values()), by_group)
        return {key: person.rows for key, person in persons.items()}

    @cached_property
    def _few(self) -> list[Subscription]:
        """All rows, where one page holds them: then nothing else need be read."""
        return list(self._about().order_by(*_BY_PERSON)[: self._size + 1])

    @property
    def _are_few(self) -> bool:
        return len(self._few) <= self._size

    def _rows_by_person(self) -> Iterator[Subscription]:
        if self._are_few:
            return iter(self._few)
        buckets = (
            self._about().order_by().values_list("matter", "name", "target_type", "target_id").distinct()
        )
        streams = [_stream(self._about(), bucket, self._size) for bucket in buckets]
        return heapq.merge(*streams, key=lambda row: row.subscriber_key)

    def _about(self) -> QuerySet[Subscription]:
        event = self.event
        stems = event.action.split(".")
        patterns = ["*", *(".".join(stems[:depth]) + ".*" for depth in range(1, len(stems)))]
        patterns = [pattern for pattern in patterns if matches(event.action, pattern)]
        named = (
            Q(matter=Matter.ACTION, name=event.action)
            | Q(matter=Matter.PATTERN, name__in=patterns)
            | Q(matter=Matter.EMAIL, name__in=self._email_keys)
            | Q(matter=Matter.EVERYTHING, name="")
        )
        objects = Q(target_type="", target_id="")
        if event.target_type:
            objects |= Q(target_type=event.target_type, target_id=event.target_id)
        for ancestor in event.ancestors:
            objects |= Q(target_type=ancestor["type"], target_id=ancestor["id"])
        return Subscription.objects.using(conf.current().DATABASE).filter(named, objects)

    def _met(self, rows: Iterable[Subscription]) -> list[Subscription]:
        return [row for row in rows if self._is_met(row.condition)]

    def _is_met(self, condition: conditions.Condition) -> bool:
        # Each distinct one is looked at once for an event, however many people have it.
        key = conditions.key_of(condition)
        if key not in self._known:
            self._known[key] = conditions.holds(condition, self.event.changes)
        return self._known[key]

    def _with_groups(self, persons: list[Wishes], by_group: Mapping[str, list[Subscription]]) -> list[Wishes]:
        user_model = get_user_model()
        users = {key_from(user_model, person.recipient.user_id): person for person in persons}
        users.pop(None, None)
        if by_group:
            for user_key, group_id in memberships(users, by_group):
                users[user_key].rows.extend(by_group[group_id])
        return persons

    def _members(self, by_group: Mapping[str, list[Subscription]]) -> Iterator[list[Wishes]]:
        if not by_group or not _have_groups():
            return
        users = _users().filter(groups__in=_group_keys(by_group)).distinct().order_by("pk")
        page = list(users[: self._size])
        while page:
            recipients = {recipient.key: recipient for recipient in map(Recipient.of, page)}
            # Those who have said something themselves have had their turn.
            for key in (
                self._about().filter(subscriber_key__in=recipients).values_list("subscriber_key", flat=True)
            ):
                recipients.pop(key, None)
            persons = [Wishes(recipient, []) for recipient in recipients.values()]
            yield self._with_groups(persons, by_group)
            page = list(users.filter(pk__gt=page[-1].pk)[: self._size])


def _wishes(rows: Sequence[Subscription], met: list[Subscription]) -> Wishes:
    return Wishes(Recipient(rows[0].subscriber_key, rows[0].user_id, rows[0].address), met)


def _stream(rows: QuerySet[Subscription], bucket: Sequence[str], size: int) -> Iterator[Subscription]:
    matter, name, target_type, target_id = bucket
    of_bucket = rows.filter(matter=matter, name=name, target_type=target_type, target_id=target_id)
    ordered = of_bucket.order_by(*_BY_PERSON)
    page = list(ordered[:size])
    while page:
        yield from page
        # Of one person there may be several, under different conditions.
        last = page[-1]
        after = Q(subscriber_key__gt=last.subscriber_key) | Q(
            subscriber_key=last.subscriber_key, pk__gt=last.pk
        )
        page = list(ordered.filter(after, subscriber_key__gte=last.subscriber_key)[:size])


def concerns(row: Subscription, event: AuditEvent) -> bool:
    """Whether a row speaks of an event, as the query of :class:`Audience` decides it; of any email class."""
    if row.matter in {Matter.ACTION, Matter.PATTERN} and not matches(event.action, row.name):
        return False
    family = {("", ""), (event.target_type, event.target_id)}
    family |= {(ancestor["type"], ancestor["id"]) for ancestor in event.ancestors}
    return (row.target_type, row.target_id) in family and conditions.holds(row.condition, event.changes)


def memberships(user_keys: Iterable[Any], group_ids: Iterable[str] | None = None) -> list[tuple[Any, str]]:
    """Who of these users belongs to which of these groups, or of all: pairs of primary key and group's id."""
    if not _have_groups():
        return []
    chosen = {"groups__isnull": False} if group_ids is None else {"groups__in": _group_keys(group_ids)}
    members = _users().filter(pk__in=list(user_keys), **chosen).values_list("pk", "groups")
    return [(user_key, id_of(Group(pk=group_key))) for user_key, group_key in members]


def _have_groups() -> bool:
    # A user model need not have Django's permissions.
    return any(field.name == "groups" for field in get_user_model()._meta.many_to_many)


def _users() -> Any:
    return get_user_model()._base_manager.using(conf.current().DATABASE)


def _group_keys(group_ids: Iterable[str]) -> list[Any]:
    return [key for group_id in group_ids if (key := key_from(Group, group_id)) is not None]
