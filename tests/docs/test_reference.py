"""The reference names everything that there is, and nothing that there is not."""

import inspect
import re
import tomllib
from dataclasses import MISSING, fields
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class
from django.template.defaultfilters import slugify

import notifyaudit
from notifyaudit import (
    AuditEmail,
    DigestEmail,
    Frequency,
    RetryPolicy,
    checks,
    conf,
    contrib,
    exceptions,
    record,
    routing,
    track,
)
from notifyaudit.changes import Change
from notifyaudit.claiming import BATCH
from notifyaudit.layout import Layout
from notifyaudit.models import (
    AuditEvent,
    Message,
    MessageStatus,
    Notification,
    Preference,
    Reason,
    SignalCall,
    SignalCallStatus,
    SkipReason,
    Subscription,
)
from notifyaudit.sources import Seen, Source
from notifyaudit.testing import AuditOutbox, OutgoingEmail, SentEmail
from notifyaudit.testing.criteria import Criteria
from notifyaudit.testing.ledger import REASONS
from notifyaudit.tracking import Tracking
from tests.docs.pages import DOCS, REFERENCE, ROOT, blocks, pages, prose_of, text_of

_HEAD_AND_LINE = re.compile(r"^\|.*\|\n\|[-|]+\|$", re.MULTILINE)
_ROW = re.compile(r"^\| (?P<cells>.+) \|$", re.MULTILINE)
_CODE = re.compile(r"`([^`]+)`")
_OF_OUTGOING = {"message", "email_class", "notifications"}
_CHECK_ID = re.compile(r"notifyaudit\.[EW]\d{3}")


def section(page: str, heading: str) -> str:
    """What stands below a heading, up to the next of its level or above."""
    text = prose_of(REFERENCE / page)
    found = re.search(rf"^(?P<level>#+) {re.escape(heading)}\n(?P<body>.*)", text, re.MULTILINE | re.DOTALL)
    assert found, f"{page} has no section {heading!r}"
    return re.split(rf"^#{{1,{len(found['level'])}}} ", found["body"], maxsplit=1, flags=re.MULTILINE)[0]


def own_part(text: str) -> str:
    """A section without its subsections."""
    return re.split(r"^#+ ", text, maxsplit=1, flags=re.MULTILINE)[0]


def table(text: str) -> list[list[str]]:
    """The rows of the tables in a text, without their heads and lines."""
    return [found["cells"].split(" | ") for found in _ROW.finditer(_HEAD_AND_LINE.sub("", text))]


def named_in(text: str) -> list[str]:
    """The names in the first column: ``name``, ``name(…)``, several in one cell."""
    return [name.partition("(")[0].partition(" ")[0] for row in table(text) for name in _CODE.findall(row[0])]


def defaults_in(text: str) -> dict[str, str]:
    """What the table gives as default, by name."""
    return {
        _CODE.search(row[0])[1].partition("(")[0]: "".join(_CODE.findall(row[1])) or row[1]
        for row in table(text)
    }


def public(cls: type) -> set[str]:
    annotated = [name for base in cls.__mro__ for name in inspect.get_annotations(base)]
    return {name for name in [*dir(cls), *annotated] if not name.startswith("_")}


# Settings


def test_settings_are_those_of_the_code_with_their_defaults():
    rows = {_CODE.search(row[0])[1]: row for row in table(own_part(section("settings.md", "Settings")))}
    assert list(rows) == [key.name for key in fields(conf.Settings)]
    for key in fields(conf.Settings):
        kind, default = (_CODE.search(cell) for cell in rows[key.name][1:])
        if key.name == "SENSITIVE_FIELDS":
            continue
        value = key.default if key.default is not MISSING else key.default_factory()
        assert kind[1] == {"tuple": "str"}.get(type(value).__name__, type(value).__name__)
        assert eval(default[1], {"timedelta": timedelta}) == value


def test_the_default_list_of_sensitive_fields_is_the_codes():
    code = next(block.code for block in blocks(REFERENCE / "settings.md") if "# the default" in block.code)
    namespace: dict[str, object] = {}
    exec(code, namespace)
    assert namespace["SENSITIVE_FIELDS"] == conf.SENSITIVE_FIELDS


@pytest.mark.parametrize("key", [key.name for key in fields(conf.Settings)])
def test_each_setting_has_a_section_that_names_its_choices(key):
    body = section("settings.md", key)
    for choice in conf.Settings.__dataclass_fields__[key].metadata.get("choices", ()):
        assert f'"{choice}"' in body


