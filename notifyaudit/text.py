"""What a text must be to fit any of the databases, and an error as a text."""

import re
import traceback

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
"""What ends a line, for one reader or another, and all else that has no place on one."""


def storable(text: str) -> str:
    """
    The text without what a database refuses: NUL (PostgreSQL) and lone surrogates (no UTF-8) become
    U+FFFD, the replacement character.
    """
    if "\0" in text:
        text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    return text


def one_line(text: str) -> str:
    """The text as it may stand in a header: :func:`storable`, and a space where a control character was."""
    return _CONTROLS.sub(" ", storable(text)).strip()


def named(error: BaseException) -> str:
    """An error as one line: its class and its message."""
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - an application's exception class, whose own __str__ fails
        message = "(its message cannot be shown)"
    return storable(f"{type(error).__name__}: {message}")


def describe(error: BaseException) -> str:
    """An error for the ledger: its class, its message, and the line it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({frames[-1].filename}:{frames[-1].lineno} in {frames[-1].name})" if frames else ""
    return named(error) + storable(where)
