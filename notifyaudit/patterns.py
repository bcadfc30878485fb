"""Which actions a pattern means. Pure: texts in, a verdict out."""

from fnmatch import fnmatchcase

_WILDCARDS = frozenset("*?[")

_OWN = "notifyaudit."


def is_pattern(action: str) -> bool:
    """Whether this may mean several actions, as ``"inspection.*"`` and ``"*"`` do."""
    return not _WILDCARDS.isdisjoint(action)


def is_own(action: str) -> bool:
    """Whether this is an action of the library itself, or a pattern of such."""
    return action.startswith(_OWN)


def matches(action: str, pattern: str) -> bool:
    """
    Whether an action is meant, by its exact name or by a pattern in the form of the shell's, with case. The
    library's own are meant only by what names the library: whoever asks for ``"*"`` asks for the project's.

    >>> matches("inspection.edited", "inspection.*"), matches("inspection.edited", "inspection")
    (True, False)
    >>> matches("notifyaudit.unsubscribed", "*"), matches("notifyaudit.unsubscribed", "notifyaudit.*")
    (False, True)
    """
    # The first, because an action's own name may hold a wildcard.
    return action == pattern or ((is_own(pattern) or not is_own(action)) and fnmatchcase(action, pattern))
