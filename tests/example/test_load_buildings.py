"""The sample data of a developer's machine."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from example_site.inspections.models import Building, Inspection, Section, User

MODELS = (User, Building, Inspection, Section)


@pytest.fixture
def local(settings, db):
    settings.DEBUG = True


def test_loading_twice_changes_nothing(local):
    call_command("load_buildings", stdout=StringIO())
    before = [list(model.objects.order_by("pk").values()) for model in MODELS]
    call_command("load_buildings", stdout=StringIO())
    after = [list(model.objects.order_by("pk").values()) for model in MODELS]
    assert before == after
    assert [len(rows) for rows in before] == [6, 3, 4, 5]


def test_nobody_is_told_of_sample_data(local, audit_outbox):
    call_command("load_buildings", stdout=StringIO())
    assert audit_outbox.recorded() == []
    audit_outbox.assert_nothing_sent()


def test_the_printed_logins_work(local, client, monkeypatch):
    monkeypatch.setenv("SAMPLE_PASSWORD", "another password")
    out = StringIO()
    call_command("load_buildings", stdout=out)
    for username in ("inspector", "inspector2", "reviewer", "owner", "owner2", "admin"):
        assert f"  {username} " in out.getvalue()
        assert client.login(username=username, password="another password")


def test_a_public_site_is_refused(db):
    with pytest.raises(CommandError, match="DEBUG"):
        call_command("load_buildings")
    assert not User.objects.exists()
