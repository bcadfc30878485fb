"""Receivers of signals that run after the commit, and what becomes of them."""

import logging
from contextlib import contextmanager
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import transaction
from django.test import override_settings

from example_site.inspections.models import User
from notifyaudit import audit_context, clock, compat, naming, stopping, waking
from notifyaudit.exceptions import ConfigurationError, NotInTransaction, UnsavedTarget, WrongDatabase
from notifyaudit.models import AuditEvent, SignalCall
from notifyaudit.sources import ReliableSignal, calls
from notifyaudit.sources.calls import run_due
from notifyaudit.sources.unpacking import loads
from notifyaudit.statistics import statistics
from notifyaudit.tasks import sweep
from tests.integration import receivers
from tests.integration.receivers import Archive, Signals, Vault, cached, filed, heard
from tests.testapp.models import Archive as ArchiveModel
from tests.testapp.models import (
    Credential,
    Document,
    Folder,
    Letter,
    Seat,
    Shelf,
    Tag,
    Ticket,
    UrgentDocument,
)

pytestmark = pytest.mark.django_db

HOME = receivers.__name__


@pytest.fixture(autouse=True)
def _nobody_listens():
    heard.clear()
    calls._missed.clear()
    moved = dict(naming._moved)
    yield
    naming._moved.clear()
    naming._moved.update(moved)
    for signal in (filed, cached, Signals.printed):
        signal.receivers.clear()
        signal.sender_receivers_cache.clear()


@contextmanager
def later(**delta):
    with clock.travelling():
        clock.advance(timedelta(**delta))
        yield


def rows():
    return list(SignalCall.objects.order_by("pk"))


class TestSending:
    def test_each_receiver_is_one_row_and_runs_once(self, document):
        filed.connect(receivers.listen)
        filed.connect(receivers.listen_too)
        sent = filed.send_reliable(Document, document=document, number=7)
        assert [call.receiver for call in sent] == [f"{HOME}:listen", f"{HOME}:listen_too"]
        assert rows() == sent
        assert heard == []
        assert sweep().taken_in == {"receivers called": 2}
        assert heard == 2 * [{"signal": filed, "sender": Document, "document": document, "number": 7}]
        assert heard[0]["document"] is not document
        assert rows() == []
        assert run_due() == 0

    def test_rolled_back_nobody_is_called(self, document):
        filed.connect(receivers.listen)
        with pytest.raises(RuntimeError), transaction.atomic():
            filed.send_reliable(Document)
            raise RuntimeError
        with transaction.atomic():
            with pytest.raises(RuntimeError), transaction.atomic():
                filed.send_reliable(Document, number=1)
                raise RuntimeError
            filed.send_reliable(Document, number=2)
        run_due()
        assert [sent["number"] for sent in heard] == [2]

    def test_the_sender_that_a_receiver_is_connected_to_is_honoured(self):
        filed.connect(receivers.listen, sender=Document)
        filed.connect(receivers.listen_too, sender=Folder)
        filed.send_reliable(Folder)
        run_due()
        assert [sent["sender"] for sent in heard] == [Folder]

    @pytest.mark.parametrize("sender", [None, Document, UrgentDocument, Archive, receivers.listen, "shop"])
    def test_a_sender_comes_back_as_what_it_is(self, sender):
        filed.connect(receivers.listen)
        filed.send_reliable(sender)
        run_due()
        assert heard[0]["sender"] is sender or heard[0]["sender"] == sender == "shop"

    def test_receivers_are_found_by_caching_signals_and_those_of_classes_too(self):
        for signal in (cached, Signals.printed):
            signal.connect(receivers.listen, sender=Document)
            signal.send_reliable(Document)
        cached.send_reliable(Folder)
        run_due()
        assert {sent["signal"] for sent in heard} == {cached, Signals.printed}
        assert len(heard) == 2

    def test_a_dispatch_uid_connects_once(self):
        filed.connect(receivers.listen, dispatch_uid="one")
        filed.connect(receivers.listen_too, dispatch_uid="one")
        assert len(filed.send_reliable(None)) == 1

    def test_who_is_disconnected_after_the_sending_is_called_all_the_same(self):
        filed.connect(receivers.listen)
        filed.send_reliable(None)
        filed.disconnect(receivers.listen)
        assert filed.send_reliable(None) == []
        assert run_due() == 1

    def test_static_and_class_methods(self):
        for receiver in (Archive.file, Archive.shelve, Vault.shelve):
            filed.connect(receiver)
        filed.send_reliable(None)
        run_due()
        assert heard == ["static", Archive, Vault]

    def test_the_other_ways_to_send_are_djangos(self):
        filed.connect(receivers.listen)
        assert filed.send(None, number=1) == [(receivers.listen, None)]
        assert filed.send_robust(None, number=2) == [(receivers.listen, None)]
        assert async_to_sync(filed.asend)(None, number=3) == [(receivers.listen, None)]
        assert [sent["number"] for sent in heard] == [1, 2, 3]
        assert rows() == []

    def test_a_wake_up_is_asked_for_once_and_only_if_somebody_listens(self, monkeypatch):
        asked = []
        monkeypatch.setattr("notifyaudit.sources.reliable.request_wake_up", lambda: asked.append(1))
        filed.send_reliable(None)
        assert asked == []
        filed.connect(receivers.listen)
        filed.connect(receivers.listen_too)
        filed.send_reliable(None)
        assert asked == [1]

    def test_many_receivers_cost_one_statement(self, django_assert_num_queries):
        for receiver in (receivers.listen, receivers.listen_too, receivers.tag):
            filed.connect(receiver)
        with transaction.atomic(), django_assert_num_queries(1):
            filed.send_reliable(None)

    @override_settings(NOTIFYAUDIT={"REQUIRE_ATOMIC": True})
    @pytest.mark.django_db(transaction=True)
    def test_outside_a_transaction_it_is_refused_where_that_is_set(self):
        filed.connect(receivers.listen)
        with pytest.raises(NotInTransaction, match=r"send_reliable\(\) was called outside"):
            filed.send_reliable(None)

    @pytest.mark.django_db(transaction=True)
    def test_async_code_has_a_transaction_of_its_own(self):
        filed.connect(receivers.listen)
        (call,) = async_to_sync(filed.asend_reliable)(None, number=7)
        assert rows() == [call]


