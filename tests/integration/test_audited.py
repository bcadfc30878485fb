"""@audited: no write to a marked model passes without an event, however it is made."""

import logging
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import DatabaseError, connection, models, transaction
from django.db.models import F
from django.test import override_settings
from django.test.utils import isolate_apps

from example_site.inspections.models import User
from notifyaudit import audited, record, record_many, track, unaudited, unaudited_counts
from notifyaudit.exceptions import ConfigurationError
from notifyaudit.marking import audited_models
from notifyaudit.sighted import sighted_tables
from notifyaudit.watching import watching
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Document, Folder, Letter, Tag, Ticket, UrgentDocument

pytestmark = pytest.mark.django_db

COMMITTED = pytest.param(True, marks=pytest.mark.django_db(transaction=True), id="committed")
IN_TEST = pytest.param(False, id="in-the-tests-transaction")


@pytest.fixture(autouse=True)
def _isolated():
    with audited_models.isolated():
        yield


@contextmanager
def forgotten(*marked, **options):
    """Collects "operation of model" of each write without an event inside the block."""
    for model in marked or (Document,):
        audited(**options)(model) if options else audited(model)
    writes, found = [], []
    with watching(writes.append):
        yield found
    found += [f"{write.operation} {write.label.removeprefix('testapp.')}" for write in writes]


# The matrix: how it is written, and what that is to @audited when nothing is recorded.
WAYS = {
    "Model.save() of a new row": (lambda d, t: Document(title="x").save(), ["insert"]),
    "Model.save()": (lambda d, t: d.save(), ["update"]),
    "Model.save(update_fields=…)": (lambda d, t: d.save(update_fields=["title"]), ["update"]),
    "Model.delete()": (lambda d, t: d.delete(), ["delete"]),
    "QuerySet.create()": (lambda d, t: Document.objects.create(title="x"), ["insert"]),
    "QuerySet.update()": (lambda d, t: Document.objects.update(title="x"), ["update"]),
    "QuerySet.update(F())": (lambda d, t: Document.objects.update(price=F("price") + 1), ["update"]),
    "QuerySet.delete()": (lambda d, t: Document.objects.all().delete(), ["delete"]),
    "bulk_create()": (lambda d, t: Document.objects.bulk_create([Document(title="x")]), ["insert"]),
    "bulk_create(update_conflicts=True)": (
        lambda d, t: Document.objects.bulk_create(
            [Document(pk=d.pk, title="x")],
            update_conflicts=True,
            update_fields=["title"],
            # MariaDB decides for itself which key a conflict is about.
            unique_fields=["id"] if connection.features.supports_update_conflicts_with_target else None,
        ),
        ["insert"],
    ),
    "bulk_update()": (lambda d, t: Document.objects.bulk_update([d], ["title"]), ["update"]),
    "get_or_create()": (lambda d, t: Document.objects.get_or_create(title="new"), ["insert"]),
    "update_or_create()": (
        lambda d, t: Document.objects.update_or_create(pk=d.pk, defaults={"title": "x"}),
        ["update"],
    ),
    "a cascade": (lambda d, t: Folder.objects.all().delete(), ["delete"]),
    "SET_NULL": (lambda d, t: User.objects.all().delete(), ["update"]),
    "m2m add()": (lambda d, t: d.tags.add(Tag.objects.create(name="x")), ["insert"]),
    "m2m remove()": (lambda d, t: d.tags.remove(t), ["delete"]),
    "m2m set()": (lambda d, t: d.tags.set([Tag.objects.create(name="x")]), ["delete", "insert"]),
    "m2m clear()": (lambda d, t: d.tags.clear(), ["delete"]),
    "m2m, from the other side": (lambda d, t: t.document_set.clear(), ["delete"]),
    "raw SQL": (lambda d, t: execute("update testapp_document set title = %s", ["x"]), ["update"]),
    "executemany()": (
        lambda d, t: execute("delete from testapp_document_tags where tag_id = %s", [[t.pk]], many=True),
        ["delete"],
    ),
    "a proxy": (lambda d, t: UrgentDocument.objects.update(title="x"), ["update"]),
    "a multi-table child": (lambda d, t: Letter.objects.create(title="x"), ["insert"]),
}


