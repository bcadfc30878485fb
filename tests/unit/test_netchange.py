import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyaudit.masking import MASK
from notifyaudit.netchange import Occurrence, is_creation, net_changes, same

ROW = {"status": "draft", "price": 7}


def tag(identifier, called="a tag"):
    return {"type": "testapp.Tag", "id": str(identifier), "repr": called}


def edited(**changes):
    return Occurrence(about="it", action="edited", changes=changes)


def created(**values):
    return Occurrence(
        about="it",
        action="created",
        created=True,
        changes={name: (None, value) for name, value in values.items()},
    )


def deleted(**snapshot):
    return Occurrence(about="it", action="deleted", snapshot=snapshot)


def seen():
    return Occurrence(about="it", action="seen")


def left(*occurrences):
    """What is left of one object."""
    (net,) = net_changes(occurrences)
    return net


@pytest.mark.parametrize(
    ("sides", "net"),
    [
        ([("A", "B"), ("B", "C")], ("A", "C")),
        ([("A", "B"), ("B", "A")], None),
        ([("A", "B"), ("C", "D")], ("A", "D")),
        ([("A", "B"), ("C", "A")], None),
        ([("A", "A")], None),
        ([(True, 1)], (True, 1)),
        ([(False, True), (True, 0)], (False, 0)),
        ([(1, 2), (2, 1.0)], None),
        ([(10**22, 0), (0, 1e22)], None),
        ([("1", "2"), ("2", 1)], ("1", 1)),
        ([(None, ""), ("", None)], None),
        ([(None, "")], (None, "")),
        ([(MASK, MASK)], (MASK, MASK)),
        ([({"pin": MASK}, {"pin": MASK})], ({"pin": MASK}, {"pin": MASK})),
        # Masked in between, as the setting had it then.
        ([("A", "B"), (MASK, MASK), ("B", "A")], (MASK, MASK)),
        ([("A", "B"), (MASK, MASK)], ("A", MASK)),
        ([([tag(1), tag(2)], [tag(1)]), ([tag(1)], [tag(2), tag(1)])], None),
        ([([tag(1, "old")], []), ([], [tag(1, "new")])], None),
        ([([tag(1)], [tag(1), tag(2)])], ([tag(1)], [tag(1), tag(2)])),
        ([(["a", "b"], ["b", "a"])], (["a", "b"], ["b", "a"])),
        ([(tag(1, "old"), tag(2)), (tag(2), tag(1, "new"))], None),
        ([(tag("", "old"), tag("", "new"))], (tag("", "old"), tag("", "new"))),
        ([({"a": [1, True]}, {"a": [1, 1]})], ({"a": [1, True]}, {"a": [1, 1]})),
        ([({"a": 1, "b": 2}, None), (None, {"b": 2.0, "a": 1})], None),
    ],
)
def test_what_is_left_of_a_field(sides, net):
    found = net_changes(edited(field=pair) for pair in sides)
    assert [change.changes for change in found] == ([] if net is None else [{"field": net}])
    # Python's == takes True for 1.
    assert [repr(change.changes["field"]) for change in found] == ([] if net is None else [repr(net)])


def test_what_happened_without_a_change_is_counted():
    net = left(seen(), edited(status=("A", "B")), seen(), edited(status=("B", "A")))
    assert (net.changes, net.happened) == ({}, {"seen": 2})


def test_what_was_created_is_shown_as_it_is_now():
    net = left(created(**ROW), edited(price=(7, 9)), edited(title=("", "Tower")))
    assert net.created
    assert net.changes == {"status": (None, "draft"), "price": (None, 9), "title": (None, "Tower")}


def test_what_is_recorded_while_a_row_is_created_counts_as_part_of_it():
    # Of a track() around it, the event comes last.
    net = left(edited(status=("draft", "done")), created(status="done"))
    assert (net.created, net.changes) == (True, {"status": (None, "done")})


def test_what_was_created_and_deleted_has_left_nothing():
    assert net_changes([created(**ROW), edited(price=(7, 9)), deleted(status="draft", price=9)]) == []


def test_what_happened_to_something_that_came_and_went_has_happened():
    net = left(created(**ROW), seen(), deleted(**ROW))
    assert (net.changes, net.created, net.deleted, net.happened) == ({}, False, False, {"seen": 1})


def test_what_was_deleted_keeps_its_last_values_and_what_had_changed():
    net = left(edited(price=(5, 7)), deleted(**ROW))
    assert net.deleted
    assert (net.snapshot, net.changes, net.happened) == (ROW, {"price": (5, 7)}, {})


def test_what_is_said_after_a_deletion_does_not_undo_it():
    assert left(deleted(**ROW), seen()).deleted


def test_a_snapshot_of_what_is_changed_later_was_no_deletion():
    net = left(deleted(**ROW), edited(price=(7, 9)))
    assert (net.deleted, net.changes, net.happened) == (False, {"price": (7, 9)}, {"deleted": 1})


def test_what_was_deleted_and_created_again_has_changed():
    net = left(
        edited(title=("Old", "Older")), deleted(**ROW, title="Older"), created(status="draft", price=9)
    )
    assert (net.created, net.deleted) == (False, False)
    assert net.changes == {"title": ("Old", None), "price": (7, 9)}
    assert net_changes([deleted(**ROW), created(**ROW)]) == []
    assert not left(deleted(**ROW), edited(price=(7, 9)), created(status="draft", price=9)).created


