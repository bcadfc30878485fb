"""What a source reports: events in the same transaction, once per reference; a history nobody is told of."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core import checks
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import transaction
from django.db.models.signals import post_save
from django.utils.timezone import localtime, now

from notifyaudit import audit_context, intake, stopping
from notifyaudit.exceptions import ConfigurationError, NotInTransaction, UnknownAction, WrongDatabase
from notifyaudit.models import AuditEvent, Notification
from notifyaudit.sources import Kind, Seen, Source, backfilling, configured
from notifyaudit.tasks import sweep
from tests.integration.kinds import email_kind
from tests.testapp.models import Document, Folder

pytestmark = pytest.mark.django_db

PATH = f"{__name__}.Titles"
MAPPING = {
    "testapp.Document.created": "document.filed",
    "testapp.Document.title": "document.changed",
    "testapp.Document.deleted": "document.removed",
}


def seen(target, reference="1", kind=Kind.UPDATED, **details):
    return Seen(reference=reference, kind=kind, target=target, **details)


class Titles(Source):
    """Sees documents that are saved; its history is how they are now."""

    name = "titles"

    def connect(self):
        post_save.connect(self.see, dispatch_uid=self.name)

    def disconnect(self):
        post_save.disconnect(dispatch_uid=self.name)

    def see(self, sender, instance, created, **_):
        if sender in self.models:
            kind = Kind.CREATED if created else Kind.UPDATED
            self.report(
                seen(instance, f"{instance.pk}-{kind}", kind, changes={"title": (None, instance.title)})
            )

    def history(self, since=None):
        for document in Document.objects.order_by("pk"):
            moment = now() - timedelta(days=10)
            if since is None or moment >= since:
                yield seen(
                    document, f"{document.pk}-created", Kind.CREATED, occurred_at=moment, actor="clerk"
                )

    def problems(self):
        if Folder in self.models:
            yield "nobody follows testapp.Folder."


class Silent(Source):
    name = "silent"


class Nameless(Source):
    pass


@pytest.fixture
def connected(settings):
    def connect(mapping=MAPPING, path=PATH):
        settings.NOTIFYAUDIT = {**settings.NOTIFYAUDIT, "SOURCES": {path: mapping}}
        return configured.sources()[0]

    yield connect
    settings.NOTIFYAUDIT = {**settings.NOTIFYAUDIT, "SOURCES": {}}
    assert configured.sources() == []


@pytest.fixture
def document():
    return Document.objects.create(title="Plan A")


def events():
    return list(AuditEvent.objects.filter(source__in=["titles", "silent"]).order_by("pk"))


def test_what_is_seen_is_an_event_in_the_same_transaction(connected):
    connected()
    with audit_context(actor="clerk", correlation_id="c-1", metadata={"url": "/x/"}):
        document = Document.objects.create(title="Plan A")
    (event,) = events()
    assert (event.action, event.source, event.source_ref) == (
        "document.filed",
        "titles",
        f"{document.pk}-created",
    )
    assert (event.target, event.target_repr) == (document, "Plan A")
    assert event.changes == {"title": [None, "Plan A"]}
    assert (event.actor_repr, event.correlation_id, event.metadata) == ("clerk", "c-1", {"url": "/x/"})


def test_rolled_back_there_is_none(connected):
    connected()
    with transaction.atomic():
        Document.objects.create(title="kept")
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            Document.objects.create(title="lost")
            raise ZeroDivisionError
    assert [event.target_repr for event in events()] == ["kept"]


def test_one_thing_is_one_event_however_often_it_is_reported(document):
    source = Titles(MAPPING)
    first = source.report(seen(document, changes={"title": ("a", "b")}))
    again = source.report(seen(document, changes={"title": ("a", "b")}))
    other = source.report(seen(document, "2", changes={"title": ("a", "b")}))
    assert first == again
    assert len(events()) == 2
    assert other != first


def test_what_changed_nothing_or_is_not_mapped_is_no_event(document):
    source = Titles(MAPPING)
    assert source.report(seen(document)) == []
    assert source.report(seen(document, changes={"kind": ("letter", "plan")})) == []
    assert source.report(seen(Folder(name="x"), kind=Kind.CREATED)) == []
    assert events() == []


def test_an_object_that_is_gone_is_kept_as_it_was():
    gone = Document(pk=77, title="Plan Z", api_token="abcdefgh")
    (event,) = Titles(MAPPING).report(seen(gone, kind=Kind.DELETED))
    assert (event.target_type, event.target_id, event.target_repr) == ("testapp.Document", "77", "Plan Z")
    assert event.snapshot["title"] == "Plan Z"
    assert event.snapshot["api_token"] == "********"
    assert event.target.title == "Plan Z"


def test_its_own_circumstances_are_added_to_those_of_now(document):
    with audit_context(actor="worker", correlation_id="now", metadata={"job": 1}):
        (event,) = Titles(MAPPING).report(
            seen(
                document,
                changes={"title": ("a", "b")},
                actor="clerk",
                correlation_id="then",
                metadata={"url": "/x/"},
                data={"reason": "typing error"},
            )
        )
    assert (event.actor_repr, event.correlation_id) == ("clerk", "then")
    assert event.metadata == {"job": 1, "url": "/x/"}
    assert event.data == {"reason": "typing error"}


def test_it_refuses_what_record_refuses(document, settings):
    with pytest.raises(UnknownAction):
        Titles({"document.updated": "document.changd"}).report(seen(document, changes={"title": ("a", "b")}))
    document._state.db = "archive"
    with pytest.raises(WrongDatabase):
        Titles(MAPPING).report(seen(document, changes={"title": ("a", "b")}))


@pytest.mark.django_db(transaction=True)
def test_a_write_outside_a_transaction_is_refused_where_that_is_asked_for(connected, settings):
    settings.NOTIFYAUDIT = {**settings.NOTIFYAUDIT, "REQUIRE_ATOMIC": True}
    connected()
    with pytest.raises(NotInTransaction):
        Document.objects.create(title="Plan A")
    with transaction.atomic():
        Document.objects.create(title="Plan B")
    assert [event.target_repr for event in events()] == ["Plan B"]


# The setting


def test_a_source_of_another_setting_listens_no_more(connected):
    connected()
    Document.objects.create(title="one")
    connected({"testapp.Folder.created": "document.filed"})
    Document.objects.create(title="two")
    assert [event.target_repr for event in events()] == ["one"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        # Its extra may be missing as well: then the package itself cannot be imported.
        ("notifyaudit.sources.auditlog.Auditlog", "which cannot be imported: .*INSTALLED_APPS"),
        ("tests.nowhere.Source", "which cannot be imported: No module named 'tests.nowhere'"),
        (f"{__name__}.document", "which is no Source class"),
        (f"{__name__}.Nameless", "needs a name of its own"),
    ],
)
def test_a_source_that_cannot_be_loaded_is_an_error_at_once(connected, path, message):
    with pytest.raises(ConfigurationError, match=message):
        connected(path=path)


def test_two_sources_of_one_name_are_an_error(settings):
    with pytest.raises(ConfigurationError, match="2 of .* have the name 'titles'"):
        settings.NOTIFYAUDIT = {"SOURCES": {PATH: {}, f"{__name__}.MoreTitles": {}}}
    settings.NOTIFYAUDIT = {}


class MoreTitles(Titles):
    pass


def test_the_check_tells_of_wrong_lines_and_of_what_nobody_sees(connected):
    connected({"testapp.Document.titel": "document.changed", "testapp.Folder.updated": "document.changd"})
    found = {
        message.id: message
        for message in checks.run_checks()
        if message.id in {"notifyaudit.W008", "notifyaudit.E014"}
    }
    assert "nobody follows testapp.Folder" in found["notifyaudit.W008"].msg
    errors = [message.msg for message in checks.run_checks() if message.id == "notifyaudit.E014"]
    assert len(errors) == 2
    assert "'titel'. Did you mean 'title'?" in errors[0]
    assert "Did you mean 'document.changed'?" in errors[1]


def test_a_right_mapping_is_no_trouble(connected):
    connected()
    assert [
        message for message in checks.run_checks() if message.id in {"notifyaudit.W008", "notifyaudit.E014"}
    ] == []


# The history


def backfill(*arguments):
    output = StringIO()
    call_command("notifyaudit", "backfill", *arguments, stdout=output)
    return output.getvalue().strip()


def test_history_becomes_events_and_nobody_is_told(connected, audit_outbox):
    owned = Document.objects.create(title="Plan A")
    Document.objects.create(title="Plan B")
    connected()
    assert backfill("titles") == "2 seen: 2 recorded, 0 recorded before, 0 that are no events"
    first, second = events()
    assert (first.target, first.action, first.actor_repr) == (owned, "document.filed", "clerk")
    assert first.occurred_at < now() - timedelta(days=9)
    assert None not in {first.routed_at, second.routed_at}
    sweep()
    assert not Notification.objects.exists()
    audit_outbox.assert_nothing_sent()


def test_the_same_again_adds_nothing_and_goes_on(connected, document):
    connected()
    backfill("titles")
    Document.objects.bulk_create([Document(title="Plan C")])
    assert backfill("titles") == "2 seen: 1 recorded, 1 recorded before, 0 that are no events"
    assert len(events()) == 2


def test_what_was_reported_live_is_not_recorded_again(connected):
    connected()
    Document.objects.create(title="Plan A")
    assert backfill("titles") == "1 seen: 0 recorded, 1 recorded before, 0 that are no events"
    (event,) = events()
    assert event.routed_at is None


def test_what_a_backfill_took_before_its_report_is_told_nevertheless(connected, document, audit_outbox):
    source = connected({"testapp.Document.created": "document.changed"})
    with email_kind(["reader@example.com"], actions=["document.changed"]) as kind:
        backfill("titles")
        audit_outbox.assert_nothing_sent()
        fresh = seen(document, f"{document.pk}-created", Kind.CREATED)
        source.report(fresh)
        audit_outbox.one(kind, to="reader@example.com")
        source.report(fresh)
        audit_outbox.assert_no_more()
    assert len(events()) == 1


def test_a_rehearsal_only_counts(connected, document):
    connected()
    assert backfill("titles", "--dry-run").startswith("1 seen: 1 recorded")
    assert events() == []
    connected({"testapp.Document.deleted": "document.removed"})
    assert backfill("titles", "--dry-run").endswith("1 that are no events (nothing was written)")


@pytest.mark.parametrize("form", ["{}d", "%Y-%m-%d", "%Y-%m-%dT00:00", "%Y-%m-%dT00:00Z"])
def test_what_is_older_can_be_left_out(connected, document, form):
    connected()
    for days, count in ((9, 0), (11, 1)):
        since = f"{localtime() - timedelta(days=days):{form}}" if "%" in form else form.format(days)
        assert backfill("titles", "--since", since).startswith(f"{count} seen")


@pytest.mark.parametrize(("since", "count"), [("239h", 0), ("241h", 1), ("14399m", 0), ("14401m", 1)])
def test_a_span_may_be_in_hours_or_minutes(connected, document, since, count):
    connected()
    assert backfill("titles", "--since", since).startswith(f"{count} seen")


def test_a_wrong_word_is_told(connected):
    connected()
    with pytest.raises(CommandError, match="There is no source 'titels'. Known are titles"):
        backfill("titels")
    with pytest.raises(CommandError, match="a date .* a moment .* or a span .* is needed, not 'yesterday'"):
        backfill("titles", "--since", "yesterday")
    with pytest.raises(CommandError, match="is needed, not '99999999999d'"):
        backfill("titles", "--since", "99999999999d")
    connected({}, f"{__name__}.Silent")
    with pytest.raises(CommandError, match="The source 'silent' keeps no history"):
        backfill("silent")


def test_it_can_be_stopped_between_two_portions(connected, monkeypatch):
    Document.objects.bulk_create([Document(title=f"Plan {number}") for number in range(5)])
    source = connected()
    monkeypatch.setattr(backfilling, "BATCH", 2)
    answers = iter([False, False, True, True])
    monkeypatch.setattr(stopping, "requested", lambda: next(answers))
    with pytest.raises(CommandError, match="Run it again: it goes on"):
        backfill("titles")
    assert len(events()) == 4
    monkeypatch.undo()
    assert source in configured.sources()
    assert backfill("titles").startswith("5 seen: 1 recorded, 4 recorded before")


# What a sweep takes in


@pytest.fixture
def steps(monkeypatch):
    monkeypatch.setattr(intake, "_steps", {})
    return intake.register


def test_a_sweep_takes_in_before_it_routes(steps, document):
    def take():
        return len(Titles(MAPPING).report(seen(document, changes={"title": ("a", "b")})))

    steps("titles recorded", take)
    swept = sweep()
    assert str(swept).startswith("1 titles recorded, 1 event routed")
    assert swept
    assert events()[0].routed_at is not None


def test_a_step_that_fails_keeps_nobody_from_working(steps, document, caplog):
    def fail():
        raise RuntimeError("broken")

    steps("things broken", fail)
    steps("things done", lambda: 3)
    assert intake.run() == {"things done": 3}
    assert "a step of the sweep failed, the next sweep repeats it: things broken" in caplog.text
