"""Who acts at the moment, and within what: the defaults of every record() below."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

from notifyaudit import compat

INHERITED: Any = object()


@dataclass(frozen=True, slots=True)
class Actor:
    """
    Who acted, as they were called then; the user may be gone by now.

    Args:
        id: the user's; empty for what is no user.
        repr: what they were called.
    """

    id: str
    repr: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditContext:
    """
    Args:
        get_actor: asked at each record(), not before, so that a user who is authenticated late in the
            request, or lazily, is the one recorded.
        get_correlation_id: what all events of one request or job share; asked at each record() as well, for
            django-guid's middleware may stand behind ours.
        metadata: what else is known about the circumstances; JSON.
    """

    get_actor: Callable[[], Any] = lambda: None
    get_correlation_id: Callable[[], str] = str
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def correlation_id(self) -> str:
        """As of now; empty: there is none."""
        return self.get_correlation_id()


_current: ContextVar[AuditContext] = ContextVar("notifyaudit_context", default=AuditContext())  # noqa: B039


def current() -> AuditContext:
    """The context of the running request, task or block."""
    return _current.get()


@contextmanager
def activate(context: AuditContext) -> Iterator[AuditContext]:
    """Make this the current context inside the block; right for threads and for async code."""
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)


@contextmanager
def on_behalf_of(correlation_id: str) -> Iterator[None]:
    """Work for an event in the background: nobody acts, and what is recorded or logged has the event's id."""
    with activate(AuditContext(get_correlation_id=lambda: correlation_id)), compat.correlated(correlation_id):
        yield


@contextmanager
def audit_context(
    *, actor: Any = INHERITED, correlation_id: str | None = None, metadata: Mapping[str, Any] | None = None
) -> Iterator[AuditContext]:
    """
    Say for a block who acts and within what::

        with audit_context(actor=user, metadata={"import": "2026-11.csv"}):
            ...

    What is not given is taken from the surrounding context; ``metadata`` is added to it. A block that
    is in no context gets django-guid's correlation id, if there is one, else a new one.
    """
    outer = current()
    identifier = correlation_id or outer.correlation_id or compat.correlation_id() or uuid4().hex
    inner = replace(
        outer,
        get_correlation_id=lambda: identifier,
        metadata={**outer.metadata, **(metadata or {})},
    )
    if actor is not INHERITED:
        inner = replace(inner, get_actor=lambda: actor)
    with activate(inner):
        yield inner