def execute(sql, params, *, many=False):
    with connection.cursor() as cursor:
        (cursor.executemany if many else cursor.execute)(sql, params)


@pytest.fixture
def tag(document):
    tag = Tag.objects.create(name="old")
    document.tags.add(tag)
    return tag


@pytest.mark.parametrize("way", WAYS)
class TestMatrix:
    def test_nothing_recorded(self, way, document, tag):
        write, expected = WAYS[way]
        with forgotten() as found, transaction.atomic():
            write(document, tag)
        if connection.vendor == "mysql" and way == "a cascade":
            # Nullable keys are set to NULL before the rows go, where constraints cannot be deferred.
            expected = [*expected, "update"]
        assert sorted(set(found)) == [f"{operation} Document" for operation in expected]

    def test_recorded(self, way, document, tag):
        with forgotten() as found, transaction.atomic():
            record(DocumentAction.CHANGED, target=document, snapshot=True)
            WAYS[way][0](document, tag)
        assert found == []

    def test_tracked(self, way, document, tag):
        with forgotten() as found, track(document, DocumentAction.CHANGED):
            WAYS[way][0](document, tag)
        assert found == []

    def test_the_how_to_says_so(self, way):
        page = Path(__file__, "../../../docs/how-to/forget-nothing.md").resolve().read_text(encoding="utf-8")
        assert f"| {way} | forgotten: {', '.join(WAYS[way][1])} | covered | covered |" in page

    def test_nothing_is_held_against_a_model_that_is_not_marked(self, way, document, tag):
        with forgotten(Ticket) as found, transaction.atomic():
            WAYS[way][0](document, tag)
        assert found == []


class TestWhatCounts:
    def test_what_hits_no_row_is_no_write(self, document):
        with forgotten(Document, Letter) as found:
            Document.objects.filter(pk=0).update(title="x")
            Letter.objects.all().delete()
            document.tags.add()
            Document.objects.bulk_create([Document(pk=document.pk)], ignore_conflicts=True)
        assert found == []

    def test_what_the_database_refused_is_no_write(self, document):
        with forgotten() as found, pytest.raises(DatabaseError), transaction.atomic():
            Document.objects.update(title=None)
        assert found == []

    def test_reading_is_no_write(self, document):
        with forgotten() as found, transaction.atomic():
            Document.objects.select_for_update().get(pk=document.pk)
        assert found == []

    def test_with_fields_only_an_update_of_these(self, document, tag):
        with forgotten(fields=["price", "folder", "tags"]) as found:
            Document.objects.update(title="x")
            assert found == []
            Document.objects.update(price=1)
            document.save(update_fields=["folder"])
            document.tags.clear()
            Document.objects.create()
        assert found == ["update Document", "update Document", "delete Document", "insert Document"]

    def test_with_fields_not_the_relations_that_are_not_named(self, document, tag):
        with forgotten(fields=["price"]) as found:
            document.tags.clear()
        assert found == []

    def test_what_a_child_inherits(self, user):
        letter = Letter.objects.create(title="x")
        with forgotten(Letter) as found:
            Letter.objects.update(title="y")
            letter.tags.add(Tag.objects.create())
        assert found == ["update Letter", "insert Letter"]

    def test_nothing_tells_whose_row_of_a_parents_table_it_was(self, document):
        with forgotten(Letter) as found:
            Document.objects.update(title="y")
        assert found == ["update Letter"]

    def test_a_parent_that_is_marked_itself_speaks_for_its_table(self, document):
        with forgotten(Letter, Document) as found:
            Document.objects.update(title="y")
        assert found == ["update Document"]

    def test_a_childs_own_fields_only(self, document):
        with forgotten(Letter, fields=["pages"]) as found:
            Document.objects.update(title="y")
        assert found == []

    def test_a_proxy_marks_the_model_whose_table_it_shows(self, document):
        with forgotten(UrgentDocument) as found:
            document.save()
        assert found == ["update Document"]

    def test_sql_that_is_no_string(self, document):
        if connection.vendor != "postgresql":
            pytest.skip("psycopg only")
        from psycopg import sql

        with forgotten() as found:
            execute(sql.SQL("UPDATE {} SET title = 'x'").format(sql.Identifier("testapp_document")), [])
            execute(b"UPDATE testapp_document SET title = 'x'", [])
        assert found == ["update Document", "update Document"]


