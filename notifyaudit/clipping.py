"""Two long values, cut so that a reader still sees how they differ. Pure: no ORM, no settings."""

import unicodedata

LIMIT = 160
"""Characters of a value that a mail shows."""

_LEAD = 24
"""Characters that are shown before the first difference, so that one sees where it is."""
_MARK = "…"
_JOINER = "\N{ZERO WIDTH JOINER}"


def clip(old: str, new: str, limit: int = LIMIT) -> tuple[str, str]:
    """
    Both texts with no more than ``limit`` characters, white space made single spaces, as HTML shows it. Where
    their beginnings are alike they begin, with an ellipsis, shortly before the first difference.

    >>> clip("A door does not close.", "A door closes.", limit=100)
    ('A door does not close.', 'A door closes.')

    Args:
        old: the value before.
        new: the value after.
        limit: the longest text, in characters; at least 80.

    Raises:
        ValueError: if ``limit`` is less: there must be room for a difference and for what stands before it.
    """
    if limit < 3 * _LEAD + 8:
        raise ValueError(f"clip() got limit={limit}; it must be 80 or more.")
    old, new = (" ".join(text.split()) for text in (old, new))
    start = 0
    if max(len(old), len(new)) > limit:
        difference = _first_difference(old, new)
        if difference > limit - 2 * _LEAD and old != new:
            longer = max(old, new, key=len)
            start = _begin_of_word(longer, difference - _LEAD)
    return _cut(old, start, limit), _cut(new, start, limit)


def _first_difference(old: str, new: str) -> int:
    pairs = enumerate(zip(old, new, strict=False))
    return next((place for place, (one, other) in pairs if one != other), min(len(old), len(new)))


def _cut(text: str, start: int, limit: int) -> str:
    before = _MARK if start else ""
    if len(before) + len(text) - start <= limit:
        return before + text[start:]
    end = _whole(text, start + limit - len(before) - len(_MARK))
    return f"{before}{text[start:end].rstrip()}{_MARK}"


def _begin_of_word(text: str, place: int) -> int:
    """The next word's begin within the lead, else this place."""
    space = text.find(" ", place, place + _LEAD // 2)
    return _whole(text, place) if space < 0 else space + 1


def _whole(text: str, place: int) -> int:
    """This place, or a few before it: no letter is parted from its accents, nor an emoji from its parts."""
    for candidate in range(place, max(place - _LEAD, 0), -1):
        if not (_continues(text[candidate : candidate + 1]) or text[candidate - 1] == _JOINER):
            return candidate
    return place


def _continues(character: str) -> bool:
    # Accents, variation selectors and the joiner; the skin tones of emoji.
    return unicodedata.category(character or " ") in {"Mn", "Me", "Mc", "Cf"} or (
        "\N{EMOJI MODIFIER FITZPATRICK TYPE-1-2}"
        <= (character or " ")
        <= "\N{EMOJI MODIFIER FITZPATRICK TYPE-6}"
    )
