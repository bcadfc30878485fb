"""A signal whose receivers run in the background, if and only if the sender's transaction is committed."""

import inspect
import sys
from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from weakref import ReferenceType, WeakSet

from asgiref.sync import sync_to_async
from django.db import transaction
from django.dispatch import Signal

from notifyaudit import conf, context, naming
from notifyaudit.exceptions import ConfigurationError
from notifyaudit.models import SignalCall
from notifyaudit.retry import RetryPolicy
from notifyaudit.sources.packing import dumps, dumps_sender
from notifyaudit.waking import request_wake_up
from notifyaudit.writing import actor_columns, correlation_id, require_transaction

if TYPE_CHECKING:
    from types import FrameType


class ReliableSignal(Signal):
    """
    A signal of Django that can be sent reliably too::

        inspection_completed = ReliableSignal()

        with transaction.atomic():
            inspection.complete()
            inspection_completed.send_reliable(Inspection, inspection=inspection)

    Committed: each connected receiver runs in a worker, whatever crashes, in a transaction of its own. Rolled
    back: none does. ``send()``, ``send_robust()``, ``asend()`` and the rest mean what they mean in Django.

    A worker finds signal and receivers by module and name, so both are names of modules or classes.

    Args:
        use_caching: as in Django.
        retry: when a receiver that raised is called again; by default as for mails.
        renamed: where receivers, and signals, are now that had another path when they were sent:
            ``{"shop.receivers:tell": "shop.mails:tell_owner"}``.

    Raises:
        ConfigurationError: if ``retry`` is no policy, or ``renamed`` holds what is no path or contradicts
            itself.
    """

    instances: "WeakSet[ReliableSignal]" = WeakSet()

    def __init__(
        self,
        use_caching: bool = False,  # noqa: FBT001, FBT002 - Django's signature
        *,
        retry: RetryPolicy | None = None,
        renamed: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(use_caching)
        if not isinstance(retry, RetryPolicy | None):
            raise ConfigurationError(f"retry must be a RetryPolicy, not {retry!r}: retry=RetryPolicy(…).")
        self.retry = retry or RetryPolicy()
        self._renamed = dict(renamed or {})
        naming.move(self._renamed)
        self._module = _defining_module(self)
        self._path = ""
        self.instances.add(self)

    def __set_name__(self, owner: type, name: str) -> None:
        """In the body of a class."""
        self._path = f"{owner.__module__}:{owner.__qualname__}.{name}"

    def connect(
        self,
        receiver: Callable[..., Any],
        sender: object | None = None,
        weak: bool = True,  # noqa: FBT001, FBT002 - Django's signature
        dispatch_uid: Hashable | None = None,
    ) -> None:
        """
        As in Django, for a receiver that a worker can find: a function of a module, or a static method or
        class method.

        Raises:
            ConfigurationError: for a lambda, a function within a function, a method of an instance, a
                ``partial``, a class, an async function.
        """
        _path_of_receiver(receiver)
        super().connect(receiver, sender, weak, dispatch_uid)

    def send_reliable(self, sender: Any, **arguments: Any) -> list[SignalCall]:
        """
        Have each receiver that is connected now called with these arguments, after the commit of the current
        transaction; outside of one, at once.

        Args:
            sender: as in Django; receivers that are connected to another one are not called.
            arguments: see docs/reference/reliable-signals.md for the types. A model instance is passed by
                reference, and read again when a receiver runs.

        Returns:
            one row for each receiver. It is gone when the receiver has run.

        Raises:
            TypeError: for an argument that the receivers would not get as it is; it names the argument.
            UnsavedTarget: for a model instance without a row.
            WrongDatabase: for one of another database than the ledger's.
            NotInTransaction: outside a transaction, under ``REQUIRE_ATOMIC``.
            ConfigurationError: if a worker would not find the signal, or a receiver.
        """
        if "signal" in arguments:
            raise TypeError("send_reliable(): receivers get the signal itself as 'signal'. Rename it.")
        require_transaction("send_reliable()")
        # Before it is known whether anybody listens: a mistake is none only where somebody does.
        given = {"signal": self.path, "sender": dumps_sender(sender), "arguments": dumps(arguments)}
        circumstances = context.current()
        actor_id, actor_repr = actor_columns(circumstances.get_actor())
        given |= {"actor_id": actor_id, "actor_repr": actor_repr}
        given["correlation_id"] = correlation_id(circumstances)
        synchronous, _ = self._live_receivers(sender)
        calls = [SignalCall(receiver=_found_path_of(receiver), **given) for receiver in synchronous]
        alias = conf.current().DATABASE
        if calls:
            with transaction.atomic(using=alias, savepoint=False):
                SignalCall.objects.using(alias).bulk_create(calls)
                request_wake_up()
        return calls

    async def asend_reliable(self, sender: Any, **arguments: Any) -> list[SignalCall]:
        """
        :meth:`send_reliable` for async code. Django has no async transactions, so it has one of its own; to
        send it with a change, do both in one function behind ``sync_to_async``.
        """
        return await sync_to_async(self.send_reliable)(sender, **arguments)

    @property
    def path(self) -> str:
        """
        The name under which a worker finds the signal.

        Raises:
            ConfigurationError: if it has none.
        """
        if not self._path:
            names = dict(vars(sys.modules[self._module])) if self._module in sys.modules else {}
            name = next((name for name, value in names.items() if value is self), "")
            self._path = f"{self._module}:{name}" if name else ""
        if self._module == "__main__" or not naming.is_found(self, self._path):
            raise ConfigurationError(
                f"A worker cannot find this ReliableSignal, made in {self._module}. Assign it to a name of "
                "that module, which nothing else has, and no renamed= as an old one: inspection_completed = "
                "ReliableSignal()."
            )
        return self._path

    def problems(self) -> Iterator[str]:
        """What is wrong with the signal or its receivers, and could not be told when they were made."""
        try:
            _ = self.path
        except ConfigurationError as error:
            yield str(error)
        for old, new in self._renamed.items():
            if not naming.is_there(new):
                yield f"A ReliableSignal says that {old!r} is {new!r} now, which is not to be found."
        for _, reference, *_rest in self.receivers:
            receiver = reference() if isinstance(reference, ReferenceType) else reference
            if receiver is not None:
                try:
                    _found_path_of(receiver)
                except ConfigurationError as error:
                    yield str(error)


def _defining_module(signal: ReliableSignal) -> str:
    frame: FrameType | None = inspect.currentframe()
    # Out of the constructors, of subclasses too.
    while frame is not None and (
        frame.f_code is _defining_module.__code__ or frame.f_locals.get("self") is signal
    ):
        frame = frame.f_back
    return str(frame.f_globals.get("__name__", "")) if frame else ""


def _path_of_receiver(receiver: Any) -> str:
    try:
        return naming.receiver_path(receiver)
    except ValueError as error:
        raise ConfigurationError(
            f"{receiver!r} cannot be a receiver of a ReliableSignal: it {error}, so a worker cannot call it. "
            "Connect a function of a module; or, if nobody calls send_reliable(), use django.dispatch.Signal."
        ) from error


def _found_path_of(receiver: Any) -> str:
    path = _path_of_receiver(receiver)
    if not naming.is_found(receiver, path):
        raise ConfigurationError(
            f"{receiver!r} is a receiver of a ReliableSignal, but what a worker would find as {path} is "
            "something else, or nothing. Give each receiver a name of its own, which is no old one in a "
            "renamed=, and write @receiver above all other decorators."
        )
    return path
