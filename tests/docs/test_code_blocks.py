"""The documentation's code is run, its templates rendered, its sessions repeated, its links followed."""

import doctest
import re
import sys
import unittest
from copy import deepcopy
from datetime import timedelta
from inspect import signature
from itertools import pairwise, zip_longest
from pathlib import Path
from types import ModuleType

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.forms.models import model_to_dict
from django.template import engines
from django.template.loader import get_template
from django.test import Client, RequestFactory, override_settings
from django.utils import timezone, translation
from jinja2 import DictLoader

import notifyaudit
from example_site.inspections.actions import InspectionAction
from example_site.inspections.forms import InspectionForm
from example_site.inspections.models import Building, Inspection, User
from notifyaudit import audit_context, conf, record, subscribe
from notifyaudit.models import AuditEvent, Message, Notification, Preference, SignalCall, Subscription
from notifyaudit.registry import emails as registry
from notifyaudit.sources import Kind, Seen
from notifyaudit.testing import AuditOutbox, SentEmail
from tests.docs.conftest import NAMES
from tests.docs.pages import DOCS, REFERENCE, ROOT, Block, blocks, name_of, pages, prose_of, text_of
from tests.testapp.models import Profile

# Its own test follows it in a real project.
TUTORIAL = DOCS / "tutorial" / "first-email.md"
RUNNABLE = [page for page in pages() if page != TUTORIAL]

TEMPLATE_LANGUAGES = ("html+django", "html+jinja", "jinja")
LANGUAGES = {"python", "pycon", "console", "ini", "text", *TEMPLATE_LANGUAGES}
MARKERS = {"", "compile", "fails", "skip"}

_FILE_LINE = re.compile(r"^# (?P<path>(?:\w+/)*\w+\.py)\b", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]+\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


class Page:
    """Runs the blocks of one page from top to bottom, as one program of several files."""

    def __init__(self, page, *, request, monkeypatch, settings, directory) -> None:
        self.page = page
        self.monkeypatch = monkeypatch
        self.settings = settings
        self.directory = directory
        self.people = {name: request.getfixturevalue(name) for name in NAMES}
        self.namespace = dict(self.people)
        if page.name == "README.md":
            # Its text says in words where these come from.
            names = ("Action", "AuditEmail", "record")
            self.namespace |= {name: getattr(notifyaudit, name) for name in names}
            self.namespace["transaction"] = transaction

    def run(self) -> dict[str, object]:
        """The names that the page has made."""
        self.write_templates()
        page = list(blocks(self.page))
        for block, following in zip_longest(page, page[1:]):
            if block.marker == "skip":
                continue
            if block.marker == "compile":
                compile(block.padded, block.where, "exec")
            elif block.marker == "fails":
                with pytest.raises(AssertionError) as failure:
                    self.run_files(block)
                assert str(failure.value) == following.code.rstrip(), following.where
            elif block.language == "python":
                self.run_files(block)
            elif block.language == "pycon":
                self.repeat(block)
        return self.namespace

    def run_files(self, block: Block) -> None:
        for path, code in files_of(block):
            self.run_file(path, code, block)

    def run_file(self, path: str, code: str, block: Block) -> None:
        if Path(path).name == "settings.py":
            check_settings(code, block)
            return
        name = path.removesuffix(".py").replace("/", ".")
        before = dict(self.namespace)
        # So a class of a page replaces the example's class of the same name and file, as an autoreload does.
        self.namespace["__name__"] = f"example_site.{name}"
        exec(compile(code, block.where, "exec"), self.namespace)
        if "." in name:
            module = ModuleType(name)
            module.__dict__.update({**vars(sys.modules.get(name, module)), **self.namespace})
            self.monkeypatch.setitem(sys.modules, name, module)
            if self.namespace["__name__"] not in sys.modules:
                # There a worker looks for what is defined in it.
                self.monkeypatch.setitem(sys.modules, self.namespace["__name__"], module)
        for key, new in self.namespace.items():
            if before.get(key) is new:
                continue
            if key.startswith("test_"):
                self.run_test(new)
            elif isinstance(new, type) and issubclass(new, unittest.TestCase):
                self.run_test_case(new)

    def run_test(self, function) -> None:
        for instance in self.people.values():
            instance.refresh_from_db()
        block = transaction.atomic()
        # As TestCase does it, for atomic(durable=True) in the code under test.
        block._from_testcase = True
        with block, AuditOutbox.opened() as outbox:
            given = {**self.people, "audit_outbox": outbox, "client": Client()}
            function(**{name: given[name] for name in signature(function).parameters})
            transaction.set_rollback(True)

    def run_test_case(self, case: type[unittest.TestCase]) -> None:
        result = unittest.TestResult()
        with self.monkeypatch.context() as patched, transaction.atomic():
            # A TestCase closes the connection when it is done; the transaction of this test is on it.
            patched.setattr(connection, "close", lambda: None)
            # It makes its own people.
            for model in (Inspection, Building, User):
                model.objects.all().delete()
            unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
            transaction.set_rollback(True)
        problems = [text for _, text in result.errors + result.failures]
        assert not problems, problems[0]

    def repeat(self, block: Block) -> None:
        test = doctest.DocTestParser().get_doctest(block.code, self.namespace, block.where, None, block.line)
        # Examples share the names that they make.
        test.globs = self.namespace
        report: list[str] = []
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False)
        runner.run(test, out=report.append, clear_globs=False)
        assert not report, f"{block.where}: {''.join(report)}"

    def write_templates(self) -> None:
        for block in blocks(self.page):
            if block.language in TEMPLATE_LANGUAGES:
                path = self.directory / block.file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.code, encoding="utf-8")
        templates = deepcopy(self.settings.TEMPLATES)
        for engine in templates:
            kind = "jinja2" if "jinja2" in engine["BACKEND"] else "django"
            engine["DIRS"] = [self.directory / "templates" / kind, *engine["DIRS"]]
        self.settings.TEMPLATES = templates


