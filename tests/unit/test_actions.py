import pytest

from notifyaudit.actions import known
from notifyaudit.exceptions import UnknownAction
from tests.testapp.actions import DocumentAction


def test_members_and_their_values_are_known():
    assert known.require(DocumentAction.CHANGED) == "document.changed"
    assert known.require("document.changed") == "document.changed"


def test_an_unknown_action_is_refused_with_the_nearest_known_one():
    with pytest.raises(UnknownAction, match=r"'document\.chnged'.*Did you mean 'document\.changed'"):
        known.require("document.chnged")


def test_an_action_has_a_label_even_when_nobody_declares_it_any_more():
    assert known.label("document.changed") == "Document changed"
    assert known.label("document.vanished") == "document.vanished"