class TestWhoCanBeAReceiver:
    @pytest.mark.parametrize(
        ("receiver", "why"),
        [
            (receivers.anonymous, "it is a lambda"),
            (receivers.listener(), "it is defined within another function"),
            (Archive().keep, "it is a method of the instance"),
            (receivers.half, "it is a functools.partial"),
            (receivers.Caller(), "it is an object of Caller, not a function"),
            (Archive, "it is a class"),
            (receivers.listen_later, "it is an async function"),
        ],
    )
    def test_what_a_worker_cannot_call_is_refused_when_it_is_connected(self, receiver, why):
        with pytest.raises(ConfigurationError, match=why) as error:
            filed.connect(receiver)
        assert "Connect a function of a module" in str(error.value)
        assert isinstance(error.value, ImproperlyConfigured)
        assert filed.receivers == []

    def test_what_another_function_hides_is_refused_when_it_is_sent_and_told_by_a_check(self):
        filed.connect(receivers.first_covered)
        with pytest.raises(ConfigurationError, match=f"find as {HOME}:covered is something else"):
            filed.send_reliable(None)
        assert rows() == []
        with pytest.raises(SystemCheckError, match="E015"):
            call_command("check", "--tag", "notifyaudit")

    def test_a_signal_without_a_name_is_refused_and_told_by_a_check(self):
        nameless = [ReliableSignal()]
        with pytest.raises(ConfigurationError, match="made in tests.integration.test_reliable_signals"):
            nameless[0].send_reliable(None)
        with pytest.raises(SystemCheckError, match="E015"):
            call_command("check", "--tag", "notifyaudit")
        nameless.clear()

    def test_signals_are_named_by_their_module_or_class(self):
        assert filed.path == f"{HOME}:filed"
        assert Signals.printed.path == f"{HOME}:Signals.printed"

    def test_a_signal_whose_name_something_else_has_is_refused(self, monkeypatch):
        assert filed.path == f"{HOME}:filed"
        monkeypatch.setattr(receivers, "filed", Signals.printed)
        with pytest.raises(ConfigurationError, match="which nothing else has"):
            filed.send_reliable(None)

    def test_a_signal_of_a_class_within_a_function_is_refused(self):
        class Local:
            signal = ReliableSignal()

        with pytest.raises(ConfigurationError, match="A worker cannot find"):
            Local.signal.send_reliable(None)

    def test_a_rename_that_leads_nowhere_is_told_by_a_check(self):
        renamed = ReliableSignal(renamed={"shop.old:tell": f"{HOME}:nowhere"})
        assert [problem for problem in renamed.problems() if "is not to be found" in problem]
        with pytest.raises(SystemCheckError, match=r"'shop.old:tell' is '.*:nowhere' now"):
            call_command("check", "--tag", "notifyaudit")

    def test_the_check_has_nothing_against_what_can_be_found(self):
        filed.connect(receivers.listen)
        call_command("check", "--tag", "notifyaudit")


