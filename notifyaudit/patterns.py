"""Which actions a pattern means. Pure: texts in, a verdict out."""

from fnmatch import fnmatchcase

_WILDCARDS = frozenset("*?[")


def is_pattern(action: str) -> bool:
    """Whether this may mean several actions, as ``"inspection.*"`` and ``"*"`` do."""
    return not _WILDCARDS.isdisjoint(action)


def matches(action: str, pattern: str) -> bool:
    """
    Whether an action is meant, by its exact name or by a pattern in the form of the shell's, with case.

    >>> matches("inspection.edited", "inspection.*"), matches("inspection.edited", "inspection")
    (True, False)
    """
    # The first, because an action's own name may hold a wildcard.
    return action == pattern or fnmatchcase(action, pattern)