def files_of(block: Block) -> list[tuple[str, str]]:
    """A block's files and their code, each on the lines where it stands in the page."""
    starts = [found.start() for found in _FILE_LINE.finditer(block.padded)]
    if not starts:
        return [("page.py", block.padded)]
    parts = []
    for start, end in zip(starts, [*starts[1:], None], strict=True):
        code = block.padded[start:end]
        parts.append((_FILE_LINE.match(code)["path"], "\n" * block.padded.count("\n", 0, start) + code))
    return parts


def check_settings(code: str, block: Block) -> None:
    known = {"INSTALLED_APPS": [], "MIDDLEWARE": [], "BASE_DIR": ROOT}
    exec(compile(code, block.where, "exec"), known)
    conf.parse(known.get("NOTIFYAUDIT", {}))


@pytest.fixture
def page_runner(request, monkeypatch, settings, tmp_path, site, db):
    def run(page):
        runner = Page(page, request=request, monkeypatch=monkeypatch, settings=settings, directory=tmp_path)
        if page.name == "debug-a-missing-mail.md":
            runner.namespace |= request.getfixturevalue("a_missing_mail")
        return runner.run()

    return run


@pytest.mark.parametrize("page", RUNNABLE, ids=name_of)
def test_the_code_of_a_page_runs(page, page_runner):
    page_runner(page)


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_each_block_has_a_language_and_a_marker_that_are_known(page):
    for block in blocks(page):
        assert block.language in LANGUAGES, block.where
        assert block.marker in MARKERS, block.where
    assert text_of(page).count("<!-- test:") == sum(bool(block.marker) for block in blocks(page)) + (
        name_of(page) == "CONTRIBUTING.md" and 3
    ), "a marker that is not right above a block has no effect"


def test_the_tables_for_newcomers_name_what_there_is():
    page = text_of(DOCS / "how-to" / "come-from-another-harness.md")
    named = set(re.findall(r"\b(audit_outbox|email)\.(\w+)", page))
    assert len(named) > 20
    # What an instance sets is not seen on its class.
    owners = {"audit_outbox": dir(AuditOutbox), "email": [*dir(SentEmail), "content", "source"]}
    assert [name for owner, name in named if name not in owners[owner]] == []


