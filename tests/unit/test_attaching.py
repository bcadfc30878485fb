"""What an email class may attach, and when it is read."""

import io
from email import policy
from email.parser import BytesParser
from pathlib import Path

import pytest
from django.core.files import File
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage
from django_pony_express.errors import EmailServiceAttachmentError

from notifyaudit.attaching import Attachment, attachments_of
from notifyaudit.compat import serialise
from notifyaudit.illustrated import IllustratedMessage

PIXEL = bytes.fromhex("89504e470d0a1a0a")


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "plan.pdf"
    path.write_bytes(b"%PDF")
    return path


@pytest.fixture
def stored():
    storage = InMemoryStorage()
    storage.save("drawings/plan.pdf", ContentFile(b"%PDF"))
    return storage.open("drawings/plan.pdf")


def wire(*attachments, html='<p>Hello <img src="cid:logo" alt="Logo"></p>'):
    """The mail as its reader's program parses it."""
    message = IllustratedMessage("Plan", "Hello", "a@x.example", ["b@x.example"])
    if html:
        message.attach_alternative(html, "text/html")
    for attachment in attachments_of(attachments, of="PlanEmail"):
        attachment.join(message)
    return BytesParser(policy=policy.default).parsebytes(serialise(message))


def shape(part):
    if not part.is_multipart():
        return part.get_content_type()
    return {part.get_content_type(): [shape(each) for each in part.iter_parts()]}


@pytest.mark.parametrize(
    "declare",
    [
        lambda path, stored: str(path),
        lambda path, stored: path,
        lambda path, stored: stored,
        lambda path, stored: {"file": path},
        lambda path, stored: {"file": stored},
        lambda path, stored: {"filename": "plan.pdf", "file": b"%PDF"},
        lambda path, stored: {"filename": "plan.pdf", "file": "%PDF", "mimetype": None},
        lambda path, stored: {"filename": "plan.pdf", "file": lambda: b"%PDF"},
        lambda path, stored: {"filename": "plan.pdf", "file": lambda: path},
        lambda path, stored: {"filename": "plan.pdf", "file": lambda: stored},
        lambda path, stored: {"filename": "plan.pdf", "file": memoryview(b"%PDF")},
    ],
)
def test_a_file_is_attached_whatever_it_comes_from(path, stored, declare):
    [part] = wire(declare(path, stored)).iter_attachments()
    assert part.get_filename() == "plan.pdf"
    assert (part.get_content_type(), part.get_content()) == ("application/pdf", b"%PDF")


def test_a_file_is_read_from_its_beginning_each_time_and_left_as_it_was(stored):
    opened = File(io.BytesIO(b"%PDF"), name="plan.pdf")
    opened.read()
    attachments = [Attachment.of(stored), Attachment.of(opened)]
    for _ in range(2):
        assert [each.read() for each in attachments] == [b"%PDF", b"%PDF"]
    assert not opened.closed


def test_nothing_is_read_or_made_until_the_mail_is():
    asked = []
    [attachment] = attachments_of(
        [{"filename": "plan.pdf", "file": lambda: asked.append(1) or b"%PDF"}], of="PlanEmail"
    )
    assert (attachment.filename, attachment.mimetype) == ("plan.pdf", "application/pdf")
    assert not asked
    attachment.join(IllustratedMessage())
    assert asked == [1]


@pytest.mark.parametrize(
    ("declared", "problem"),
    [
        ({"file": b"x"}, "an attachment has no 'filename'"),
        ({"filename": "x.pdf"}, "an attachment has no 'file'"),
        ({"filename": "x.pdf", "file": b"x", "mime": "a/b"}, "an attachment has no 'mime'"),
        ({"filename": "x.pdf", "file": b"x", "mimetype": "pdf"}, "the mimetype 'pdf' is not like"),
        ({"filename": "x.png", "file": b"x", "cid": "a b"}, "the cid 'a b' has characters other than"),
        (7, "an attachment is a path, a file of a storage, or a dict of 'filename' and 'file', not int"),
        (b"%PDF", "not bytes"),
    ],
)
def test_what_is_no_attachment_is_refused_with_its_owner(declared, problem):
    with pytest.raises(EmailServiceAttachmentError) as raised:
        attachments_of([declared], of="PlanEmail")
    assert str(raised.value).startswith("PlanEmail.get_attachments(): ")
    assert problem in str(raised.value)


def test_a_content_of_another_kind_is_refused_when_it_is_read():
    with pytest.raises(EmailServiceAttachmentError, match="not int"):
        Attachment.of({"filename": "x.pdf", "file": lambda: 7}).read()


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(FileNotFoundError, match=r"nowhere\.pdf"):
        Attachment.of(Path("nowhere.pdf")).read()


class TestImages:
    LOGO = {"cid": "logo", "filename": "logo.png", "file": PIXEL}

    def test_stand_with_the_html_that_shows_them(self):
        mail = wire(self.LOGO)
        assert shape(mail) == {
            "multipart/alternative": ["text/plain", {"multipart/related": ["text/html", "image/png"]}]
        }
        related = next(each for each in mail.walk() if each.get_content_type() == "multipart/related")
        assert related.get_param("type") == "text/html"
        *_, image = related.iter_parts()
        assert image["Content-ID"] == "<logo>"
        assert image.get_content_disposition() == "inline"
        assert (image.get_filename(), image.get_content()) == ("logo.png", PIXEL)

    def test_are_not_among_the_files(self):
        mail = wire({"filename": "plan.pdf", "file": b"%PDF"}, self.LOGO)
        assert shape(mail) == {
            "multipart/mixed": [
                {"multipart/alternative": ["text/plain", {"multipart/related": ["text/html", "image/png"]}]},
                "application/pdf",
            ]
        }
        assert [part.get_filename() for part in mail.iter_attachments()] == ["plan.pdf"]

    def test_of_a_mail_without_html_are_files(self):
        assert shape(wire(self.LOGO, html="")) == {"multipart/mixed": ["text/plain", "image/png"]}

    def test_without_them_a_mail_is_as_django_makes_it(self):
        assert shape(wire()) == {"multipart/alternative": ["text/plain", "text/html"]}

    def test_have_a_name_of_one_line(self):
        mail = wire({**self.LOGO, "filename": "logo.png\r\nBcc: x@x.example"})
        assert mail["Bcc"] is None
        [image] = [each for each in mail.walk() if each["Content-ID"]]
        assert image.get_filename() == "logo.png Bcc: x@x.example"

    @pytest.mark.parametrize("cid", ["a\r\nBcc: x@x.example", "<a>", "a b", "ä"])
    def test_have_no_name_that_is_a_header(self, cid):
        with pytest.raises(EmailServiceAttachmentError):
            Attachment.of({**self.LOGO, "cid": cid})
