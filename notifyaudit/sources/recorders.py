"""Receivers that record an event for each time a signal is sent, in the sender's transaction."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from django.dispatch import Signal

from notifyaudit.actions import known
from notifyaudit.context import INHERITED
from notifyaudit.exceptions import UnknownAction
from notifyaudit.recording import record
from notifyaudit.sources.reliable import ReliableSignal

Given = Callable[..., Any]
"""A function that takes what the signal sends, as keywords."""

_actions: "WeakKeyDictionary[Given, str]" = WeakKeyDictionary()
"""Of each receiver that is connected."""


def problems() -> Iterator[str]:
    """What is wrong with what was connected, and could not be told before all actions were declared."""
    for action in sorted({str(action) for action in _actions.values()}):
        try:
            known.require(action)
        except UnknownAction as error:
            yield f"record_on(): {error}"


def record_on(
    signal: Signal,
    action: str,
    *,
    target: str | Given | None = None,
    sender: Any = None,
    actor: str | Given | Any = INHERITED,
    changes: Given | None = None,
    related: Given | None = None,
    data: Iterable[str] | Given | None = None,
    when: Given | None = None,
    dispatch_uid: Hashable | None = None,
) -> Given:
    """
    Record an event each time that a signal is sent, where it is sent::

        record_on(user_logged_in, AccountAction.LOGGED_IN, target="user", actor="user")

    A function gets what the signal sends, as keywords: ``lambda instance, **_: instance.owner``.

    Args:
        signal: any signal of Django's, of a package's or of your own.
        action: as for :func:`notifyaudit.record`.
        target: the name of the signal's argument that holds it, or a function that returns it.
        sender: record for this one only.
        actor: the same as ``target``; by default that of the current ``audit_context``.
        changes: a function that returns them.
        related: a function that returns them.
        data: the names of arguments to keep, or a function that returns a mapping.
        when: a function that says whether to record; by default always.
        dispatch_uid: connect only once under this id, however often this is called.

    Returns:
        the receiver, for ``signal.disconnect(receiver, sender=sender)``; with a ``dispatch_uid``, it is
        that which disconnects it.

    Raises:
        TypeError: if ``signal`` is none, or a :class:`ReliableSignal`; if another argument is of a wrong
            type; when the signal is sent, if it does not send an argument that is named.
    """
    _require_signal(signal)
    if not isinstance(target, str):
        _require_function("target", target, or_else="the name of an argument")
    for name, given in (("changes", changes), ("related", related), ("when", when)):
        _require_function(name, given)
    names = None if data is None or callable(data) else _names(data)

    def receiver(**sent: Any) -> None:
        if when is not None and not when(**sent):
            return

        def of(wanted: str | Given | Any) -> Any:
            if isinstance(wanted, str):
                return _argument(wanted, sent, action)
            return wanted(**sent) if callable(wanted) else wanted

        record(
            action,
            target=of(target),
            actor=of(actor),
            changes=of(changes),
            related=of(related) if related is not None else (),
            data=of(data) if names is None else {name: of(name) for name in names},
        )

    # Strongly: nobody else keeps it.
    signal.connect(receiver, sender=sender, weak=False, dispatch_uid=dispatch_uid)
    _actions[receiver] = action
    return receiver


def _require_signal(signal: Signal) -> None:
    if not isinstance(signal, Signal):
        raise TypeError(f"record_on() takes a signal first, not {signal!r}.")
    if isinstance(signal, ReliableSignal):
        raise TypeError(
            "record_on() records where a signal is sent. A ReliableSignal's receivers run later: connect a "
            "function of a module that calls record()."
        )


def _require_function(name: str, given: Any, *, or_else: str = "None") -> None:
    if given is not None and not callable(given):
        raise TypeError(f"record_on(): {name} is a function, or {or_else}, not {given!r}.")


def _names(given: Any) -> tuple[str, ...]:
    if isinstance(given, Iterable) and not isinstance(given, str):
        names = tuple(given)
        if all(isinstance(name, str) for name in names):
            return names
    raise TypeError(f"record_on(): data is a list of names of arguments, or a function, not {given!r}.")


def _argument(name: str, sent: Mapping[str, Any], action: str) -> Any:
    if name not in sent:
        known = ", ".join(sorted(set(sent) - {"signal"}))
        raise TypeError(f"record_on({str(action)!r}): the signal sends no {name!r}, but {known}.")
    return sent[name]