# Checks


def test_checks_are_those_of_the_code():
    in_code = set(re.findall(r'id="(notifyaudit\.[EW]\d{3})"', source_of_checks()))
    documented = [_CODE.search(row[0])[1] for row in table(text_of(REFERENCE / "checks.md"))]
    assert len(in_code) > 5
    assert documented == sorted(in_code)


def test_no_page_names_a_check_that_is_not_there():
    documented = set(_CHECK_ID.findall(text_of(REFERENCE / "checks.md")))
    for page in pages():
        assert set(_CHECK_ID.findall(text_of(page))) <= documented, page.name


# Names


def test_every_public_name_has_a_section():
    headings = set(re.findall(r"^## `(\w+)`$", text_of(REFERENCE / "recording.md"), re.MULTILINE))
    headings |= set(re.findall(r"^## `(\w+)`$", text_of(REFERENCE / "emails.md"), re.MULTILINE))
    headings |= set(re.findall(r"^## `(\w+)\(\)`$", text_of(REFERENCE / "subscribing.md"), re.MULTILINE))
    assert headings == set(notifyaudit.__all__)


def test_what_pages_import_from_the_library_is_there():
    for page in pages():
        for block in blocks(page):
            for module, names in re.findall(r"from (notifyaudit[\w.]*) import ([\w, ]+)", block.code):
                found = __import__(module, fromlist=["*"])
                for name in names.split(", "):
                    assert hasattr(found, name.strip()), f"{block.where}: {module} has no {name}"


def test_arguments_of_record_are_those_of_the_code_with_their_defaults():
    parameters = inspect.signature(record).parameters
    documented = defaults_in(section("recording.md", "`record`"))
    assert list(documented) == list(parameters)
    for name, parameter in parameters.items():
        if name not in ("action", "actor"):
            assert eval(documented[name]) == parameter.default, name


def test_arguments_of_track_are_those_of_the_code():
    documented = [name for row in table(section("recording.md", "`track`")) for name in _CODE.findall(row[0])]
    assert documented == list(inspect.signature(track).parameters)


def test_what_track_gives_has_the_attributes_that_are_named():
    given = re.search(
        r"known after its end: `(\w+)`, .*?; and `(\w+)`", section("recording.md", "`track`"), re.DOTALL
    )
    assert set(given.groups()) == public(Tracking)


def test_attributes_of_models_are_those_that_are_read():
    sources = "".join(
        path.read_text(encoding="utf-8") for path in Path(notifyaudit.__file__).parent.rglob("*.py")
    )
    in_code = set(re.findall(r'"(notifyaudit_(?:parent|\w+_fields))"', sources))
    assert set(named_in(section("recording.md", "Attributes of your models"))) == in_code


# Emails


def test_attributes_and_hooks_are_those_of_the_code():
    text = section("emails.md", "`AuditEmail`")
    documented = named_in(text)
    assert sorted(set(documented)) == sorted(documented), "named twice"
    assert set(documented) == public(AuditEmail)


NAMES = {
    "RetryPolicy": RetryPolicy,
    "Frequency": Frequency,
    "DigestEmail": DigestEmail,
    "SkipReason": SkipReason,
    "timedelta": timedelta,
}


def test_defaults_of_attributes_are_those_of_the_code():
    documented = defaults_in(section("emails.md", "Attributes of the class"))
    words = {"key", "label", "EMAIL_STRUCTURE_PATTERN"}
    for name, default in documented.items():
        if name not in words:
            assert eval(default, dict(NAMES)) == getattr(AuditEmail, name), name


def test_attributes_are_no_methods_and_hooks_are():
    for heading, expected in [
        ("Attributes of the class", False),
        ("Attributes of the instance", False),
        ("Hooks", True),
        ("Methods to call, not to override", True),
    ]:
        for name in named_in(section("emails.md", heading)):
            value = getattr(AuditEmail, name, None)
            assert (callable(value) and not isinstance(value, type)) == expected, name


def test_context_is_what_templates_see(document):
    email = AuditEmail()
    email.event = record("document.filed", target=document)
    email.events = (email.event,)
    email.bundle_by = "target"
    assert set(named_in(section("emails.md", "Context"))) == set(email.get_context_data())


