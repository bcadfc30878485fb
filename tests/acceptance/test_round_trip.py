"""
What somebody means is what their mail says: whatever subject, names, changes and files an event has, Python's
own parser reads the same from the bytes that reached an SMTP server.
"""

import email
import email.policy
from email.header import decode_header, make_header
from email.utils import parseaddr

import pytest
from bs4 import BeautifulSoup
from django.test import override_settings
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from example_site.settings.mail import smtp
from notifyaudit import AuditEmail, record
from notifyaudit.registry import emails
from notifyaudit.routing import route_pending
from notifyaudit.sending import send_due
from notifyaudit.transport import close_kept
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Document, Folder

pytestmark = pytest.mark.django_db


def texts(max_size, exclude=""):
    # What stands for a line end or is no text at all is mended: tests/integration/test_bad_input.py.
    characters = st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters=exclude)
    text = st.text(characters, min_size=1, max_size=max_size)
    return text.filter(lambda text: "=?" not in text and text.strip())


# Words, as people write them, so that long headers are folded between and within them.
sentences = st.lists(texts(90), min_size=1, max_size=12).map(" ".join)
many = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def read(text):
    """As it is read: how many spaces there are between words is nobody's meaning."""
    return " ".join(text.split())


@pytest.fixture
def arrives(server, db, settings, tmp_path):
    """A function that records an event, sends the mail of a class, and parses what the server has got."""
    (tmp_path / "round.html").write_text(
        '<html lang="en"><p><img src="cid:logo" alt=""></p><table>'
        "{% for change in changes.values %}<tr><th scope='row'>{{ change.label }}</th>"
        "<td>{{ change.old_label }}</td><td>{{ change.new_label }}</td></tr>{% endfor %}</table></html>"
    )
    (tmp_path / "round.txt").write_text(
        "{% for change in changes.values %}{{ change.old_label }}\n{{ change.new_label }}\n{% endfor %}."
    )
    settings.TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [tmp_path]}]

    def arrives(changes=None, **attributes):
        folder = Folder.objects.create(name="Inner")
        document = Document.objects.create(title="Plan A", folder=folder)
        defaults = {
            "actions": [DocumentAction.FILED],
            "key": "test.round",
            "subject": "Filed",
            "template_name": "round.html",
            "template_txt_name": "round.txt",
            "get_recipients": classmethod(lambda cls, event: ["reader@x.example"]),
        }
        with emails.isolated(), override_settings(**smtp(host="127.0.0.1", port=server.port)):
            type("RoundEmail", (AuditEmail,), {**defaults, **attributes, "__module__": __name__})
            record(DocumentAction.FILED, target=document, changes=changes, actor=attributes.get("actor"))
            route_pending()
            assert send_due() == {"sent": 1}
            close_kept()
        source = server.next_mail()["content"].encode("latin-1")
        mail = email.message_from_bytes(source, policy=email.policy.default)
        mail.source = source
        return mail

    return arrives


def returning(value):
    return lambda self: value


@many
@given(subject=sentences)
def test_the_subject(arrives, subject):
    assert read(arrives(get_subject=returning(subject))["Subject"]) == read(subject)


@many
@given(name=texts(60))
@example(name="Überprüfung der Gebäude der Stadt Südlohn und der Gemeinde Höhr-Grenzhausen")
@example(name="建物検査" * 15)
def test_a_name_before_an_address(arrives, name):
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    mail = arrives(get_reply_to_emails=returning([f'"{quoted}" <named@x.example>']))
    assert [each.addr_spec for each in mail["Reply-To"].addresses] == ["named@x.example"]
    # Python's newer parser puts a space into a long name (python/cpython#128110); its older one does not.
    raw = email.message_from_bytes(mail.source, policy=email.policy.compat32)["Reply-To"]
    called, address = parseaddr(raw)
    assert (read(str(make_header(decode_header(called)))), address) == (read(name), "named@x.example")


@many
@given(old=sentences, new=sentences)
def test_the_changes_in_both_parts(arrives, old, new):
    mail = arrives(changes={"title": (old, new)})
    html = BeautifulSoup(mail.get_body(["html"]).get_content(), "html.parser")
    assert [read(cell.get_text()) for cell in html.select("td")] == [read(old), read(new)]
    assert read(mail.get_body(["plain"]).get_content()) == read(f"{old} {new} .")


@many
@given(
    stem=texts(60, exclude="/\\"),
    content=st.one_of(st.binary(max_size=3000), st.just(b"\r\n.\r\n\n.\n"), st.just(b"\xff" * 998)),
    image=st.binary(min_size=1, max_size=500),
)
def test_the_files_and_the_images(arrives, stem, content, image):
    files = [
        {"filename": f"{stem}.bin", "file": content},
        {"cid": "logo", "filename": "logo.png", "file": lambda: image},
    ]
    mail = arrives(get_attachments=returning(files))
    [file] = mail.iter_attachments()
    assert (read(file.get_filename()), file.get_content()) == (read(f"{stem}.bin"), content)
    [shown] = [part for part in mail.walk() if part["Content-ID"] == "<logo>"]
    assert shown.get_content() == image


@many
@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=999))
def test_a_text_file_line_by_line(arrives, text):
    mail = arrives(get_attachments=returning([{"filename": "notes.txt", "file": text}]))
    [file] = mail.iter_attachments()
    # On its way each line ends in CRLF (RFC 2046, section 4.1.1).
    assert file.get_content().replace("\r\n", "\n").rstrip("\n") == text.rstrip("\n")