class TestArguments:
    def test_objects_are_read_as_they_are_when_the_receiver_runs(self, document):
        filed.connect(receivers.listen)
        filed.send_reliable(None, documents=[document, {"urgent": UrgentDocument.objects.get()}])
        Document.objects.update(title="Plan B")
        run_due()
        found, nested = heard[0]["documents"]
        assert (type(found), found.title) == (Document, "Plan B")
        assert (type(nested["urgent"]), nested["urgent"].pk) == (UrgentDocument, document.pk)

    def test_keys_of_any_kind(self):
        shelf = Shelf.objects.create(code="A/1 ä")
        instances = [Ticket.objects.create(), shelf, Seat.objects.create(shelf=shelf, number=3)]
        instances.append(Letter.objects.create(title="Letter"))
        filed.connect(receivers.listen)
        filed.send_reliable(instances[0], instances=instances)
        run_due()
        assert heard[0]["instances"] == instances
        assert heard[0]["sender"] == instances[0]

    def test_many_objects_are_read_with_a_query_for_each_model(self, django_assert_num_queries, folder):
        filed.connect(receivers.listen)
        filed.send_reliable(None, tags=[Tag.objects.create(name=str(number)) for number in range(20)])
        text = SignalCall.objects.get().arguments
        with django_assert_num_queries(1):
            assert [tag.name for tag in loads(text)["tags"]] == [str(number) for number in range(20)]

    def test_what_the_default_manager_hides_is_found(self):
        filed.connect(receivers.listen)
        hidden = ArchiveModel.objects.create(name="old", archived=True)
        filed.send_reliable(None, archive=hidden)
        run_due()
        assert heard[0]["archive"] == hidden

    def test_an_object_that_is_gone_fails_the_call_at_once_and_keeps_it(self, document):
        filed.connect(receivers.listen)
        filed.send_reliable(None, document=document)
        document.delete()
        run_due()
        (call,) = rows()
        assert (call.status, call.attempts, heard) == ("failed", 1, [])
        assert "The argument 'document' was testapp.Document" in call.last_error

    def test_an_object_without_a_row_is_refused(self):
        with pytest.raises(UnsavedTarget) as error:
            filed.send_reliable(None, tags=[Tag(name="new")])
        assert "the argument 'tags' of send_reliable()" in error.value.__notes__[0]

    def test_an_object_of_another_database_is_refused(self, document):
        document._state.db = "other"
        with pytest.raises(WrongDatabase):
            filed.send_reliable(None, document=document)

    def test_an_object_whose_key_is_a_secret_is_refused(self):
        with pytest.raises(TypeError, match="credential is a Credential, whose primary key is a secret"):
            filed.send_reliable(None, credential=Credential.objects.create(session_key="s3cret"))

    def test_a_mistake_is_told_even_if_nobody_listens(self):
        with pytest.raises(TypeError, match=r"found\['x'\] is of .*QuerySet, .*Pass list\(…\) of it"):
            filed.send_reliable(None, found={"x": Tag.objects.all()})
        with pytest.raises(TypeError, match="'signal'"):
            filed.send_reliable(None, signal=filed)

    def test_a_lazy_object_is_what_it_stands_for(self, user, rf):
        from django.utils.functional import SimpleLazyObject

        filed.connect(receivers.listen)
        filed.send_reliable(None, user=SimpleLazyObject(lambda: user))
        run_due()
        assert heard[0]["user"] == user