def test_every_function_that_a_page_defines_is_called_by_a_test():
    called = Path(__file__).read_text(encoding="utf-8")
    for page in RUNNABLE:
        for block in blocks(page):
            if block.language == "python" and block.marker != "compile":
                for name in re.findall(r"^(?:async )?def (?!test_)(\w+)", block.code, re.MULTILINE):
                    in_page = len(re.findall(rf"\b{name}\(", text_of(page))) > 1
                    assert in_page or f'page["{name}"]' in called, f"{block.where}: {name}()"


def test_the_functions_on_forgetting_nothing_do_what_they_say(page_runner, inspection):
    page = page_runner(DOCS / "how-to" / "forget-nothing.md")
    page["complete"](inspection)
    assert newest().target == inspection


def test_the_functions_on_recording_changes_do_what_they_say(
    page_runner, inspection, building, reviewer, owner
):
    page = page_runner(DOCS / "how-to" / "record-changes.md")
    page["submit"](inspection, by=reviewer)
    assert newest().changes == {"status": ["draft", "ready"]}
    form = InspectionForm({**model_to_dict(inspection), "summary": "All clear."}, instance=inspection)
    assert form.is_valid(), form.errors
    assert page["edit"](form, by=reviewer).changes == {"summary": ["", "All clear."]}
    assert page["edit"](form, by=reviewer) is None
    (event,) = page["hand_over"](building.inspections.filter(pk=inspection.pk), reviewer, by=owner)
    assert (event.target, list(event.changes)) == (inspection, ["inspector"])
    page["nightly"]([inspection])
    assert (newest().actor_repr, newest().metadata) == ("nightly import", {"host": "worker-2"})
    page["remove"](inspection, by=reviewer)
    assert newest().target.title == "Fire safety, Tower 7"


def test_the_functions_on_signals_do_what_they_say(page_runner, inspection, reviewer, building, rf):
    page = page_runner(DOCS / "how-to" / "reliable-signals.md")
    page["bill"](Inspection, inspection=inspection, price=7)
    assert (newest().target, newest().data) == (inspection, {"price": 7})
    signals = [page["user_logged_in"], page["m2m_changed"], page["building_opened"]]
    before = [list(signal.receivers) for signal in signals]
    page["connect"]()
    try:
        signals[0].send(User, request=rf.get("/"), user=reviewer)
        assert (newest().action, newest().target, newest().actor) == ("account.signed_in", reviewer, reviewer)
        group = Group.objects.create(name="reviewers")
        reviewer.groups.add(group)
        assert (newest().action, newest().data) == ("account.joined", {"pk_set": [group.pk]})
        reviewer.groups.clear()
        group.user_set.add(reviewer)
        async_to_sync(signals[2].asend)(None, building=building, by=reviewer)
        assert (newest().action, newest().target, newest().actor) == ("account.opened", building, reviewer)
        assert AuditEvent.objects.filter(action__startswith="account.").count() == 3
    finally:
        for signal, receivers in zip(signals, before, strict=True):
            signal.receivers[:] = receivers
            signal.sender_receivers_cache.clear()


def test_the_functions_on_digests_do_what_they_say(page_runner, inspection, building, reviewer):
    page = page_runner(DOCS / "how-to" / "send-digests.md")
    Subscription.objects.all().delete()
    group = Group.objects.create(name="reviewers")
    page["watch"](reviewer, building)
    page["tell_of_completions"](group)
    page["leave_alone"](reviewer, inspection)
    assert list(Subscription.objects.order_by("pk").values_list("matter", "muted")) == [
        ("pattern", False),
        ("action", False),
        ("everything", True),
    ]
    page["stop_watching"](reviewer, building)
    assert not Subscription.objects.filter(matter="pattern").exists()
    page["read_at_five"](reviewer)
    assert Preference.objects.get(user=reviewer).digest_hour == 17


