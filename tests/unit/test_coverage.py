"""What is counted as asserted, across the processes of a run."""

from notifyaudit.testing.coverage import Coverage


def seen(classes=("a.A", "a.B"), actions=("x.done",)):
    return Coverage({key: f"emails.py:{key}" for key in classes}, dict.fromkeys(actions, "actions.py:1"))


def test_nothing_to_cover_is_covered():
    assert Coverage().percent == 100
    assert Coverage().lines() == ["0 of 0 email classes, 0 of 0 actions: 100 %"]


def test_a_mail_covers_its_class_and_the_actions_of_its_events():
    coverage = seen()
    coverage.email("a.A", ["x.done"])
    assert (coverage.missing_classes(), coverage.missing_actions()) == ({"a.B": "emails.py:a.B"}, {})
    assert coverage.lines() == [
        "no test asserted a mail of",
        "  a.B  emails.py:a.B",
        "1 of 2 email classes, 1 of 1 actions: 67 %",
    ]


def test_an_event_covers_its_action():
    coverage = seen(classes=())
    assert coverage.percent == 0
    coverage.action("x.done")
    assert coverage.percent == 100


def test_all_but_one_is_never_shown_as_all():
    coverage = seen(classes=[f"a.{number}" for number in range(250)], actions=())
    for number in range(249):
        coverage.email(f"a.{number}", [])
    assert coverage.lines()[-1] == "249 of 250 email classes, 0 of 0 actions: 99 %"


def test_what_there_is_no_longer_counts_for_nothing():
    coverage = seen()
    coverage.email("a.Gone", ["x.gone"])
    assert coverage.percent == 0


def test_processes_are_united():
    one, other = seen(), seen(classes=["a.C"])
    one.email("a.A", [])
    other.email("a.C", ["x.done"])
    united = Coverage().unite(one.dump()).unite(other.dump())
    assert united.missing_classes() == {"a.B": "emails.py:a.B"}
    assert united.missing_actions() == {}


def test_a_part_of_the_tests_in_one_process_is_a_part_in_all():
    whole, part = seen(), seen()
    part.is_partial = True
    united = Coverage().unite(part.dump()).unite(whole.dump())
    assert united.lines()[-1] == "Some tests were deselected; what they assert is missing here."
    united.clear()
    assert united == Coverage()