class TestWhatCovers:
    def test_an_event_after_the_write(self, document):
        with forgotten() as found, transaction.atomic():
            document.save()
            record(DocumentAction.CHANGED, target=document)
        assert found == []

    def test_an_event_that_names_it_as_related(self, document, folder):
        with forgotten() as found, transaction.atomic():
            document.save()
            record(DocumentAction.CHANGED, target=folder, related=[document])
        assert found == []

    def test_an_event_about_a_child(self, user):
        letter = Letter.objects.create(title="x")
        with forgotten(Document, Letter) as found, transaction.atomic():
            letter.save()
            record(DocumentAction.CHANGED, target=letter)
        assert found == []

    def test_not_an_event_about_its_parent(self, user):
        letter = Letter.objects.create(title="x")
        with forgotten(Document, Letter) as found, transaction.atomic():
            letter.save()
            record(DocumentAction.CHANGED, target=letter.document_ptr)
        assert found == ["update Letter"]

    def test_not_an_event_about_something_else(self, document, folder):
        with forgotten(Document, Folder) as found, transaction.atomic():
            document.save()
            record(DocumentAction.CHANGED, target=folder)
            record(DocumentAction.FILED)
        assert found == ["update Document"]

    def test_an_event_that_was_recorded_before_with_the_same_key(self, document):
        record(DocumentAction.CHANGED, target=document, idempotency_key="k")
        with forgotten() as found, transaction.atomic():
            document.save()
            record(DocumentAction.CHANGED, target=document, idempotency_key="k")
        assert found == []

    def test_a_track_that_found_nothing_to_tell(self, document):
        with forgotten() as found, track(document, DocumentAction.CHANGED) as tracked:
            document.save()
        assert (found, tracked.event) == ([], None)

    def test_many_events_at_once(self, document):
        with forgotten(Document, Tag) as found, transaction.atomic():
            document.tags.add(tag := Tag.objects.create(name="x"))
            record_many([{"action": DocumentAction.CHANGED, "target": each} for each in (document, tag)])
        assert found == []

    def test_a_track_of_a_queryset(self, document):
        with forgotten() as found, track(Document.objects.all(), DocumentAction.CHANGED):
            Document.objects.update(title="x")
        assert found == []

    def test_a_track_of_what_is_created(self, user):
        with forgotten() as found, track(Document(title="x"), DocumentAction.CHANGED) as tracking:
            tracked = Document.objects.create(title="y")
        assert (found, tracking.event) == (["insert Document"], None)
        with forgotten() as found, track(tracked := Document(title="x"), DocumentAction.CHANGED):
            tracked.save()
        assert found == []

    def test_unaudited(self, document):
        @unaudited("counters are not worth telling")
        def count():
            Document.objects.update(price=F("price") + 1)

        with forgotten() as found:
            count()
            with unaudited("neither here"):
                document.save()
            Document.objects.update(title="x")
        assert found == ["update Document"]

    @pytest.mark.parametrize("why", ["", "  ", None])
    def test_unaudited_needs_a_reason(self, why):
        with pytest.raises(ValueError, match="needs a reason"), unaudited(why):
            pass