class TestRunning:
    def test_a_receiver_and_its_row_share_a_transaction(self, document):
        filed.connect(receivers.see_transaction)
        filed.send_reliable(None)
        run_due()
        assert heard == [True]

    def test_what_raises_is_undone_tried_again_and_kept(self, document, caplog):
        filed.connect(receivers.tag_and_fail)
        filed.connect(receivers.tag)
        (failing, _) = filed.send_reliable(None, document=document)
        assert run_due() == 1
        failing.refresh_from_db()
        assert (failing.status, failing.attempts, failing.lease_token) == ("open", 1, None)
        assert failing.due_at - clock.now() > timedelta(minutes=9)
        assert "ValueError: the printer is on fire" in failing.last_error
        assert f"call {failing.pk} of {HOME}:tag_and_fail" in caplog.text
        for minutes in (11, 32):
            with later(minutes=minutes):
                assert run_due() == 0
        failing.refresh_from_db()
        assert (failing.status, failing.attempts) == ("failed", 3)
        assert list(Tag.objects.values_list("name", flat=True)) == ["filed"]

    def test_by_default_it_is_tried_as_often_as_a_mail(self, document):
        Signals.printed.connect(receivers.tag_and_fail)
        Signals.printed.send_reliable(None, document=document)
        for attempt in range(1, 7):
            SignalCall.objects.update(due_at=clock.now())
            run_due()
            (call,) = rows()
            assert (call.attempts, call.status) == (min(attempt, 5), "open" if attempt < 5 else "failed")

    def test_a_transaction_that_the_receiver_has_given_up_is_no_success(self):
        filed.connect(receivers.take_back)
        filed.send_reliable(None)
        assert run_due() == 0
        (call,) = rows()
        assert "RolledBack" in call.last_error
        assert not Tag.objects.exists()

    def test_an_error_of_the_database_that_the_receiver_caught_is_no_success(self):
        filed.connect(receivers.swallow)
        filed.send_reliable(None)
        assert run_due() == 0
        assert "within the try" in rows()[0].last_error
        assert not Tag.objects.exists()

    def test_a_failed_call_is_revived_and_counted(self, document, capsys):
        filed.connect(receivers.listen)
        filed.send_reliable(None)
        SignalCall.objects.update(status="failed", attempts=3, last_error="no")
        assert run_due() == 0
        assert statistics()["signal_calls"] == {"failed": 1}
        call_command("notifyaudit", "retry", "--failed")
        assert capsys.readouterr().out == "1 due again\n"
        assert statistics() | {"signal_calls": {"open": 1}, "signal_calls_due": 1} == statistics()
        assert rows()[0].attempts == 0, "it has all its attempts before it"
        assert run_due() == 1

    def test_who_records_does_it_in_the_name_of_who_sent(self, document, user):
        filed.connect(receivers.tag_and_record)
        with audit_context(actor=user, correlation_id="request-7"):
            filed.send_reliable(None, document=document)
        with audit_context(actor="the worker"):
            sweep()
        event = AuditEvent.objects.get()
        assert (event.actor, event.correlation_id) == (user, "request-7")
        assert event.routed_at is not None, "the same sweep tells of it"

    def test_django_guid_has_the_id_of_who_sent(self):
        filed.connect(receivers.note_guid)
        with audit_context(correlation_id="request-7"):
            filed.send_reliable(None)
        run_due()
        assert heard == ["request-7"]

    def test_who_acted_and_is_gone_or_is_no_user_remains_by_name(self, document, user):
        filed.connect(receivers.tag_and_record)
        for actor in (user, "nightly import", None):
            with audit_context(actor=actor):
                filed.send_reliable(None, document=document)
        Document.objects.update(owner=None)
        User.objects.all().delete()
        run_due()
        assert set(AuditEvent.objects.values_list("actor_repr", flat=True)) == {"owner", "nightly import", ""}

    def test_a_receiver_sends_on_under_the_same_id(self, document):
        filed.connect(receivers.pass_on)
        Signals.printed.connect(receivers.tag_and_record)
        with audit_context(correlation_id="request-7"):
            filed.send_reliable(Document, document=document)
        assert run_due() == 2, "what a receiver sends needs no other sweep"
        assert AuditEvent.objects.get().correlation_id == "request-7"

    def test_told_to_end_it_finishes_the_call_in_hand(self, monkeypatch):
        filed.connect(receivers.listen)
        filed.connect(receivers.listen_too)
        filed.send_reliable(None)
        monkeypatch.setattr(stopping, "requested", lambda: bool(heard))
        assert run_due() == 1
        assert len(rows()) == 1

    def test_mails_have_their_turn_between_slow_receivers(self, monkeypatch):
        asked = []
        monkeypatch.setattr(calls, "request_wake_up", lambda: asked.append(1))
        monkeypatch.setattr(calls, "PATIENCE", timedelta(0))
        filed.connect(receivers.listen)
        filed.connect(receivers.listen_too)
        for _ in range(2):
            filed.send_reliable(None)
        assert run_due() == 2
        assert [call.receiver for call in rows()] == [f"{HOME}:listen", f"{HOME}:listen_too"]
        assert [run_due(), run_due()] == [2, 0]
        assert asked == [1, 1]

    @pytest.mark.django_db(transaction=True)
    def test_a_backend_that_runs_tasks_at_once_goes_no_deeper_with_each_call(self, document, monkeypatch):
        monkeypatch.setattr(waking, "_suspended", 0)
        filed.connect(receivers.record_and_measure)
        backend = f"{compat.ImmediateBackend.__module__}.ImmediateBackend"
        with override_settings(TASKS={"default": {"BACKEND": backend}}), transaction.atomic():
            for _ in range(5):
                filed.send_reliable(None, document=document)
        assert len(heard) == AuditEvent.objects.exclude(routed_at=None).count() == 5
        assert len(set(heard)) == 1

    @pytest.mark.django_db(transaction=True)
    def test_what_fails_after_the_commit_of_a_receiver_keeps_no_other_from_being_called(self, caplog):
        filed.connect(receivers.fail_after_commit)
        for number in range(4):
            filed.send_reliable(None, number=number)
        assert run_due() == 4
        assert (rows(), Tag.objects.count()) == ([], 4)
        assert caplog.text.count("Error: the printer is on fire") == 4


