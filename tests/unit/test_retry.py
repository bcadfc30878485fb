from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyaudit import RetryPolicy

MINUTE = timedelta(minutes=1)


def test_pauses_double_up_to_the_ceiling():
    policy = RetryPolicy(max_attempts=6, base=MINUTE, ceiling=5 * MINUTE, jitter=0)
    pauses = [policy.pause(attempts) for attempts in range(1, 7)]
    assert pauses == [MINUTE, 2 * MINUTE, 4 * MINUTE, 5 * MINUTE, 5 * MINUTE, None]


def test_one_attempt_means_no_retry():
    assert RetryPolicy(max_attempts=1).pause(1) is None


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_no_pause_leaves_the_range_that_jitter_allows(attempts, jitter):
    policy = RetryPolicy(max_attempts=100_000, jitter=jitter)
    pause = policy.pause(attempts)
    assert timedelta(0) <= pause <= policy.ceiling * (1 + jitter) + timedelta(seconds=1)


@given(st.integers(1, 10_000), st.timedeltas(timedelta(0), timedelta(days=1)))
def test_no_base_and_no_number_of_attempts_overflows(attempts, base):
    policy = RetryPolicy(max_attempts=100_000, base=base, ceiling=timedelta(days=1), jitter=0)
    assert base <= policy.pause(attempts) <= policy.ceiling


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"max_attempts": 0}, "max_attempts"),
        ({"base": -MINUTE}, "base"),
        ({"base": 2 * MINUTE, "ceiling": MINUTE}, "ceiling"),
        ({"jitter": 2}, "jitter"),
    ],
)
def test_nonsense_is_refused_by_name(wrong, named):
    with pytest.raises(ValueError, match=named):
        RetryPolicy(**wrong)
