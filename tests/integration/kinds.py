"""Email classes made for one test, forgotten after it."""

from contextlib import contextmanager

from notifyaudit import AuditEmail
from notifyaudit.registry import emails
from tests.testapp.actions import DocumentAction


@contextmanager
def email_kind(recipients=(), **attributes):
    """
    A new ``AuditEmail`` subclass about filed documents, known inside the block.

    ``recipients``: what ``get_recipients()`` returns, or a function of the event.
    """

    def get_recipients(cls, event):
        return recipients(event) if callable(recipients) else recipients

    defaults = {
        "actions": [DocumentAction.FILED],
        "subject": "Filed",
        "template_name": "testapp/plain.html",
        "key": "test.kind",
        "get_recipients": classmethod(get_recipients),
    }
    bases = attributes.pop("bases", (AuditEmail,))
    if bases != (AuditEmail,):  # it has a subject and a template of its own
        defaults = {name: defaults[name] for name in ("actions", "key")}
    with emails.isolated():
        yield type(
            attributes.pop("name", "FiledEmail"), bases, {**defaults, **attributes, "__module__": __name__}
        )
