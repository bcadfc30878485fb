"""Fair comparison on a shared machine: the candidates take turns, and medians are compared."""

import time
from collections.abc import Callable
from statistics import median

ROUNDS = 9


def compare(
    candidates: dict[str, Callable[[], None]],
    *,
    times: int = 1,
    rounds: int = ROUNDS,
    before: Callable[[], object] | None = None,
) -> dict[str, float]:
    """
    Seconds per call of each candidate: the median over rounds in which each ran ``times`` times.

    A round that is not counted comes first, so that caches are warm for all of them.

    Args:
        candidates: by the name under which they are reported.
        times: a candidate in a round.
        rounds: that are counted.
        before: called before the turn of each candidate; its time does not count.
    """
    measured: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(rounds + 1):
        for name, candidate in candidates.items():
            if before is not None:
                before()
            start = time.perf_counter()
            for _ in range(times):
                candidate()
            if number:
                measured[name].append((time.perf_counter() - start) / times)
    return {name: median(seconds) for name, seconds in measured.items()}


def report(title: str, seconds: dict[str, float], *, per: int = 1) -> None:
    """A table: microseconds each, how many a second, and the ratio to the first line."""
    base = next(iter(seconds.values()))
    print(f"\n{title}")
    for name, value in seconds.items():
        each = value / per
        print(f"  {name:<58} {each * 1e6:>10,.0f} µs {1 / each:>9,.0f} /s {value / base:>7.2f} x", flush=True)
