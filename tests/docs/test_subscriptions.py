"""The tables of the page on subscriptions, held against the code row by row."""

import re
from itertools import permutations

import pytest

from notifyaudit import Frequency
from notifyaudit.precedence import Row, Rule, decide
from tests.docs.pages import DOCS, text_of
from tests.docs.test_reference import table

PAGE = DOCS / "explanation" / "subscriptions.md"

OWNERS = {"own": True, "group": False}
DISTANCES = {"the object": 0, "its parent": 1, "its grandparent": 2, "any object": None}


def rows_of(heading: str) -> list[list[str]]:
    return table(text_of(PAGE).partition(f"## {heading}\n")[2].partition("\n## ")[0])


def row_of(cell: str, number: int) -> Row | None:
    """What a cell like "own, any object, `inspection.*`, daily" says."""
    if cell == "–":
        return None
    owner, target, kind, how = cell.split(", ")
    action = re.fullmatch(r"`(.+)`", kind)
    assert action or kind in {"class", "everything"}, cell
    return Row(
        id=number,
        personal=OWNERS[owner],
        distance=DISTANCES[target],
        email_key="inspections.EditedEmail" if kind == "class" else "",
        action=action[1] if action else "",
        muted=how == "muted",
        frequency=Frequency.IMMEDIATE if how == "muted" else Frequency(how),
    )


CASES = [(row, False) for row in rows_of("Which row decides")] + [
    (row, True) for row in rows_of("Mandatory mail")
]


@pytest.mark.parametrize(("told", "mandatory"), CASES, ids=[" | ".join(told) for told, _ in CASES])
def test_the_row_that_the_page_names_decides_by_the_rule_it_names(told, mandatory):
    first, second, winner, rule, mail = told
    rows = [row for row in (row_of(first, 1), row_of(second, 2)) if row]
    for ordered in permutations(rows):
        verdict = decide(ordered, mandatory=mandatory)
        if winner == "–":
            assert verdict is None
        else:
            assert verdict.row.id == {"first": 1, "second": 2}[winner]
            assert f"`{verdict.rule}`" == rule
            assert (verdict.frequency or "none") == mail


def test_each_rule_has_an_example():
    assert {rule.strip("`") for (_, _, _, rule, _), mandatory in CASES if not mandatory} == set(Rule)


def test_the_rules_are_told_in_their_order():
    prose = text_of(PAGE).partition("## Which row decides")[2].partition("\n|")[0]
    assert re.findall(r"^\d\. .*\(`(\w+)`\)$", prose, re.MULTILINE) == [
        rule for rule in Rule if rule != Rule.ONLY
    ]
