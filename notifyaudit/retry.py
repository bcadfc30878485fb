"""When a failed attempt is made again. Pure: no ORM, no clock, no settings."""

import random
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """
    Exponential backoff: ``base * 2 ** (attempts - 1)``, capped at ``ceiling``, with jitter.

    Args:
        max_attempts: attempts in total, the first included; 1 disables retries.
        base: the pause after the first failed attempt.
        ceiling: no pause is longer, jitter aside.
        jitter: each pause is stretched or shrunk at random by up to this share of itself (0 to 1), so
            that mails which failed together do not come back together.

    Raises:
        ValueError: if ``max_attempts`` is below 1, a pause is negative, ``ceiling`` is below ``base``, or
            ``jitter`` is outside 0 to 1.
    """

    max_attempts: int = 5
    base: timedelta = timedelta(minutes=1)
    ceiling: timedelta = timedelta(hours=6)
    jitter: float = 0.1

    def __post_init__(self) -> None:
        if self.max_attempts < 1:
            raise ValueError(f"max_attempts counts the first one too: at least 1, not {self.max_attempts}")
        if self.base < timedelta(0) or self.ceiling < self.base:
            raise ValueError(f"0 <= base <= ceiling is needed, not base={self.base}, ceiling={self.ceiling}")
        if not 0 <= self.jitter <= 1:
            raise ValueError(f"jitter is a share between 0 and 1, not {self.jitter}")

    def pause(self, attempts: int) -> timedelta | None:
        """
        How long to wait after this many failed attempts; ``None`` when it was the last one.

        Args:
            attempts: failed attempts so far, at least 1.
        """
        if attempts >= self.max_attempts:
            return None
        try:
            pause: timedelta = min(self.base * 2 ** (attempts - 1), self.ceiling)
        except OverflowError:  # longer than any timedelta, so longer than the ceiling
            pause = self.ceiling
        return pause * (1 + random.uniform(-self.jitter, self.jitter))  # noqa: S311 - not a secret
