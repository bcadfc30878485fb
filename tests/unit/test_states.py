"""Two states of an object, and what differs."""

from example_site.inspections.models import Inspection
from notifyaudit.sources.states import difference


def test_what_any_save_renews_is_no_change():
    before, after = {"updated_at": 1, "status": "draft"}, {"updated_at": 2, "status": "completed"}
    assert difference(Inspection, before, after) == {"status": ("draft", "completed")}