@pytest.mark.parametrize("committed", [COMMITTED, IN_TEST])
class TestTransactions:
    """The same in a transaction that commits as in one that a test's own surrounds."""

    def test_a_write_in_autocommit_stands_alone(self, document, committed):
        with forgotten() as found:
            document.save()
            record(DocumentAction.CHANGED, target=document)
        assert found == ["update Document"]

    def test_each_transaction_for_itself(self, document, committed):
        @transaction.atomic
        def save(*, recorded):
            document.save()
            if recorded:
                record(DocumentAction.CHANGED, target=document)

        with forgotten() as found:
            save(recorded=True)
            save(recorded=False)
            save(recorded=True)
        assert found == ["update Document"]

    def test_without_a_savepoint_too(self, document, committed):
        with forgotten() as found:
            with transaction.atomic(savepoint=False):
                document.save()
            with transaction.atomic(savepoint=False):
                document.save()
                record(DocumentAction.CHANGED, target=document)
        assert found == ["update Document"]

    def test_rolled_back(self, document, committed):
        with forgotten() as found:
            with pytest.raises(RuntimeError), transaction.atomic():
                document.save()
                raise RuntimeError
            with transaction.atomic():
                Tag.objects.create(name="x")
            with transaction.atomic():
                record(DocumentAction.CHANGED, target=document)
        assert found == []

    def test_a_rolled_back_transaction_covers_nothing_later(self, document, committed):
        with forgotten() as found:
            with pytest.raises(RuntimeError), transaction.atomic():
                record(DocumentAction.CHANGED, target=document)
                raise RuntimeError
            with transaction.atomic():
                document.save()
        assert found == ["update Document"]

    def test_a_rolled_back_savepoint_takes_its_writes(self, document, committed):
        with forgotten() as found, transaction.atomic():
            with pytest.raises(RuntimeError), transaction.atomic():
                document.save()
                raise RuntimeError
            Tag.objects.create(name="x")
        assert found == []

    def test_a_rolled_back_savepoint_takes_its_events(self, document, committed):
        with forgotten() as found, transaction.atomic():
            with pytest.raises(RuntimeError), transaction.atomic():
                record(DocumentAction.CHANGED, target=document)
                raise RuntimeError
            document.save()
        assert found == ["update Document"]

    def test_an_event_in_a_released_savepoint(self, document, committed):
        with forgotten() as found, transaction.atomic():
            with transaction.atomic():
                document.save()
            with transaction.atomic(), transaction.atomic():
                record(DocumentAction.CHANGED, target=document)
        assert found == []

    def test_a_savepoint_made_by_hand(self, document, committed):
        with forgotten() as found, transaction.atomic():
            document.save()
            savepoint = connection.savepoint()
            record(DocumentAction.CHANGED, target=document)
            connection.savepoint_rollback(savepoint)
        assert found == ["update Document"]

    def test_a_line_in_a_loop_is_told_once_per_transaction(self, document, committed):
        with forgotten() as found, transaction.atomic():
            for _ in range(3):
                document.save()
        assert found == ["update Document"]


@pytest.mark.django_db(transaction=True)
class TestHooks:
    def test_a_hook_that_writes_is_a_transaction_of_its_own(self, document):
        with forgotten(Document, Tag) as found, transaction.atomic():
            transaction.on_commit(lambda: record(DocumentAction.CHANGED, target=document))
            transaction.on_commit(lambda: transaction.atomic()(Tag.objects.create)(name="x"))
            document.save()
        assert sorted(found) == ["insert Tag", "update Document"]

    def test_no_hook_is_left_behind(self, document):
        with forgotten():
            with transaction.atomic():
                document.save()
                assert len(connection.run_on_commit) == 1
            assert connection.run_on_commit == []


def test_in_a_test_no_hook_is_pending(document, django_capture_on_commit_callbacks):
    with forgotten(), django_capture_on_commit_callbacks() as callbacks, transaction.atomic():
        document.save()
    assert callbacks == []


