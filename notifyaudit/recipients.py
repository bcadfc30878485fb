"""What ``get_recipients()`` may return, as bounded chunks of recipients that the ledger can name."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Self

from django.contrib.auth import get_user_model
from django.db.models import QuerySet
from django.db.models.query import ModelIterable

from notifyaudit.exceptions import InvalidRecipient, RecipientsNotAList
from notifyaudit.identity import id_of
from notifyaudit.text import storable

_ADDRESS_LENGTH = 512
_KEY_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Recipient:
    """A user, whose address is read when the mail leaves, or a plain address."""

    key: str
    user_id: str = ""
    address: str = ""

    @classmethod
    def of(cls, value: Any) -> Self:
        """
        Raises:
            InvalidRecipient: if it is neither a saved user nor an address.
        """
        if isinstance(value, str):
            # What is cut off is no address any more (RFC 5321 allows 254): it is refused when it leaves.
            address = storable(value)[:_ADDRESS_LENGTH]
            return cls(key=_bounded(f"mail:{address.casefold()}"), address=address)
        if isinstance(value, get_user_model()) and value.pk is not None:
            user_id = id_of(value)
            return cls(key=_bounded(f"user:{user_id}"), user_id=user_id)
        raise InvalidRecipient(value)


def in_chunks(values: Iterable[Any], size: int) -> Iterator[list[Recipient]]:
    """
    The recipients in chunks of at most ``size``, ``None`` left out, each at most once a chunk.

    A queryset is read by ranges of its primary key, so memory does not grow with it and no server-side
    cursor is held open, which would break behind a connection pooler.

    Raises:
        InvalidRecipient: see :meth:`Recipient.of`.
        RecipientsNotAList: for a single string.
    """
    if isinstance(values, str | bytes):
        # It would be read letter by letter, each an address of its own.
        raise RecipientsNotAList(values)
    source = _rows(values, size) if _can_be_ranged(values) else iter(values)
    while values_of_chunk := list(islice(source, size)):
        chunk = (Recipient.of(value) for value in values_of_chunk if value is not None)
        yield list({recipient.key: recipient for recipient in chunk}.values())


def _can_be_ranged(values: Iterable[Any]) -> bool:
    return (
        isinstance(values, QuerySet)
        and values._iterable_class is ModelIterable
        and values._result_cache is None
        and not values.query.is_sliced
        and not values.query.combinator
        and not values.query.distinct_fields
    )


def _rows(queryset: Any, size: int) -> Iterator[Any]:
    ordered = queryset.order_by("pk")
    rows = list(ordered[:size])
    yield from rows
    while len(rows) == size:
        rows = list(ordered.filter(pk__gt=rows[-1].pk)[:size])
        yield from rows


def _bounded(key: str) -> str:
    if len(key) <= _KEY_LENGTH:
        return key
    return f"{key[:100]}:{hashlib.sha256(key.encode()).hexdigest()}"