def test_the_classes_on_bundles_and_limits_do_what_they_say(
    page_runner, audit_outbox, inspection, building, reviewer
):
    page = page_runner(DOCS / "how-to" / "bundle-and-limit.md")
    bundle = page["InspectionBundleEmail"]
    for old, new in pairwise(("A", "B", "C")):
        record(InspectionAction.EDITED, target=inspection, changes={"title": (old, new)})
    audit_outbox.assert_not_sent(bundle, because="bundled")
    audit_outbox.advance(timedelta(minutes=10))
    audit_outbox.one(bundle, to=building.owner).assert_contains("Title: A → C")
    returned = [page[f"InspectionReturnedTo{name}Email"] for name in ("Staff", "Owner")]
    for email_class in returned:
        subscribe(reviewer, email_class)
    event = record(InspectionAction.RETURNED, target=inspection)
    for email_class in returned:
        audit_outbox.assert_not_sent(email_class, to=reviewer, because="permission")
    everybody = get_user_model().objects.all()
    assert list(returned[1].filter_recipients(everybody, event)) == [building.owner]
    assert page["InspectionScheduledOnceEmail"].max_per_recipient_per_hour == 20


def test_the_layout_of_the_page_is_that_of_both_engines(page_runner, audit_outbox, inspection, tmp_path):
    page = page_runner(DOCS / "how-to" / "layout.md")
    record(InspectionAction.EDITED, target=inspection, changes={"summary": ("", "All clear.")})
    email = audit_outbox.one(page["InspectionLaidOutByJinjaEmail"])
    email.assert_contains("Station Square Inspections, 7 Station Square", "Summary: – → All clear.")
    email.assert_link(inspection.get_absolute_url())
    env = page["environment"](loader=DictLoader({"own.html": '{% extends "notifyaudit/email.html" %}'}))
    assert env.get_template("own.html").render(layout={"title": "Tower 7"}).count("Tower 7") == 2


def test_the_function_on_unsubscribing_subscribes_to_the_librarys_own_actions(page_runner, reviewer):
    page = page_runner(DOCS / "how-to" / "unsubscribe.md")
    page["tell_who_leaves"](reviewer)
    assert Subscription.objects.get(name="notifyaudit.*").user_id == str(reviewer.pk)


def test_the_function_on_subscribing_writes_what_it_says(page_runner, inspection, reviewer, rf):
    page = page_runner(REFERENCE / "subscribing.md")
    request = rf.get("/")
    request.user = reviewer
    page["watch"](request, inspection)
    assert list(Subscription.objects.order_by("pk").values_list("matter", "frequency", "muted")) == [
        ("action", "", False),
        ("pattern", "daily", False),
        ("email", "weekly", False),
        ("action", "", False),
    ]


def test_the_functions_on_recording_work_in_async_code(page_runner, inspection):
    page = page_runner(REFERENCE / "recording.md")
    event = async_to_sync(page["submit_later"])(inspection)
    assert event.target_id == str(inspection.pk)
    type(inspection).objects.update(status="draft")
    async_to_sync(page["submit_now"])(inspection)
    assert newest().changes == {"status": ["draft", "ready"]}


def test_the_numbers_of_the_production_page_count(page_runner, ready, reviewer, owner):
    page = page_runner(DOCS / "how-to" / "run-in-production.md")
    assert set(page["numbers"]().values()) == {0}
    long_ago = timezone.now() - timedelta(hours=1)
    for status in ("open", "failed", "held"):
        Message.objects.create(email_key="k", recipient_key=status, status=status, due_at=long_ago)
    Message.objects.update(uncertain_at=long_ago)
    SignalCall.objects.create(receiver="r", signal="s", status="failed")
    ready.complete(by=reviewer)
    Notification.objects.create(event=newest(), email_key="k", error="KeyError")
    with connection.cursor() as cursor:  # an event's facts cannot be changed through the ORM
        cursor.execute("UPDATE notifyaudit_auditevent SET recorded_at = %s", [long_ago])
    assert page["numbers"]() == {
        "unrouted": 1,
        "overdue": 1,
        "failed": 1,
        "held": 1,
        "ever uncertain": 3,
        "could not be asked": 1,
        "not called": 1,
    }
    assert page["cancel_all"]() == 1
    outbox = AuditOutbox()
    assert outbox.all() == []
    assert page["numbers"]()["overdue"] == 0
    assert page["numbers"]()["unrouted"] == 0


