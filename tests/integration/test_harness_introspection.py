"""What pytest prints for a plain assert about a mail."""

import copy
import json
import pickle

import pytest

from notifyaudit.testing.introspection import Mail, Part, difference, explain
from tests.testapp.models import Document

NAME = "DocumentChangedEmail to owner@example.com"


def part(text, name="subject"):
    return Part(text, name=name, of=NAME)


class Sent(Mail):
    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return f"<{self.name}>"


A, B = Sent("A"), Sent("B")


class TestExplained:
    def test_a_line_is_another(self):
        assert explain("==", part("Plan A"), "Plan B") == [
            f"the subject of {NAME} is another",
            "  is      Plan A",
            "  wanted  Plan B",
            "               ^",
        ]

    def test_whichever_side_it_stands_on(self):
        assert explain("==", "Plan B", part("Plan A")) == explain("==", part("Plan A"), "Plan B")

    def test_of_several_lines_those_that_differ(self):
        assert explain("==", part("one\ntwo\nthree\nfour\n", "text"), "one\n2\nthree\nfour\nfive\n") == [
            f"the text of {NAME} is another",
            "  line 2",
            "    is      two",
            "    wanted  2",
            "  line 5",
            "    wanted  five",
        ]

    def test_a_line_end_more(self):
        assert explain("==", part("one\ntwo\n", "text"), "one\ntwo") == [
            f"the text of {NAME} is another",
            "  only in how it ends",
        ]

    def test_it_is_not_in_it(self):
        assert explain("in", "five", part("one\n\ntwo", "text")) == [
            f"'five' is not in the text of {NAME}",
            "  | one",
            "  |",
            "  | two",
        ]

    def test_it_is_in_it_on_this_line(self):
        assert explain("not in", "wo", part("one\ntwo", "text")) == [
            f"'wo' is in the text of {NAME}",
            "  | two",
        ]

    def test_a_long_text_is_cut(self):
        lines = explain("in", "x", part("\n".join("abc" for _ in range(100)), "text"))
        assert lines[-1] == "  … and 60 more lines"
        assert len(lines) == 42

    def test_lists_of_mails(self):
        assert explain("==", [A, B], []) == [
            "2 mails, not no mails",
            "  only left   <A>",
            "  only left   <B>",
        ]
        assert explain("==", [A], [B, A]) == ["1 mail, not 2 mails", "  only right  <B>", "  both        <A>"]
        assert explain("==", [A], [B]) == ["other mails", "  only left   <A>", "  only right  <B>"]
        assert explain("==", [A, B], [B, A]) == [
            "the same mails, in another order",
            "  left   <A>",
            "  left   <B>",
            "  right  <B>",
            "  right  <A>",
        ]

    @pytest.mark.parametrize(
        ("op", "left", "right"),
        [
            ("==", "a", "b"),
            ("==", part("a"), 5),
            ("==", part("a"), part("b")),
            ("!=", part("a"), "a"),
            ("in", part("a"), ["b"]),
            ("==", [A], None),
            ("==", [], []),
            ("==", [A, 5], []),
        ],
    )
    def test_what_is_pytests_own_business(self, op, left, right):
        assert explain(op, left, right) is None


class TestDifference:
    @pytest.mark.parametrize(
        ("actual", "wanted", "columns"),
        [
            ("abc", "abd", 2),
            ("", "x", 0),
            ("ab", "abc", 2),
            ("计划 A", "计划 B", 5),
            ("e\u0301a", "e\u0301b", 1),
        ],
    )
    def test_the_mark_stands_where_they_part(self, actual, wanted, columns):
        assert difference(actual, wanted)[-1] == f"{' ' * (10 + columns)}^"

    def test_what_cannot_be_seen_is_shown(self):
        assert difference("a\xa0b", "a\u200bb")[:2] == ["  is      a\\xa0b", "  wanted  a\\u200bb"]


class TestPart:
    """To all that knows nothing of mails it is a plain text."""

    def test_it_can_be_copied_and_pickled(self):
        text = part("Plan A")
        for other in (copy.copy(text), copy.deepcopy(text), pickle.loads(pickle.dumps(text))):
            assert (other, other.name, other.of, type(other)) == ("Plan A", "subject", NAME, Part)

    def test_it_is_a_text_in_json_and_in_what_is_made_of_it(self):
        text = part("Plan A")
        assert json.dumps({text: text}) == '{"Plan A": "Plan A"}'
        assert type(str(text)) is type(text.upper()) is type(text + "") is str
        assert {text: 1}["Plan A"] == 1

    @pytest.mark.django_db
    def test_a_database_takes_it(self):
        Document.objects.create(title=part("Plan A"))
        assert Document.objects.get(title=part("Plan A")).title == "Plan A"