class TestPathsThatLeadNowhere:
    def vanish(self, path):
        SignalCall.objects.update(receiver=path)

    def test_a_receiver_that_is_gone_is_kept_reported_and_called_when_it_is_back(self, monkeypatch, caplog):
        filed.connect(receivers.listen)
        filed.send_reliable(None)
        self.vanish(f"{HOME}:vanished")
        with caplog.at_level(logging.ERROR):
            assert run_due() == run_due() == 0
        assert caplog.text.count(f"calls of {HOME}:vanished for {HOME}:filed are kept") == 1
        (call,) = rows()
        assert (call.status, call.attempts) == ("open", 0)
        assert statistics()["signal_calls_of_unknown_receivers"] == {f"{HOME}:vanished": 1}
        monkeypatch.setattr(receivers, "vanished", receivers.listen, raising=False)
        assert statistics()["signal_calls_of_unknown_receivers"] == {}
        assert run_due() == 1
        filed.send_reliable(None)
        self.vanish(f"{HOME}:vanished")
        monkeypatch.delattr(receivers, "vanished")
        run_due()
        assert caplog.text.count(f"calls of {HOME}:vanished for {HOME}:filed are kept") == 2, "it is news"

    def test_it_keeps_no_other_from_being_called(self):
        filed.connect(receivers.listen)
        filed.send_reliable(None)
        self.vanish("no.such.module:vanished")
        filed.send_reliable(None)
        assert run_due() == 1

    def test_a_signal_that_is_gone_is_as_well(self):
        filed.connect(receivers.listen)
        filed.send_reliable(None)
        SignalCall.objects.update(signal=f"{HOME}:vanished")
        assert run_due() == 0
        assert statistics()["signal_calls_of_unknown_receivers"] == {f"{HOME}:listen": 1}

    def test_what_was_renamed_is_found_under_its_new_name(self):
        filed.connect(receivers.listen)
        filed.send_reliable(None)
        self.vanish("shop.old:tell")
        ReliableSignal(renamed={"shop.old:tell": "shop.newer:tell", "shop.newer:tell": f"{HOME}:moved_to"})
        assert run_due() == 1
        assert heard == ["moved"]

    def test_a_path_that_was_renamed_is_no_new_receivers(self):
        ReliableSignal(renamed={f"{HOME}:listen": f"{HOME}:moved_to"})
        filed.connect(receivers.listen)
        assert [problem for problem in filed.problems() if "renamed=" in problem]
        with pytest.raises(ConfigurationError, match=f"find as {HOME}:listen is something else"):
            filed.send_reliable(None)

    def test_nor_a_new_signals(self):
        ReliableSignal(renamed={f"{HOME}:filed": f"{HOME}:Signals.printed"})
        with pytest.raises(ConfigurationError, match="A worker cannot find"):
            filed.send_reliable(None)

    def test_a_signal_too(self):
        filed.connect(receivers.listen)
        filed.send_reliable(None)
        SignalCall.objects.update(signal="shop.old:filed")
        ReliableSignal(renamed={"shop.old:filed": f"{HOME}:filed"})
        assert run_due() == 1

    @pytest.mark.parametrize(
        ("renamed", "why"),
        [
            ({"shop.old.tell": "shop.new:tell"}, "'shop.old.tell' is no path; write 'module:function'"),
            ({"shop.old:tell": "tell"}, "'tell' is no path"),
            ({"a:b": "c:d", "c:d": "a:b"}, "is 'c:d' again|is 'a:b', which"),
            ({"a:b": "a:b"}, "which is 'a:b' again"),
        ],
    )
    def test_renames_that_make_no_sense_are_refused(self, renamed, why):
        with pytest.raises(ConfigurationError, match=why):
            ReliableSignal(renamed=renamed)

    def test_a_policy_that_is_none_is_refused(self):
        with pytest.raises(ConfigurationError, match="retry must be a RetryPolicy, not 3"):
            ReliableSignal(retry=3)

    def test_what_is_no_reliable_signal_calls_nobody(self):
        filed.connect(receivers.listen)
        filed.send_reliable(None)
        SignalCall.objects.update(signal=f"{HOME}:plain")
        assert run_due() == 0
        assert rows()[0].attempts == 0
        assert statistics()["signal_calls_of_unknown_receivers"] == {f"{HOME}:listen": 1}

    def test_what_cannot_be_called_is_not_called(self):
        filed.connect(receivers.listen)
        filed.send_reliable(None)
        self.vanish(f"{HOME}:heard")
        assert run_due() == 0
        assert statistics()["signal_calls_of_unknown_receivers"] == {f"{HOME}:heard": 1}

    def test_a_model_that_this_code_does_not_have_may_be_there_at_the_next_attempt(self, document):
        filed.connect(receivers.listen)
        filed.send_reliable(None, document=document)
        arguments = SignalCall.objects.get().arguments
        SignalCall.objects.update(arguments=arguments.replace("testapp.Document", "testapp.Unheard"))
        assert run_due() == 0
        (call,) = rows()
        assert (call.status, call.attempts) == ("open", 1)
        assert "no installed app has the model testapp.Unheard" in call.last_error

    def test_two_new_names_are_refused(self):
        ReliableSignal(renamed={"a:b": "c:d"})
        ReliableSignal(renamed={"a:b": "c:d"})
        with pytest.raises(ConfigurationError, match="cannot be both 'c:d' and 'e:f'"):
            ReliableSignal(renamed={"a:b": "e:f"})