def test_the_functions_on_languages_say_what_a_project_knows(page_runner, reviewer, inspection):
    page = page_runner(DOCS / "how-to" / "languages.md")
    assert (page["language_of"](reviewer), page["timezone_of"](reviewer)) == (None, None)
    reviewer.profile = Profile(user=reviewer, language="ar", zone="Asia/Kolkata")
    assert (page["language_of"](reviewer), page["timezone_of"](reviewer)) == ("ar", "Asia/Kolkata")
    with translation.override("ar"):
        html = get_template("inspections/turned.html").render({"target": inspection})
    assert '<html lang="ar" dir="rtl">' in html


def test_the_source_on_audit_trails_keeps_quiet_about_imports(page_runner, inspection):
    page = page_runner(DOCS / "how-to" / "events-from-an-audit-trail.md")
    source = page["Inspections"]({"inspection.title": "inspection.edited"})

    def seen(reference, **details):
        changes = {"title": ("a", "b")}
        return Seen(reference=reference, kind=Kind.UPDATED, target=inspection, changes=changes, **details)

    assert source.report(seen("1", data={"reason": "import"}), seen("2", data={"reason": "typo"})) == [
        newest()
    ]
    assert newest().source_ref == "2"


def test_the_function_on_correlation_ids_finds_events_and_mails(page_runner, ready, reviewer, audit_outbox):
    page = page_runner(DOCS / "how-to" / "correlation-ids.md")
    with audit_context(correlation_id="request-7"):
        ready.complete(by=reviewer)
    sent = audit_outbox.all()
    events, messages = page["traces"]("request-7")
    assert [event.action for event in events] == [InspectionAction.COMPLETED]
    assert {message.pk for message in messages} == {email.message.pk for email in sent} != set()
    assert [len(found) for found in page["traces"]("request-8")] == [0, 0]


def newest() -> AuditEvent:
    return AuditEvent.objects.latest("pk")


def test_the_templates_of_the_templates_page_render(page_runner, ready, reviewer, settings):
    page_runner(DOCS / "how-to" / "templates.md")
    ready.summary = "Doors < 80 cm"
    ready.save()
    from example_site.inspections.actions import InspectionAction
    from notifyaudit import track

    outbox = AuditOutbox()
    with track(ready, InspectionAction.EDITED):
        ready.title = "Fire safety, Tower 8 <north>"
        ready.save()
    sent = {email.email_class.__name__: email for email in outbox.all(to=reviewer)}
    assert set(sent) == {kind.__name__ for kind in registry if "inspection.edited" in kind.actions}
    assert len(sent) > 5
    for email in sent.values():
        email.assert_contains("Fire safety, Tower 8 <north>")
        email.assert_link(ready.get_absolute_url())
    assert "Title: Fire safety, Tower 7 -> " in sent["InspectionEditedWithTextEmail"].text
    assert sent["InspectionTitledEmail"].subject == "[Fire safety, Tower 8 <north>] edited"
    attachment = sent["InspectionEditedWithListEmail"].content.attachments[0]
    assert tuple(attachment) == ("fields.txt", "title", "text/plain")
    assert list(sent["InspectionEditedWithLogoEmail"].images) == ["logo"]


def test_the_watch_button_is_where_the_page_puts_it(page_runner, building, reviewer, client):
    page = page_runner(DOCS / "how-to" / "preference-centre.md")
    request = RequestFactory().get("/buildings/1/")
    request.user = reviewer
    context = {"building": building, "request": request}
    in_jinja = engines["jinja2"].get_template("inspections/building_head_jinja.html").template
    env = page["environment"](autoescape=True)
    for html in (
        get_template("inspections/building_head.html").render({"building": building}, request),
        env.from_string(Path(in_jinja.filename).read_text("utf-8")).render(context),
    ):
        assert 'action="/notifyaudit/watch/' in html
    assert 'href="/notifyaudit/preferences/"' in get_template("inspections/account_links.html").render()
    assert "notifyaudit/pages.js" in get_template("inspections/head.html").render()
    client.force_login(reviewer)
    assert "site-header" in client.get("/notifyaudit/preferences/").content.decode()


