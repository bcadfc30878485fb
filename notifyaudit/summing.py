"""What is left of several events, object by object, for the reader of one mail."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from notifyaudit import siteurls
from notifyaudit.actions import known
from notifyaudit.changes import Change, never_null, readable
from notifyaudit.identity import model_of
from notifyaudit.models import AuditEvent
from notifyaudit.netchange import NetChange, Occurrence, is_creation, net_changes

Visible = Callable[[AuditEvent], Mapping[str, Any]]
"""The changes of one event that the reader may see."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """
    What a mail says of one object.

    Args:
        net: what is left of its events.
        events: all of the object's, oldest first.
    """

    net: NetChange
    events: list[AuditEvent]

    # For people, and so made when it is asked for: whether a mail leaves is asked in no reader's language.

    @cached_property
    def name(self) -> str:
        """What the object was called last."""
        newest = self.events[-1]
        return newest.target_repr or known.label(newest.action)

    @cached_property
    def changes(self) -> Mapping[str, Change]:
        """The net changes, as people read them."""
        return readable(self.net.changes, model_of(self.events[-1].target_type))

    @cached_property
    def happened(self) -> list[tuple[str, int]]:
        """``(label of the action, how often)``, of what happened without a change."""
        return [(known.label(action), count) for action, count in self.net.happened.items()]

    @property
    def target(self) -> Any:
        """The object, as of the newest event; ``None`` when nothing of it is left."""
        return self.events[-1].target

    @property
    def actors(self) -> list[str]:
        """Who did it, in the order in which they first did; whoever has no name is left out."""
        return list(dict.fromkeys(event.actor_repr for event in self.events if event.actor_repr))

    @cached_property
    def url(self) -> str:
        """Its page, by ``get_absolute_url()``; empty if it has none, or is gone."""
        get_absolute_url = getattr(self.target, "get_absolute_url", None)
        if get_absolute_url is None or self.net.deleted:
            return ""
        return siteurls.absolute(str(get_absolute_url()))


def sections_of(events: Sequence[AuditEvent], visible: Visible) -> list[Section]:
    """
    What is left, in the order in which the objects were first touched.

    Args:
        events: oldest first.
        visible: what of each the reader may see.
    """
    of_object: dict[Any, list[AuditEvent]] = {}
    for event in events:
        of_object.setdefault(_about(event), []).append(event)
    return [
        Section(net=net, events=of_object[net.about]) for net in net_changes(_occurrences(events, visible))
    ]


def net_changes_of(event: AuditEvent, events: Iterable[AuditEvent]) -> dict[str, Change]:
    """What is left of the changes of one event's object in all these events, as people read it."""
    about = _about(event)
    its_own = [each for each in events if _about(each) == about]
    sections = sections_of(its_own, lambda each: dict(each.changes))
    return dict(sections[0].changes) if sections else {}


def _occurrences(events: Sequence[AuditEvent], visible: Visible) -> Iterator[Occurrence]:
    for event in events:
        changes = {name: tuple(sides) for name, sides in visible(event).items()}
        if event.changes and not changes and event.snapshot is None:
            continue  # nothing of it is for this reader
        yield Occurrence(
            about=_about(event),
            action=event.action,
            changes=changes,
            created=is_creation(event.changes, never_null(model_of(event.target_type))),
            snapshot=event.snapshot,
        )


def _about(event: AuditEvent) -> tuple[str, str]:
    return (event.target_type, event.target_id) if event.target_type else ("", event.action)
