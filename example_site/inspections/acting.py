"""Who did it, as ``record()`` wants to hear it."""

from typing import Any

from django.contrib.auth.models import AbstractUser


def acted(by: AbstractUser | None) -> dict[str, Any]:
    """The actor for ``record()``: the one of the running request unless somebody is named."""
    # Left out rather than None, which would mean that nobody did it.
    return {} if by is None else {"actor": by}
