from itertools import pairwise, permutations

from hypothesis import given
from hypothesis import strategies as st

from notifyaudit import Frequency
from notifyaudit.precedence import Row, Rule, decide

PATTERNS = ["*", "inspection.*", "*.edited", "*.ed*"]

kinds = st.one_of(
    st.just({"email_key": "inspections.Edited"}),
    st.just({"action": "inspection.edited"}),
    st.sampled_from(PATTERNS).map(lambda pattern: {"action": pattern}),
    st.just({}),
)


def rows_like(**fixed):
    details = {
        "id": st.integers(1, 50),
        "personal": st.booleans(),
        "distance": st.none() | st.integers(0, 3),
        "muted": st.booleans(),
        "frequency": st.sampled_from(Frequency),
    }
    return st.builds(lambda kind, **others: Row(**kind, **others), kinds, **details | fixed)


def lists_of(rows):
    return st.lists(rows, min_size=1, max_size=8, unique_by=lambda row: row.id)


def silences(row):
    return row.muted and not row.email_key and not row.action


any_row = rows_like()
# Among rows that differ in everything the first rules leave nothing to the later ones.
alike = rows_like(personal=st.just(True), distance=st.just(0)).filter(lambda row: not silences(row))
several = lists_of(any_row) | lists_of(alike)


def won_in_prose(rows):
    """The order of precedence as it is told: those who remain after each sentence."""
    rows = [row for row in rows if row.personal] or rows
    rows = [row for row in rows if silences(row)] or rows
    with_target = [row for row in rows if row.distance is not None]
    nearest = min((row.distance for row in with_target), default=None)
    rows = [row for row in rows if row.distance == nearest]
    exact = [row for row in rows if row.action == "inspection.edited"]
    patterns = sorted((row for row in rows if row.action in PATTERNS), key=lambda row: -len(row.action))
    longest = [row for row in patterns if len(row.action) == len(patterns[0].action)]
    rows = [row for row in rows if row.email_key] or exact or longest or rows
    rows = [row for row in rows if row.muted] or rows
    for frequency in Frequency:
        if soonest := [row for row in rows if row.frequency == frequency]:
            return min(soonest, key=lambda row: row.id)
    raise AssertionError


@given(several)
def test_the_winner_is_the_one_of_whom_the_prose_tells(rows):
    assert decide(rows).row == won_in_prose(rows)


@given(several, st.booleans(), st.randoms())
def test_the_order_of_the_rows_does_not_matter(rows, mandatory, random):
    shuffled = random.sample(rows, k=len(rows))
    assert decide(rows, mandatory=mandatory) == decide(shuffled, mandatory=mandatory)


@given(several)
def test_precedence_is_a_total_order(rows):
    ranking, left = [], list(rows)
    while left:
        ranking.append(decide(left).row)
        left.remove(ranking[-1])
    for better, worse in pairwise(ranking):
        assert decide([worse, better]).row == better
    assert all(decide([better, ranking[-1]]).row == better for better in ranking)


@given(st.tuples(any_row, any_row, any_row) | st.tuples(alike, alike, alike))
def test_the_rule_is_the_one_that_told_the_first_from_the_second(rows):
    for first, second in permutations(rows, 2):
        verdict = decide([first, second])
        other = second if verdict.row == first else first
        told = {
            Rule.PERSONAL: verdict.row.personal and not other.personal,
            Rule.SILENCED: silences(verdict.row) and not silences(other),
            Rule.NEAREST: verdict.row.distance is not None and verdict.row.distance != other.distance,
            Rule.SPECIFIC: (verdict.row.email_key, verdict.row.action) != (other.email_key, other.action),
            Rule.MUTED: verdict.row.muted and not other.muted,
            Rule.SOONEST: verdict.row.frequency.rank < other.frequency.rank,
            Rule.OLDEST: verdict.row.id <= other.id,
        }
        assert told[verdict.rule]
        assert decide([verdict.row]).rule == Rule.ONLY


@given(several)
def test_an_own_mute_of_everything_silences_every_row(rows):
    mute = Row(id=99, personal=True, distance=None, muted=True)
    assert decide([*rows, mute]).frequency is None


@given(several)
def test_mandatory_mail_leaves_at_once_if_anybody_asked_for_it(rows):
    verdict = decide(rows, mandatory=True)
    asking = [row for row in rows if not row.muted]
    assert (verdict and (verdict.row, verdict.frequency)) == (
        (decide(asking).row, Frequency.IMMEDIATE) if asking else None
    )


@given(several)
def test_a_mute_is_no_frequency(rows):
    verdict = decide(rows)
    assert verdict.frequency == (None if verdict.row.muted else verdict.row.frequency)


def test_without_rows_there_is_no_verdict():
    assert decide([]) is None
