"""What is left of a transaction when its savepoints have had their say."""

from hypothesis import given
from hypothesis import strategies as st

from notifyaudit.journal import Journal, Write


def write(owner="order", line=1):
    return Write("shop.Order", "update", "shop/services.py", line, owner)


def test_a_write_without_an_event_is_forgotten():
    journal = Journal()
    journal.write(write())
    assert journal.forgotten() == [write()]


def test_an_event_before_or_after_it_covers_it():
    before, after = Journal(), Journal()
    before.cover(["order"])
    before.write(write())
    after.write(write())
    after.cover(["order"])
    assert before.forgotten() == after.forgotten() == []


def test_an_event_about_another_model_does_not():
    journal = Journal()
    journal.write(write())
    journal.cover(["customer"])
    assert journal.forgotten() == [write()]


def test_an_event_about_a_child_covers_its_parents():
    journal = Journal()
    journal.write(write("order"))
    journal.cover(["express_order", "order"])
    assert journal.forgotten() == []


def test_a_rolled_back_event_covers_nothing():
    journal = Journal()
    journal.write(write())
    journal.begin("s1")
    journal.cover(["order"])
    journal.undo("s1")
    assert journal.forgotten() == [write()]


def test_a_rolled_back_write_is_no_write():
    journal = Journal()
    journal.begin("s1")
    journal.write(write())
    journal.undo("s1")
    assert journal.forgotten() == []


def test_a_savepoint_from_before_takes_everything_back():
    journal = Journal()
    journal.write(write())
    journal.undo("of old")
    assert journal.forgotten() == []


def test_one_line_in_a_loop_is_one_write():
    journal = Journal()
    for _ in range(1000):
        journal.begin("s")
        journal.write(write())
        journal.release("s")
    assert len(journal._entries) == 1


def test_a_write_reads_well():
    assert str(write()) == "update of shop.Order at shop/services.py:1"
    assert str(Write("shop.Order", "delete", "", 0, "order")) == "delete of shop.Order at an unknown line"


class Naive:
    """The same, as one would write it down: nested lists, thrown away or kept."""

    def __init__(self):
        self.levels = [[]]

    def run(self, tree):
        for step in tree:
            if isinstance(step, tuple):
                rolled_back, inner = step
                self.levels.append([])
                self.run(inner)
                top = self.levels.pop()
                if not rolled_back:
                    self.levels[-1] += top
            else:
                self.levels[-1].append(step)
        return self.levels[0]


STEPS = st.recursive(
    st.lists(st.sampled_from(["write a", "write b", "cover a", "cover b"]), max_size=4),
    lambda inner: st.lists(
        st.one_of(st.sampled_from(["write a", "cover a", "write b"]), st.tuples(st.booleans(), inner)),
        max_size=5,
    ),
)


@given(STEPS)
def test_it_agrees_with_nested_lists_thrown_away_or_kept(tree):
    journal, numbers = Journal(), iter(range(10_000))

    def run(steps):
        for step in steps:
            if isinstance(step, tuple):
                rolled_back, inner = step
                name = f"s{next(numbers)}"
                journal.begin(name)
                run(inner)
                if rolled_back:
                    journal.undo(name)
                journal.release(name)
            elif step.startswith("write"):
                journal.write(write(step[-1]))
            else:
                journal.cover([step[-1]])

    run(tree)
    survivors = Naive().run(tree)
    covered = {step[-1] for step in survivors if step.startswith("cover")}
    expected = {step[-1] for step in survivors if step.startswith("write")} - covered
    assert {entry.owner for entry in journal.forgotten()} == expected