def test_a_change_is_that_of_the_code():
    documented = set(named_in(section("emails.md", "A change")))
    assert documented == public(Change) - public(tuple)


def test_the_base_layout_is_that_of_the_code():
    text = section("emails.md", "The base layout")
    of_layout, source = text.partition("| of `layout`")[2], email_html("templates")
    assert set(named_in(of_layout)) == public(Layout)
    blocks_, _, rest = text.partition("| template to include")
    found = re.findall(r"{% block (\w+) %}", source)
    assert set(named_in(blocks_)) == set(found)
    assert found == re.findall(r"{% block (\w+) %}", email_html("jinja2"))
    for name in named_in(rest.partition("| class")[0]):
        for engine in ("templates", "jinja2"):
            assert (Path(notifyaudit.__file__).parent / engine / name).exists()
    for name in named_in(rest.partition("| class")[2].partition("| of `layout`")[0]):
        assert f".{name} " in source, name


def email_html(directory: str) -> str:
    path = Path(notifyaudit.__file__).parent / directory / "notifyaudit" / "email.html"
    return path.read_text(encoding="utf-8")


def test_headers_are_those_that_are_sent(audit_outbox, document):
    record("document.changed", target=document)
    by_django = {"Date", "From", "To", "Cc", "Reply-To", "Subject"}
    documented = set(named_in(section("emails.md", "Headers")))
    assert by_django <= documented
    assert documented - by_django == set(audit_outbox.one().content.extra_headers)


def test_retry_policy_is_that_of_the_code():
    documented = defaults_in(section("emails.md", "`RetryPolicy`"))
    assert list(documented) == [field.name for field in fields(RetryPolicy)]
    for field in fields(RetryPolicy):
        assert field.default is not MISSING
        assert eval(documented[field.name], {"timedelta": timedelta}) == field.default


def test_frequencies_are_those_of_the_code():
    documented = [
        [_CODE.search(cell)[1] for cell in row[:2]] for row in table(section("emails.md", "`Frequency`"))
    ]
    assert documented == [[member.name, f'"{member.value}"'] for member in Frequency]


# The ledger


@pytest.mark.parametrize("model", [AuditEvent, Notification, Message, SignalCall, Subscription, Preference])
def test_fields_are_those_of_the_model(model):
    documented = named_in(own_part(section("ledger.md", f"`{model.__name__}`")))
    assert sorted(documented) == sorted(field.name for field in model._meta.concrete_fields)


@pytest.mark.parametrize(
    ("heading", "choices"),
    [
        ("Why: `Reason`", Reason),
        ("Why not: `SkipReason`", SkipReason),
        ("`MessageStatus`", MessageStatus),
        ("`SignalCallStatus`", SignalCallStatus),
    ],
)
def test_words_of_the_ledger_are_those_of_the_code(heading, choices):
    assert named_in(section("ledger.md", heading)) == choices.values


# Errors, commands, testing


def test_errors_are_those_of_the_code():
    in_code = {
        name
        for name, found in vars(exceptions).items()
        if inspect.isclass(found) and issubclass(found, Exception) and found.__module__ == exceptions.__name__
    }
    documented = set(named_in(text_of(REFERENCE / "errors.md")))
    assert documented == {
        name for name in in_code if issubclass(getattr(exceptions, name), exceptions.NotifyAuditError)
    }
    assert in_code - documented == {"ConfigurationError"}
    assert "`ConfigurationError`" in prose_of(REFERENCE / "errors.md")


def test_commands_are_those_of_the_code():
    command = load_command_class(get_commands()["notifyaudit"], "notifyaudit")
    parser = command.create_parser("manage.py", "notifyaudit")
    subparsers = next(action for action in parser._actions if action.dest == "subcommand")
    text = text_of(REFERENCE / "commands.md")
    assert set(re.findall(r"^## `manage.py notifyaudit ([\w-]+)`$", text, re.MULTILINE)) == set(
        subparsers.choices
    )
    for name, subparser in subparsers.choices.items():
        body = section("commands.md", f"`manage.py notifyaudit {name}`")
        options = set(re.findall(r"`(--[\w-]+)", body))
        ours = set(subparser._option_string_actions) - set(parser._option_string_actions)
        assert options == {option for option in ours if option.startswith("--")}


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_no_page_names_a_subcommand_that_is_not_there(page):
    for name in re.findall(
        r"notifyaudit (?:`)?(sweep|explain|dry-run|retry|pause|resume|prune|forget|stats)\b", text_of(page)
    ):
        assert name in {"sweep", "retry", "pause", "resume", "stats"}


