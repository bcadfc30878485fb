"""Which keys hold secrets, and what is stored in their place. Pure: no ORM, no settings."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

MASK = "********"

_KNOWN_KEYS = 4096

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+")


@lru_cache(maxsize=4096)
def words(name: str) -> tuple[str, ...]:
    """
    The words of a key, in lower case: split at ``_``, ``-``, spaces and camelCase.

    >>> words("userPassword"), words("API-key")
    (('user', 'password'), ('api', 'key'))
    """
    return tuple(word.lower() for word in _WORDS.findall(name))


class Mask:
    """
    Decides whether a key is sensitive: its words contain a sensitive name's words in a row. So with
    ``api_key`` and ``token``, ``stripeApiKey`` and ``token_hash`` are sensitive, ``tokenizer`` is not.

    Args:
        sensitive: the names that are masked.
        public: the exact keys that are shown all the same.
    """

    def __init__(self, sensitive: Iterable[str], public: Iterable[str] = ()) -> None:
        self._sensitive = [words(name) for name in sensitive if words(name)]
        self._public = frozenset(public)
        self._known: dict[str, bool] = {}

    def hides(self, key: str) -> bool:
        """Whether the value of this key must not be stored."""
        known = self._known.get(key)
        if known is None:
            known = self._decide(key)
            # The names of fields come again with each event; those in free data need not.
            if len(self._known) < _KNOWN_KEYS:
                self._known[key] = known
        return known

    def _decide(self, key: str) -> bool:
        if key in self._public:
            return False
        parts = words(key)
        return any(
            parts[start : start + len(name)] == name
            for name in self._sensitive
            for start in range(len(parts) - len(name) + 1)
        )

    def apply(self, value: Any) -> Any:
        """A copy of a JSON value in which the values of sensitive keys are masked, at any depth."""
        if isinstance(value, Mapping):
            return {key: MASK if self.hides(key) else self.apply(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.apply(item) for item in value]
        return value

    def apply_to_changes(self, changes: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
        """
        A copy of ``{field: [old, new]}`` with both sides of a sensitive field masked. That the
        field changed remains visible.
        """
        return {
            name: [MASK, MASK] if self.hides(name) else [self.apply(side) for side in sides]
            for name, sides in changes.items()
        }
