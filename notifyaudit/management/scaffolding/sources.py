"""The words of a new email class, its templates and its test."""

import json
from dataclasses import dataclass
from string import Template
from textwrap import shorten

_TITLE = 50

_CLASS = Template('''\
class $name(AuditEmail):
    """$title: who is told, and what."""

    actions = [$action]
    subject = $subject
    template_name = "$html"
    template_txt_name = "$text"

    @classmethod
    def get_recipients(cls, event: AuditEvent) -> Iterable[Any]:
        """Name users, plain addresses, or both. Whoever subscribes is told as well."""
        return []

    @classmethod
    def preview(cls) -> AuditEmail:
        """Make up what the previews show and lint_emails() reads."""
        return cls.sample($sample)
''')

_PYTEST = Template('''\
"""What $name tells, and whom."""

$imports
test_$snake = lint_emails(classes=[$name])


def test_${snake}_reaches_who_wants_it(audit_outbox: AuditOutbox) -> None:
    subscribe("reader@example.com", $name)
    record($action)
    email = audit_outbox.one($name, to="reader@example.com")
    email.assert_subject($title)
''')

_UNITTEST = Template('''\
"""What $name tells, and whom."""

$imports

class ${name}Test(AuditOutboxMixin, EmailLintMixin, TestCase):
    """Each mail is whole, in every language, and reaches who wants it."""

    linter = Linter(classes=[$name])

    def test_it_reaches_who_wants_it(self) -> None:
        """Tell whoever has subscribed, also where nobody names them."""
        subscribe("reader@example.com", $name)
        record($action)
        email = self.audit_outbox.one($name, to="reader@example.com")
        email.assert_subject($title)
''')

_HTML = """\
{% extends "notifyaudit/email.html" %}
{% block heading %}@TITLE@{% if event.target_repr %}: {{ event.target_repr }}{% endif %}{% endblock %}
{% block content %}
  {% if event.actor_repr %}<p>By {{ event.actor_repr }}.</p>{% endif %}
  {% include "notifyaudit/changes.html" %}
{% endblock %}
"""

_TEXT = """\
@TITLE@{% if event.target_repr %}: {{ event.target_repr }}{% endif %}

{% for change in @CHANGES@ %}{{ change.label }}: {{ change.old_label }} → {{ change.new_label }}
{% endfor %}{% if changes %}
{% endif %}{{ layout.because }}
{% if unsubscribe_url %}{{ layout.unsubscribe_label }}: {{ unsubscribe_url }}
{% endif %}{% if preferences_url %}{{ layout.preferences_label }}: {{ preferences_url }}
{% endif %}"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """
    Args:
        name: of the class.
        snake: the same as a part of names of files and functions.
        module: where the class stands.
        title: what happened, in words.
        action: how code names the action.
        action_import: ``(module, name)`` of that; ``None``: it is a text.
        model_import: of the model that the action is about, if there is one.
        sample: the arguments of the preview.
        html: the name of the HTML template.
        text: of the text template.
        is_jinja: whether they are for Jinja2.
    """

    name: str
    snake: str
    module: str
    title: str
    action: str
    action_import: tuple[str, str] | None
    model_import: tuple[str, str] | None
    sample: str
    html: str
    text: str
    is_jinja: bool

    def imports_of_class(self) -> list[tuple[str, str]]:
        """What the class needs."""
        found = [
            ("collections.abc", "Iterable"),
            ("typing", "Any"),
            ("notifyaudit", "AuditEmail"),
            ("notifyaudit.models", "AuditEvent"),
        ]
        return [*found, *(each for each in (self.action_import, self.model_import) if each)]

    def class_source(self) -> str:
        """The class."""
        about = "{% if target %}: {{ target }}{% endif %}" if self.model_import else ""
        return _CLASS.substitute(
            self._all(), subject=_text(_plain(self.title) + about), title=_plain(self.title)
        )

    def imports_of_test(self, *, style: str) -> list[tuple[str, str]]:
        """What the test needs, which is in ``"pytest"`` or ``"unittest"`` style."""
        testing = {
            "pytest": [("notifyaudit.testing", "AuditOutbox"), ("notifyaudit.testing", "lint_emails")],
            "unittest": [
                ("django.test", "TestCase"),
                *(("notifyaudit.testing", name) for name in ("AuditOutboxMixin", "EmailLintMixin", "Linter")),
            ],
        }[style]
        found = [("notifyaudit", "record"), ("notifyaudit", "subscribe"), *testing, (self.module, self.name)]
        return [*found, *([self.action_import] if self.action_import else [])]

    def test_source(self, imports: str, *, style: str) -> str:
        """The test, behind these imports."""
        template = _PYTEST if style == "pytest" else _UNITTEST
        return template.substitute(self._all(), imports=imports, title=_text(_plain(self.title)))

    def html_source(self) -> str:
        """The HTML template, on the library's layout."""
        return _HTML.replace("@TITLE@", _plain(self.title))

    def text_source(self) -> str:
        """The text template."""
        changes = "changes.values()" if self.is_jinja else "changes.values"
        return _TEXT.replace("@TITLE@", _plain(self.title)).replace("@CHANGES@", changes)

    def _all(self) -> dict[str, str]:
        return {
            "name": self.name,
            "snake": self.snake,
            "action": self.action,
            "sample": self.sample,
            "html": self.html,
            "text": self.text,
        }


def _plain(title: str) -> str:
    """A label as it can stand in a template, in a docstring, and with a name behind it in a subject."""
    return shorten(title.translate(str.maketrans("", "", '{}%<>&"\\\\')), _TITLE, placeholder="…")


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