class TestLeases:
    def test_what_another_worker_has_is_left_to_it_until_its_lease_ends(self):
        filed.connect(receivers.listen)
        filed.send_reliable(None)
        taken = calls._claim(f"{HOME}:listen", f"{HOME}:filed")
        assert run_due() == 0
        with later(minutes=6):
            assert run_due() == 1
            assert calls._make(taken) is False, "who was too slow does not call it again"
        assert len(heard) == 1

    def test_who_was_too_slow_neither_calls_nor_settles_what_another_has_taken_over(self, document):
        filed.connect(receivers.tag_and_fail)
        filed.send_reliable(None, document=document)
        name = (f"{HOME}:tag_and_fail", f"{HOME}:filed")
        slow = calls._claim(*name)
        with later(minutes=6):
            quick = calls._claim(*name)
            assert calls._make(slow) is False
            (call,) = rows()
            assert (call.lease_token, call.attempts, call.last_error) == (quick.lease_token, 0, "")

    def test_a_call_that_makes_its_workers_vanish_is_kept_in_the_end(self):
        filed.connect(receivers.listen)
        filed.send_reliable(None)
        with clock.travelling():
            for _ in range(calls.MOURNED + 1):
                assert calls._claim(f"{HOME}:listen", f"{HOME}:filed") is not None
                clock.advance(timedelta(minutes=6))
            assert run_due() == 0
        (call,) = rows()
        assert (call.status, heard) == ("failed", [])
        assert "6 workers vanished" in call.last_error

    def test_an_attempt_that_ended_forgets_the_workers_that_vanished_before(self, document):
        filed.connect(receivers.tag_and_fail)
        filed.send_reliable(None, document=document)
        calls._claim(f"{HOME}:tag_and_fail", f"{HOME}:filed")
        with later(minutes=6):
            run_due()
        (call,) = rows()
        assert (call.abandoned, call.attempts) == (0, 1)


