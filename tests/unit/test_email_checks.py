"""What manage.py check says of email classes, without a database: their templates, attributes and making."""

from abc import ABC, abstractmethod

import pytest
from django.core.checks import run_checks
from jinja2 import DictLoader, Environment, ModuleLoader

from notifyaudit import AuditEmail, DigestEmail, Frequency
from notifyaudit.checks.templates import faults_of
from notifyaudit.exceptions import ConfigurationError
from tests.integration.kinds import email_kind


def found():
    """Which, and with which words."""
    return [(each.id, f"{each.msg} {each.hint}") for each in run_checks(tags=["notifyaudit"])]


@pytest.fixture
def templates(settings, tmp_path):
    """A function that writes templates, of Django's engine as ``name`` and of Jinja2 as ``jinja/name``."""
    settings.TEMPLATES = [
        *({**engine, "DIRS": [tmp_path / "django", *engine["DIRS"]]} for engine in settings.TEMPLATES[:1]),
        {**settings.TEMPLATES[1], "DIRS": [tmp_path / "jinja2", *settings.TEMPLATES[1]["DIRS"]]},
    ]

    def write(**sources):
        for name, source in sources.items():
            for directory in ("django", "jinja2"):
                path = tmp_path / directory / f"{name}.html"
                path.parent.mkdir(exist_ok=True)
                if name.startswith("j_") == (directory == "jinja2"):
                    path.write_text(source)

    return write


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        ({"a": "{% extends 'b.html' %}"}, "the template 'b.html', which 'a.html' extends, does not exist."),
        (
            {"a": "{% extends 'b.html' %}{% block x %}{% include 'c.html' %}{% endblock %}", "b": ""},
            "'c.html', which 'a.html' includes, does not exist.",
        ),
        (
            {"a": "{% for x in y %}{% if x %}{% include 'b.html' %}{% endif %}{% endfor %}", "b": "{% if %}"},
            "'b.html', which 'a.html' includes, does not compile: ",
        ),
        (
            {"a": "{% include 'b.html' %}", "b": "{% extends 'c.html' %}"},
            "'c.html', which 'b.html' extends, does not exist",
        ),
        ({"j_a": "{% extends 'j_b.html' %}"}, "'j_b.html', which 'j_a.html' extends, does not exist."),
        (
            {"j_a": "{% if x %}{% include 'j_b.html' %}{% endif %}", "j_b": "{{ x|nothing }}"},
            "'j_b.html', which 'j_a.html' includes, does not compile: No filter named 'nothing' (line 1)",
        ),
        ({"j_a": "{% from 'j_b.html' import m %}"}, "'j_b.html', which 'j_a.html' imports, does not exist."),
        (
            {"j_a": "{% include ['j_b.html', 'j_c.html'] %}"},
            "'j_b.html' or 'j_c.html', which 'j_a.html' includes",
        ),
    ],
)
def test_a_template_is_looked_at_with_all_that_it_is_made_of(templates, sources, words):
    templates(**sources)
    name = f"{next(iter(sources))}.html"
    for attributes in ({"template_name": name}, {"template_txt_name": name}):
        with email_kind(**attributes):
            ((identifier, text),) = found()
        assert identifier == "notifyaudit.E007"
        assert "FiledEmail: the template" in text
        assert words in text


@pytest.mark.parametrize(
    "sources",
    [
        {"a": "{% extends parent %}"},
        {"a": "{% include part %}{% include 'b.html' %}", "b": "{% include 'a.html' %}"},
        {"j_a": "{% extends parent %}"},
        {"j_a": "{% include 'j_b.html' ignore missing %}{% include ['j_b.html', 'j_c.html'] %}", "j_c": "x"},
        {"j_a": "{% include part %}{% include [part, 'j_b.html'] %}{% include 'j_a.html' %}"},
        {"j_a": "{% include 5 %}"},
    ],
)
def test_names_that_only_the_mail_knows_are_left_alone(templates, sources):
    templates(**sources)
    with email_kind(template_name=f"{next(iter(sources))}.html"):
        assert found() == []


def test_compiled_templates_without_their_source_are_left_alone(settings, tmp_path):
    templates = DictLoader({"a.html": "{% extends 'b.html' %}"})
    Environment(loader=templates, autoescape=True).compile_templates(tmp_path, zip=None)
    options = {"loader": ModuleLoader(tmp_path)}
    settings.TEMPLATES = [{"BACKEND": "django.template.backends.jinja2.Jinja2", "OPTIONS": options}]
    assert list(faults_of("a.html")) == []


def test_the_librarys_own_templates_are_whole():
    with email_kind(bases=(DigestEmail,), actions=[], template_name="notifyaudit/digest.html"):
        assert found() == []


def init(self, building, recipient_email_list=None):
    pass


def failing_init(self, **options):
    raise LookupError("no settings")


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"__init__": init}, "TypeError"),
        ({"__init__": failing_init}, "LookupError: no settings"),
        ({"bases": (DigestEmail,), "__init__": init}, "missing 1 required positional argument: 'building'"),
    ],
)
def test_a_class_that_cannot_be_made(attributes, words):
    with email_kind(**attributes):
        ((identifier, text),) = found()
    assert identifier == "notifyaudit.E013"
    assert "FiledEmail cannot be instantiated" in text
    assert words in text
    assert "recipient_email_list=[address] alone" in text


def test_a_class_with_what_is_abstract():
    with email_kind(bases=(ABC, DigestEmail), subject_of=abstractmethod(lambda self: "")):
        ((identifier, text),) = found()
    assert (identifier, "abstract" in text) == ("notifyaudit.E013", True)


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("template_txt", "a.txt", "template_txt_name"),
        ("default_frequence", Frequency.DAILY, "default_frequency"),
        ("subject_prefix", "Site", "SUBJECT_PREFIX"),
        ("mandatry", True, "mandatory"),
        ("attachments_list", [], "attachment_list"),
    ],
)
def test_an_attribute_that_nobody_reads(name, value, right):
    with email_kind(**{name: value}):
        ((identifier, text),) = found()
    assert identifier == "notifyaudit.W007"
    assert f"FiledEmail.{name} is nothing" in text
    assert f"Did you mean {right!r}?" in text


def test_a_base_is_looked_at_too():
    class BaseEmail(AuditEmail):
        action = ["document.filed"]

    ((identifier, text),) = found()
    assert (identifier, "BaseEmail.action" in text) == ("notifyaudit.W007", True)


def test_attributes_of_a_project_are_its_own():
    class OwnEmail(AuditEmail):
        labels = ["a"]  # of another type than "label"
        template_txt: str = "annotated"
        building = None
        _subject = "x"

        def get_recipient(self):
            return self.action

        @property
        def action(self):
            return self.event.action

    assert found() == []


def test_a_mandatory_digest_is_refused_with_the_fix():
    with pytest.raises(ConfigurationError, match=r"cannot have another default_frequency\. Remove that"):

        class OwnEmail(AuditEmail):
            mandatory = True
            default_frequency = Frequency.DAILY