def test_the_class_on_previews_can_be_looked_at(page_runner, reviewer, client):
    page = page_runner(DOCS / "how-to" / "preview-mails.md")
    type(reviewer).objects.update(is_staff=True, is_superuser=True)
    reviewer.refresh_from_db()
    client.force_login(reviewer)
    link = get_template("inspections/preview_link.html")
    request = RequestFactory().get("/")
    request.user = reviewer
    assert 'href="/notifyaudit/previews/"' in link.render({}, request)
    request.user = type(reviewer)()
    assert "href" not in link.render({}, request)
    html = client.get(f"/notifyaudit/previews/{page['InspectionReturnedEmail'].key}/").content.decode()
    assert "Fire safety was returned to you" in html


def test_both_engines_find_their_templates(page_runner):
    page_runner(DOCS / "how-to" / "templates.md")
    found = {name: get_template(f"inspections/{name}").backend.name for name in ("note.html", "note.txt")}
    assert found == {"note.html": "django", "note.txt": "jinja2"}
    assert set(engines) == {"django", "jinja2"}


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_links_lead_somewhere(page):
    for target in _LINK.findall(prose_of(page)):
        if target.startswith(("https://", "http://")):
            continue
        path, _, fragment = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.is_relative_to(ROOT), target
        assert there.exists(), f"{name_of(page)} links to {target}"
        if fragment:
            assert fragment in anchors_of(there), f"{name_of(page)} links to {target}"


def anchors_of(page: Path) -> set[str]:
    """The ids that a repository's host gives to the headings."""
    headings = (heading.lower() for heading in _HEADING.findall(prose_of(page)))
    return {re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in headings}


def test_every_page_of_the_docs_is_in_the_index():
    index = DOCS / "index.md"
    linked = {(DOCS / target).resolve() for target in _LINK.findall(text_of(index))}
    assert {page for page in DOCS.rglob("*.md") if page != index} <= linked


@pytest.mark.parametrize("page", [page for page in pages() if page.is_relative_to(DOCS)], ids=name_of)
def test_a_page_says_first_what_the_reader_can_do(page):
    first = re.search(r"^# .+\n\n(.+)", text_of(page))[1]
    assert first.startswith(("After this page you", "From here you")), first


def test_a_block_that_fails_is_seen(tmp_path, page_runner, monkeypatch):
    monkeypatch.setattr("tests.docs.pages.ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text("```python\n# inspections/services.py\nraise LookupError\n```\n", encoding="utf-8")
    with pytest.raises(LookupError):
        page_runner(page)
    page.write_text("```pycon\n>>> 1 + 1\n3\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="Expected"):
        page_runner(page)
    page.write_text(
        "```python\ndef test_it(audit_outbox, owner):\n    audit_outbox.one(to=owner)\n```\n", "utf-8"
    )
    with pytest.raises(AssertionError, match="none was sent"):
        page_runner(page)
    page.write_text(
        "```python\nfrom django.test import TestCase\n\n\nclass OneTest(TestCase):\n"
        "    def test_it(self):\n        self.fail('on purpose')\n```\n",
        "utf-8",
    )
    with pytest.raises(AssertionError, match="on purpose"):
        page_runner(page)
    page.write_text(
        "<!-- test: fails because it is wrong -->\n```python\ndef test_other():\n"
        "    raise AssertionError('so')\n```\n\n```text\nnot so\n```\n",
        "utf-8",
    )
    with pytest.raises(AssertionError, match="not so"):
        page_runner(page)
    page.write_text(
        "<!-- test: skip because it shows a mistake -->\n```python\nraise LookupError\n```\n", "utf-8"
    )
    page_runner(page)


def test_a_setting_that_does_not_exist_is_seen(tmp_path, page_runner, monkeypatch):
    monkeypatch.setattr("tests.docs.pages.ROOT", tmp_path)
    page = tmp_path / "page.md"
    page.write_text('```python\n# settings.py\nNOTIFYAUDIT = {"BASEURL": ""}\n```\n', encoding="utf-8")
    with pytest.raises(conf.ConfigurationError, match="BASE_URL"), override_settings():
        page_runner(page)