@pytest.mark.django_db(transaction=True)
class TestProduction:
    @pytest.fixture
    def reconnected(self, monkeypatch):
        """A new connection under a setting, as if there were no test."""
        from notifyaudit import forgotten as reports

        monkeypatch.setattr(reports, "_elsewhere", None)
        monkeypatch.setattr(reports, "_counts", type(reports._counts)())
        before = list(connection.execute_wrappers)

        @contextmanager
        def reconnected(mode):
            connection.execute_wrappers.clear()
            with override_settings(NOTIFYAUDIT={"UNAUDITED_WRITES": mode}):
                from django.db.backends.signals import connection_created

                for _ in range(2):
                    connection_created.send(type(connection), connection=connection)
                yield

        yield reconnected
        connection.execute_wrappers[:] = before

    def test_ignore_wraps_nothing(self, reconnected):
        audited(Document)
        with reconnected("ignore"):
            assert connection.execute_wrappers == []

    def test_nothing_is_wrapped_without_an_audited_model(self, reconnected, monkeypatch):
        monkeypatch.setattr(audited_models, "_fields", {})  # without those of the example site
        with reconnected("log"):
            assert connection.execute_wrappers == []

    def test_a_wrong_setting_does_not_break_the_connection(self, reconnected):
        audited(Document)
        with reconnected("shout"):
            assert connection.execute_wrappers == []

    def test_log(self, document, reconnected, caplog):
        audited(Document)
        with reconnected("log"), transaction.atomic():
            document.save()
            assert len(connection.execute_wrappers) == 1
            assert caplog.messages == []
        (entry,) = caplog.records
        assert (entry.name, entry.levelno) == ("notifyaudit.audited", logging.WARNING)
        line = TestProduction.test_log.__code__.co_firstlineno + 3
        assert entry.message == f"update of testapp.Document at {__file__}:{line} has no event"

    def test_count(self, document, reconnected):
        audited(Document)
        with reconnected("count"):
            for _ in range(3):
                document.save()
        ((write, times),) = unaudited_counts().items()
        assert (write.label, write.operation, write.path, times) == (
            "testapp.Document",
            "update",
            __file__,
            3,
        )

    def test_it_never_raises_into_the_caller(self, document, reconnected, monkeypatch, caplog):
        audited(Document)
        monkeypatch.setattr("notifyaudit.watch.writes", lambda sql: 1 / 0)
        monkeypatch.setattr("notifyaudit.watch.owners", lambda model: 1 / 0)
        with reconnected("log"), transaction.atomic():
            document.save()
            record(DocumentAction.CHANGED, target=document)
        assert "ZeroDivisionError" in caplog.text


class TestMarking:
    def test_a_field_that_is_not_there(self):
        with pytest.raises(ConfigurationError, match=r"Document.*no field 'titel'.*Did you mean 'title'"):
            audited(fields=["titel"])(Document)

    def test_a_reverse_relation_is_no_field(self):
        with pytest.raises(ConfigurationError, match="no field 'document_set'|no field 'document'"):
            audited(fields=["document"])(Tag)

    @isolate_apps("tests.testapp")
    def test_while_the_class_is_being_defined(self):
        with pytest.raises(ConfigurationError, match="Memo: it has no field 'stat'"):

            @audited(fields=["stat"])
            class Memo(models.Model):
                status = models.CharField(max_length=10)
                related = models.ForeignKey("testapp.Document", models.CASCADE)

                class Meta:
                    app_label = "testapp"

    @isolate_apps("tests.testapp")
    def test_an_abstract_model(self):
        with pytest.raises(ConfigurationError, match="abstract model has no table"):

            @audited
            class Base(models.Model):
                class Meta:
                    abstract = True
                    app_label = "testapp"

    def test_the_class_stays_what_it_is(self):
        assert audited(Document) is Document
        assert audited(fields=["folder_id"])(Document) is Document


def test_audit_table_excuses_nobody_where_there_are_no_triggers(document):
    with sighted_tables.isolated(), forgotten() as found:
        sighted_tables.add(Document)
        Document.objects.update(title="x")
    assert found == ([] if connection.vendor == "postgresql" else ["update Document"])
