import random

from django.utils.functional import Promise

from notifyaudit import Frequency


def test_the_soonest_comes_first():
    shuffled = random.sample(list(Frequency), k=len(Frequency))
    assert sorted(shuffled, key=lambda each: each.rank) == ["immediate", "hourly", "daily", "weekly"]


def test_labels_wait_for_the_readers_language():
    assert all(isinstance(member._label_, Promise) for member in Frequency)