def test_what_came_and_went_twice_has_left_nothing():
    assert net_changes([created(**ROW), deleted(**ROW)] * 2) == []
    assert left(created(**ROW), deleted(**ROW), created(**ROW)).created
    assert left(deleted(**ROW), created(**ROW), deleted(**ROW)).deleted


def test_only_a_value_in_the_place_of_an_impossible_null_is_a_creation():
    assert is_creation({"summary": (None, "x"), "status": [None, "draft"]}, {"status"})
    assert not is_creation({"summary": (None, "x")}, {"status"})
    assert not is_creation({"status": ("draft", None)}, {"status"})
    assert not is_creation({}, {"status"})


def test_memory_does_not_grow_with_the_events():
    def edits(number):
        return (edited(counter=(f"{step} times", f"{step + 1} times")) for step in range(number))

    def peak(number):
        tracemalloc.start()
        try:
            net_changes(edits(number))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)
    assert peak(20_000) < 3 * peak(200)


# Against a simulation that knows what was there.

values = st.sampled_from(
    ["a", "b", "", 0, 1, 1.0, True, False, [], [1], [tag(1)], [tag(1), tag(2)], {"k": 1}]
)
FIELDS = ("status", "price", "tags")
filled = st.fixed_dictionaries(dict.fromkeys(FIELDS, values))
steps = st.one_of(
    st.tuples(st.just("edit"), st.dictionaries(st.sampled_from(FIELDS), values, min_size=1)),
    st.tuples(st.just("create"), filled),
    st.tuples(st.sampled_from(["delete", "see"]), st.just({})),
)


@st.composite
def lives(draw, about="it"):
    """What was there, what happened, and what is there, of one object whose every write has an event."""
    before = draw(st.none() | filled)
    state = None if before is None else dict(before)
    occurrences = []
    for step, given_values in draw(st.lists(steps, max_size=12)):
        details = {"about": about, "action": step}
        if step == "create" and state is None:
            changes = {name: (None, value) for name, value in given_values.items()}
            occurrences.append(Occurrence(**details, created=True, changes=changes))
            state = dict(given_values)
        elif step == "delete" and state is not None:
            occurrences.append(Occurrence(**details, snapshot=state))
            state = None
        elif step == "edit" and state is not None:
            changes = {name: (state[name], value) for name, value in given_values.items()}
            occurrences.append(Occurrence(**details, changes=changes))
            state = state | given_values
        elif step == "see":
            occurrences.append(Occurrence(**details))
    return before, occurrences, state


def events_of(net):
    """A result as the events that would say the same."""
    if net.changes or net.created or net.deleted:
        yield Occurrence(
            about=net.about, action="net", changes=net.changes, created=net.created, snapshot=net.snapshot
        )
    for action, times in net.happened.items():
        yield from [Occurrence(about=net.about, action=action)] * times


@given(lives())
def test_the_net_change_is_the_difference_of_the_two_ends(life):
    before, occurrences, after = life
    found = net_changes(occurrences)
    times = sum(occurrence.action == "see" for occurrence in occurrences)
    differing = [name for name in FIELDS if before and after and not same(before[name], after[name])]
    if not (times or differing or (before is None) != (after is None)):
        assert found == []
        return
    (net,) = found
    assert net.happened == ({"see": times} if times else {})
    assert net.created == (before is None and after is not None)
    assert net.deleted == (before is not None and after is None)
    if net.created:
        assert repr(dict(sorted(net.changes.items()))) == repr(
            {name: (None, after[name]) for name in sorted(FIELDS)}
        )
    elif not net.deleted:
        assert repr(dict(sorted(net.changes.items()))) == repr(
            {name: (before[name], after[name]) for name in sorted(differing)}
        )
    else:
        assert net.snapshot == next(each.snapshot for each in reversed(occurrences) if each.snapshot)


sides = values | st.none() | st.just(MASK) | st.just({"pin": MASK})
anything = st.builds(
    Occurrence,
    about=st.sampled_from("xyz"),
    action=st.sampled_from(["edited", "deleted", "seen"]),
    changes=st.dictionaries(st.sampled_from(FIELDS), st.tuples(sides, sides)),
    created=st.booleans(),
    snapshot=st.none() | st.none() | filled,
)


@given(st.lists(anything))
def test_the_net_change_of_the_net_change_is_itself(occurrences):
    once = net_changes(occurrences)
    # As text: to Python True is 1.
    assert repr(net_changes(event for net in once for event in events_of(net))) == repr(once)


@given(st.lists(anything))
def test_other_objects_have_no_influence(occurrences):
    together = {net.about: net for net in net_changes(occurrences)}
    apart = [
        net for about in "xyz" for net in net_changes(each for each in occurrences if each.about == about)
    ]
    assert together == {net.about: net for net in apart}
    order = [net.about for net in net_changes(occurrences)]
    assert order == sorted(order, key=[each.about for each in occurrences].index)


@given(st.lists(anything))
def test_a_field_that_was_masked_is_never_left_out(occurrences):
    masked = {
        (each.about, name) for each in occurrences for name, pair in each.changes.items() if MASK in str(pair)
    }
    found = {net.about: net for net in net_changes(occurrences)}
    came = {each.about for each in occurrences if each.created}
    for about, name in masked:
        # Unless the object has come and gone.
        if about not in came or (about in found and found[about].created):
            assert name in found[about].changes


@given(sides, sides, sides)
def test_what_says_the_same_does_so_in_both_directions(one, other, third):
    assert same(one, other) == same(other, one)
    assert not (same(one, other) and same(other, third)) or same(one, third)
    assert same(one, one) == (MASK not in str(one))
