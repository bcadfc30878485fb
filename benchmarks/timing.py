"""Fair comparison on a shared machine: the candidates take turns, and medians are compared."""

import time
from collections.abc import Callable
from statistics import median

ROUNDS = 9


def compare(candidates: dict[str, Callable[[], None]], *, times: int) -> dict[str, float]:
    """
    Seconds per call of each candidate: the median over rounds in which each ran ``times`` times.

    A round that is not counted comes first, so that caches are warm for all of them.
    """
    measured: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(ROUNDS + 1):
        for name, candidate in candidates.items():
            start = time.perf_counter()
            for _ in range(times):
                candidate()
            if number:
                measured[name].append((time.perf_counter() - start) / times)
    return {name: median(seconds) for name, seconds in measured.items()}


def report(title: str, seconds: dict[str, float], *, per: int = 1) -> None:
    """A table: microseconds per call, and the ratio to the first line."""
    base = next(iter(seconds.values()))
    print(f"\n{title}")
    for name, value in seconds.items():
        print(f"  {name:<58} {value * 1e6 / per:>10,.0f} µs  {value / base:>6.2f} x")