def test_the_fixture_is_that_of_the_code():
    documented = section("testing.md", "The fixture `audit_outbox`")
    assert set(named_in(documented)) == public(AuditOutbox)
    for row in table(documented):
        signature = _CODE.search(row[0])[1]
        name, _, arguments = signature.partition("(")
        actual = inspect.signature(getattr(AuditOutbox, name)).parameters.values()
        plain = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in actual][1:]
        assert str(inspect.Signature(plain)) == f"({arguments}", name


def test_sent_emails_are_those_of_the_code():
    documented = set(named_in(section("testing.md", "`SentEmail`")))
    assert documented == public(SentEmail) | {"content", "source", *_OF_OUTGOING}


def test_outgoing_emails_are_those_of_the_code():
    documented = set(_CODE.findall(section("testing.md", "`OutgoingEmail`"))) - {"waiting()"}
    assert documented == public(OutgoingEmail) | _OF_OUTGOING


def test_the_criteria_are_those_of_the_code():
    documented = named_in(section("testing.md", "Criteria"))
    assert documented == list(Criteria.__annotations__)


def test_the_words_for_why_not_are_those_of_the_code():
    documented = {word.strip('"') for word in named_in(section("testing.md", "Why not"))}
    assert documented == REASONS - set(SkipReason.values)


# Figures in prose


def test_figures_in_prose_are_the_codes():
    delivery, architecture = (
        text_of(DOCS / "explanation" / name) for name in ("delivery.md", "architecture.md")
    )
    assert f"up to {BATCH} messages" in delivery
    assert f"one portion of {routing.CHUNK}" in architecture
    pauses = [RetryPolicy(jitter=0).pause(attempt) for attempt in range(1, RetryPolicy().max_attempts)]
    minutes = [str(pause // timedelta(minutes=1)) for pause in pauses]
    assert f"after {', '.join(minutes[:-1])} and {minutes[-1]} minutes" in delivery


def source_of_checks():
    # A part that is about one package has its checks beside it.
    folders = (Path(checks.__file__).parent, Path(contrib.__file__).parent)
    paths = [path for folder in folders for path in sorted(folder.glob("*.py"))]
    return "".join(path.read_text(encoding="utf-8") for path in paths)


def test_the_hint_of_a_wrong_setting_leads_to_its_page():
    hint = re.search(r'hint="See (docs/[\w/.-]+)\."', source_of_checks())
    assert (DOCS.parent / hint[1]).exists()
    assert slugify("Settings") in text_of(DOCS.parent / hint[1]).lower()


@pytest.mark.parametrize(
    ("source", "page"), [("emails.py", "reference/emails.md"), ("testing/__init__.py", "how-to/test-mail.md")]
)
def test_pages_that_docstrings_name_are_there(source, page):
    assert f"docs/{page}" in (Path(notifyaudit.__file__).parent / source).read_text(encoding="utf-8")
    assert (DOCS / page).exists()


def test_layers_are_those_of_the_contract():
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {contract["id"]: contract for contract in pyproject["tool"]["importlinter"]["contracts"]}
    layer_of = {
        module: number
        for number, layer in enumerate(contracts["layers"]["layers"])
        for module in layer.split(" | ")
    }
    body = text_of(DOCS / "explanation" / "architecture.md").partition("## The layers")[2]
    documented = [name for row in table(body) for name in _CODE.findall(row[1])]
    assert sorted(documented) == sorted(layer_of)
    assert [layer_of[name] for name in documented] == sorted(layer_of.values())


def test_commands_of_make_are_those_of_the_makefile():
    targets = set(
        re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    for page in pages():
        for name in re.findall(r"(?:`|\$ )make ([a-z]+)", text_of(page)):
            assert name in targets, f"{page.name}: make {name}"
    for name in targets - {"help", "clean", "serve"}:
        assert f"$ make {name} " in text_of(ROOT / "CONTRIBUTING.md"), name


# Sources


def test_sources_are_described_as_they_are():
    assert set(named_in(section("sources.md", "The class `Source`"))) == public(Source) | {"rules"}
    assert set(named_in(section("sources.md", "`Seen`"))) == public(Seen)