class TestHarness:
    def test_a_question_calls_the_receivers_first(self, document, audit_outbox):
        filed.connect(receivers.tag_and_record)
        filed.send_reliable(None, document=document)
        audit_outbox.assert_nothing_sent()
        assert [event.target for event in audit_outbox.recorded("document.filed")] == [document]

    def test_catching_up_calls_them_without_a_question(self, audit_outbox):
        filed.connect(receivers.listen)
        filed.send_reliable(None, number=7)
        audit_outbox.catch_up()
        assert heard == [{"signal": filed, "sender": None, "number": 7}]

    def test_catching_up_fails_if_a_receiver_failed(self, document, audit_outbox):
        filed.connect(receivers.tag_and_fail)
        filed.send_reliable(None, document=document)
        with pytest.raises(AssertionError, match="a receiver of a reliable signal failed") as error:
            audit_outbox.catch_up()
        assert f"{HOME}:tag_and_fail: ValueError: the printer is on fire" in str(error.value)
        assert "site-packages" not in str(error.value)

    def test_a_failed_question_tells_of_receivers_that_failed(self, document, audit_outbox):
        filed.connect(receivers.tag_and_fail)
        filed.send_reliable(None, document=document)
        with pytest.raises(AssertionError, match="receivers that failed:"):
            audit_outbox.one()

    def test_advancing_tries_again(self, document, audit_outbox):
        filed.connect(receivers.tag_and_fail)
        filed.send_reliable(None, document=document)
        audit_outbox.advance(timedelta(minutes=11))
        assert audit_outbox.all() == []
        assert rows()[0].attempts == 2

    @pytest.mark.parametrize("question", ["assert_nothing_sent", "assert_no_more"])
    def test_that_nothing_was_sent_is_not_said_of_receivers_that_failed(
        self, document, audit_outbox, question
    ):
        filed.connect(receivers.tag_and_fail)
        filed.send_reliable(None, document=document)
        with pytest.raises(AssertionError, match="receivers that failed:"):
            getattr(audit_outbox, question)()

    def test_what_failed_before_a_clear_is_arrangement(self, document, audit_outbox):
        filed.connect(receivers.tag_and_fail)
        filed.send_reliable(None, document=document)
        audit_outbox.clear()
        audit_outbox.catch_up()
        audit_outbox.assert_nothing_sent()
        audit_outbox.advance(timedelta(minutes=11))
        with pytest.raises(AssertionError, match="the printer is on fire"):
            audit_outbox.catch_up()

    def test_nothing_is_called_while_the_code_under_test_has_a_transaction_open(self, audit_outbox):
        with (
            transaction.atomic(),
            pytest.raises(AssertionError, match="still has a transaction"),
        ):
            audit_outbox.catch_up()

    def test_async_tests_too(self, audit_outbox):
        async def test():
            await filed.asend_reliable(None)
            await audit_outbox.acatch_up()

        filed.connect(receivers.listen)
        async_to_sync(test)()
        assert heard == [{"signal": filed, "sender": None}]


def test_names_of_open_calls_cost_a_look_each(django_assert_num_queries):
    SignalCall.objects.bulk_create(
        SignalCall(receiver=f"r{number % 3}", signal=f"s{number % 2}", sender="null", arguments="{}")
        for number in range(60)
    )
    with django_assert_num_queries(13):
        names = list(SignalCall.objects.all().names())
    assert names == [(f"r{r}", f"s{s}") for r in range(3) for s in range(2)]
