"""
What no application means to mail and some user types: it is delivered to the one mailbox that is meant, with
its headers as they should be, or refused with an error in the ledger. Never does another mail suffer for it.
"""

import email
import email.policy
import re
from dataclasses import dataclass
from email.message import EmailMessage as ParsedMail

import django
import pytest
from django.db import connection
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from example_site.settings.mail import smtp
from notifyaudit import AuditEmail, audit_context, record, record_many
from notifyaudit.models import AuditEvent, Message, Notification
from notifyaudit.routing import route_pending
from notifyaudit.sending import send_due
from notifyaudit.transport import close_kept
from tests.integration.kinds import email_kind
from tests.testapp.actions import DocumentAction
from tests.testapp.models import Document, Shelf

pytestmark = pytest.mark.django_db

# What goes into the mail alone is put into it by the same code, whichever database keeps the ledger. What the
# ledger keeps (events, recipients, and errors that quote them) is tried on each.
of_the_mail_alone = pytest.mark.one_database

READER, INNOCENT = "reader@x.example", "innocent@x.example"

LINE_ENDS = [
    "\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"
]  # fmt: skip
SMUGGLED = "evil@x.example"
HOSTILE = [
    "a\0b",
    "lone \ud800 surrogate",
    "lone \udcff surrogate",
    *[f"a{end}Bcc: {SMUGGLED}" for end in LINE_ENDS],
    f"a\r\n\r\n.\r\nMAIL FROM:<{SMUGGLED}>\r\nRCPT TO:<{SMUGGLED}>\r\nDATA\r\n",
    f"a\n.\nMAIL FROM:<{SMUGGLED}>\nRCPT TO:<{SMUGGLED}>\n",
    f"=?utf-8?q?a=0D=0ABcc=3A_{SMUGGLED}?=",
    "=?utf-8?q?a=00=1B?= =?utf-8?b?DQpCY2M6IGV2aWxAeC5leGFtcGxl?=",
    "x" * 3000,
    "ü" * 3000,
    "many words " * 300,
    "\x1b[2J\x07\x7f",
    "\u202eright to left",
    "🙂",
    '"',
    "\\",
    "(",
    ":",
    f"<{SMUGGLED}>",
    f"{SMUGGLED},",
    f"group: {SMUGGLED};",
]
texts = st.text(
    alphabet=st.sampled_from([*'ab ü🙂"<>@,;:()\\=?_.\t\0\x1b\ud800\udcff\r\n', *LINE_ENDS[3:]]), max_size=30
)
few = settings(
    # The rules are the library's; the databases only have to keep what comes of them.
    max_examples=40 if connection.vendor == "sqlite" else 15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

HEADERS = {
    *("subject", "from", "to", "cc", "reply-to", "date", "message-id", "references", "in-reply-to"),
    *("auto-submitted", "content-language", "x-correlation-id", "x-own"),
    *("list-unsubscribe", "list-unsubscribe-post", "list-id"),
    *("mime-version", "content-type", "content-transfer-encoding"),
}
REFUSALS = ("InvalidAddress", "InvalidHeader", "EmailServiceConfigError", "Refused")


@dataclass
class Delivery:
    """What the ledger and the server say about one mail."""

    message: Message
    notification: Notification
    envelope: dict | None

    @property
    def is_sent(self):
        return self.message.status == "sent"

    @property
    def parsed(self) -> ParsedMail:
        return email.message_from_bytes(self.raw, policy=email.policy.default)

    @property
    def raw(self):
        return self.envelope["content"].encode("latin-1")


@pytest.fixture
def send(server):
    """
    A function that sends one mail to ``READER`` in one batch with an innocent one. What holds of every mail
    is asserted here.
    """

    def send(to=READER, *, copies=(), **attributes):
        details = {name: attributes.pop(name) for name in ("data", "actor", "target") if name in attributes}
        with (
            email_kind([to], key="bad", name="Bad", **attributes),
            email_kind([INNOCENT], key="good", name="Good", priority=-1),
        ):
            record(DocumentAction.FILED, **details)
            route_pending()
            outcomes = send_due()
        assert outcomes.total() == 2
        message = Message.objects.filter(email_key="bad").latest("pk")
        # The innocent one left last: what else was accepted is known by then.
        accepted = []
        while (mail := server.next_mail())["to"] != [INNOCENT]:
            accepted.append(mail)
        assert Message.objects.filter(email_key="good").latest("pk").status == "sent"
        delivery = Delivery(message, message.notifications.get(), accepted[0] if accepted else None)
        if delivery.is_sent:
            assert len(accepted) == 1
            assert accepted[0]["to"] == [to, *copies]
            assert_sound(delivery)
        else:
            assert not accepted
            assert (message.status, message.attempts) == ("failed", 1)
            assert message.last_error.startswith(REFUSALS)
        return delivery

    close_kept()
    with override_settings(**smtp(host="127.0.0.1", port=server.port)):
        yield send
    close_kept()


def assert_sound(delivery):
    raw, parsed = delivery.raw, delivery.parsed
    head = raw.partition(b"\r\n\r\n")[0]
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", raw)
    assert not re.search(rb"[^\t\r\n -~]", head)
    assert b"\0" not in raw
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    names = [name.lower() for name in parsed.keys()]  # noqa: SIM118 - twice what is there twice
    assert len(names) == len(set(names))
    assert set(names) <= HEADERS
    assert {"subject", "from", "to", "date", "message-id"} <= set(names)
    assert parsed["Message-ID"] == delivery.message.message_id
    assert not [part.defects for part in parsed.walk() if part.defects]


def is_too_long(delivery, text):
    """What cannot be folded into lines of 998 octets by Django before 6.0, the server refuses."""
    return (
        django.VERSION < (6, 0)
        and text in ("x" * 3000, "ü" * 3000)
        and delivery.message.status == "failed"
        and "500 Line too long" in delivery.message.last_error
    )


def returning(value):
    return lambda self: value


def with_note(note):
    def get_context_data(self):
        return {**AuditEmail.get_context_data(self), "data": {"note": note}}

    return get_context_data


def in_subject(send, text):
    return send(get_subject=returning(f"Plan {text}"))


def in_data(send, text):
    return send(data={"note": text}, subject="Plan {{ data.note }}")


def in_the_targets_name(send, text):
    document = Document.objects.create(title="Plan")
    document.title = text
    return send(target=document, subject="Plan {{ event.target_repr }}")


def in_the_actors_name(send, text):
    return send(actor=text, subject="Plan of {{ event.actor_repr }}")


def in_the_prefix(send, text):
    return send(SUBJECT_PREFIX=text, subject="Plan")


ON_ONE_LINE = [
    pytest.param(in_subject, marks=of_the_mail_alone),
    in_data,
    in_the_targets_name,
    in_the_actors_name,
    pytest.param(in_the_prefix, marks=of_the_mail_alone),
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:30])
@pytest.mark.parametrize("place", ON_ONE_LINE, ids=lambda place: place.__name__)
def test_in_a_subject_it_is_mended_and_delivered(send, place, text):
    delivery = place(send, text)
    if is_too_long(delivery, text):
        return
    assert delivery.is_sent
    assert "Plan" in delivery.parsed["Subject"]


@of_the_mail_alone
@few
@given(text=texts)
def test_in_a_subject_anything_is(send, text):
    assert in_subject(send, text).is_sent


def test_a_subject_keeps_what_was_meant(send):
    delivery = in_subject(send, "Tür\0 4\u2028\x1c(neu)\ud800 🙂")
    assert delivery.parsed["Subject"] == "Plan Tür\ufffd 4 (neu)\ufffd\ufffd\ufffd 🙂"


def a_header(text, send):
    return send(get_headers=returning({"X-Own": text}))


def a_file(text, send):
    attachment = {"filename": f"{text}.txt", "file": "the content", "mimetype": "text/plain"}
    return send(get_attachments=returning([attachment]))


def a_binary_file(text, send):
    return send(get_attachments=returning([{"filename": f"{text}.pdf", "file": b"%PDF\r\n.\r\n\n.\n"}]))


@of_the_mail_alone
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:30])
def test_in_a_header_it_is_mended_and_delivered(send, text):
    delivery = a_header(text, send)
    assert is_too_long(delivery, text) or delivery.parsed["X-Own"]


@of_the_mail_alone
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:30])
@pytest.mark.parametrize("place", [a_file, a_binary_file], ids=lambda place: place.__name__)
def test_in_the_name_of_a_file_it_is_mended_and_delivered(send, place, text):
    delivery = place(text, send)
    if is_too_long(delivery, text):
        return
    (part,) = delivery.parsed.iter_attachments()
    assert part.get_filename().endswith((".txt", ".pdf"))
    assert len(part.get_payload(decode=True)) > 10


@of_the_mail_alone
@few
@given(text=texts, place=st.sampled_from([a_header, a_file, a_binary_file]))
def test_in_a_header_or_the_name_of_a_file_anything_is(send, text, place):
    assert place(text, send).is_sent


@pytest.mark.parametrize(
    "headers",
    [
        {f"X-Own: 1\r\nBcc: {SMUGGLED}\r\nX-Two": "2"},
        {f"X-Own\nBcc: {SMUGGLED}": "2"},
        {"X Own": "1"},
        {"X-Own:": "1"},
        {"X-Öwn": "1"},
        {"": "1"},
        {"X-Own\0": "1"},
        {"Subject": "another"},
        {"subject": "another"},
        {"Bcc": SMUGGLED},
        {"Content-Type": "text/html"},
        {"MIME-Version": "2.0"},
        {"X-Own": "1", "x-own": "2"},
    ],
    ids=ascii,
)
def test_a_header_that_no_mail_can_have_is_refused(send, headers):
    delivery = send(get_headers=returning(headers))
    assert not delivery.is_sent
    assert delivery.message.last_error.startswith("InvalidHeader: The header ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("From", "Somebody <s@x.example>"),
        ("Reply-To", "r@x.example"),
        ("Date", "Sat, 21 Nov 2026 09:30:00 +0000"),
    ],
)
def test_a_header_that_a_mail_has_anyway_stays_one(send, name, value):
    delivery = send(get_headers=returning({name: value}), get_reply_to_emails=returning(["q@x.example"]))
    assert delivery.parsed.get_all(name) == [value]


def named(text):
    return f"{text} <named@x.example>"


def quoted(text):
    return f'"{text}" <named@x.example>'


def as_sender(send, address):
    return send(get_from_email=returning(address))


def as_reply_to(send, address):
    return send(get_reply_to_emails=returning([address]))


def as_copy(send, address):
    return send(get_cc_emails=returning([address]), copies=["named@x.example"])


def as_hidden_copy(send, address):
    return send(get_bcc_emails=returning([address]), copies=["named@x.example"])


PLACES = {"From": as_sender, "Reply-To": as_reply_to, "Cc": as_copy, "Bcc": as_hidden_copy}


def assert_it_names(delivery, name):
    """Whoever is named is that one mailbox, in the header and in the envelope; else nobody has the mail."""
    if not delivery.is_sent:
        return
    if name == "Bcc":
        assert "Bcc" not in delivery.parsed
        return
    (mailbox,) = delivery.parsed[name].addresses
    assert mailbox.addr_spec == "named@x.example"
    if name == "From":
        assert delivery.envelope["from"] == "named@x.example"


@of_the_mail_alone
@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("form", [named, quoted], ids=lambda form: form.__name__)
@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:30])
def test_in_a_display_name_it_changes_nobodys_address(send, name, form, text):
    assert_it_names(PLACES[name](send, form(text)), name)


@of_the_mail_alone
@few
@given(text=texts, name=st.sampled_from(list(PLACES)), form=st.sampled_from([named, quoted]))
def test_in_a_display_name_anything_changes_nobodys_address(send, text, name, form):
    assert_it_names(PLACES[name](send, form(text)), name)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Tür & Tor", "Tür & Tor"),
        ("Dr. Boss", "Dr. Boss"),
        ("boss@x.example", "boss@x.example"),
        ("Boss: the second", "Boss: the second"),
        ('"Boss, the second"', "Boss, the second"),
        ("Boss\0\r\n the second", "Boss\ufffd the second"),
        ("A\u2028B", "A B"),
    ],
)
@pytest.mark.parametrize("name", ["From", "Reply-To"])
def test_a_display_name_keeps_what_was_meant(send, name, written, shown):
    delivery = PLACES[name](send, named(written))
    (mailbox,) = delivery.parsed[name].addresses
    assert (mailbox.display_name.replace("  ", " "), mailbox.addr_spec) == (shown, "named@x.example")


ONE_MAILBOX = [
    "o'brien@x.example",
    "a.b+c@sub.x.example",
    "j/{}|`?^=~#$*&@x.example",
    '"a@b"@x.example',
    '"\\""@x.example',
    "-@x.example",
    "j@[127.0.0.1]",
    "j@localhost",
    "j@xn--bcher-kva.example",
    "J@X.EXAMPLE",
]
NO_MAILBOX = [
    "",
    "nobody",
    "a@b@c",
    '"Doe, J" <j@x.example>',
    "j@x.example\n",
    "j@x.example ",
    " j@x.example",
    "j@x.example\0",
    "\0j@x.example",
    "j@x.example\u2028",
    "j@x.example\x85",
    "j\ud800@x.example",
    "j@x\udcff.example",
    f"j@x.example\r\nBcc: {SMUGGLED}",
    f"a@x.example,{SMUGGLED}",
    f"a@x.example {SMUGGLED}",
    f"a@x.example;{SMUGGLED}",
    f"group:{SMUGGLED};",
    "j@x.example> SIZE=1",
    f"j@x.example>\r\nRCPT TO:<{SMUGGLED}",
    "jö@x.example",
    '"a\x01b"@x.example',
    '"a b"@x.example',
    "j..d@x.example",
    f"j@{'ü' * 60}.example",
    "j@x\u200d.example",
]


@pytest.mark.parametrize("address", ONE_MAILBOX)
def test_a_strange_address_is_delivered_to_exactly_that_mailbox(send, address):
    delivery = send(address)
    assert delivery.is_sent
    (mailbox,) = delivery.parsed["To"].addresses
    assert mailbox.addr_spec == address


@pytest.mark.usefixtures("send")
@pytest.mark.parametrize(
    ("address", "mailbox"),
    [
        ("j@bücher.example", "j@xn--bcher-kva.example"),
        ("j@BÜCHER.example", "j@xn--bcher-kva.example"),
        ("j@bu\u0308cher.example", "j@xn--bcher-kva.example"),
        # Not that of strasse.example, as Python has it.
        ("j@straße.example", "j@xn--strae-oqa.example"),
        ("j@STRAẞE.bücher.example", "j@xn--strae-oqa.xn--bcher-kva.example"),
        ("j@ας.example", "j@xn--mxa8a.example"),
    ],
)
def test_a_domain_in_any_script_is_delivered_to_its_ascii_form(server, address, mailbox):
    with email_kind([address], get_reply_to_emails=returning([f"J <{address}>"])):
        record(DocumentAction.FILED)
        route_pending()
        assert send_due() == {"sent": 1}
    mail = server.next_mail()
    assert mail["to"] == [mailbox]
    assert f"\r\nTo: {mailbox}\r\n" in mail["content"]
    assert f"\r\nReply-To: J <{mailbox}>\r\n" in mail["content"]


@pytest.mark.parametrize("address", NO_MAILBOX, ids=ascii)
def test_what_is_no_mailbox_gets_no_mail_and_the_ledger_says_why(send, address):
    delivery = send(address)
    assert delivery.notification.skip_reason == "invalid_address"
    assert delivery.message.last_error.startswith("InvalidAddress: ")


@few
@given(text=texts)
def test_a_recipient_is_who_was_given_or_nobody(send, text):
    for address in (text, f"{text}@x.example", f"a@{text}.example"):
        # send() compares the envelope with it. Domains in other scripts are tried above.
        if address.rpartition("@")[2].isascii():
            send(address)


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize(
    "address",
    [
        address
        for address in NO_MAILBOX
        if address not in ("", "nobody", "j@x.example\x85", "j@x.example\u2028")
    ],
    ids=ascii,
)
def test_others_than_the_recipient_are_one_mailbox_or_the_mail_is_refused(send, name, address):
    delivery = PLACES[name](send, address) if name in ("From", "Reply-To") else None
    if delivery is None:
        copies = {"Cc": "get_cc_emails", "Bcc": "get_bcc_emails"}[name]
        delivery = send(copies=["j@x.example"], **{copies: returning([address])})
    if delivery.is_sent and name in ("From", "Reply-To"):
        (mailbox,) = delivery.parsed[name].addresses
        assert mailbox.addr_spec in address


@of_the_mail_alone
class TestABody:
    @pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:30])
    def test_is_mended_and_delivered(self, send, text):
        delivery = send(get_context_data=with_note(f"begin {text} end"))
        assert delivery.is_sent
        for kind in ("plain", "html"):
            shown = " ".join(delivery.parsed.get_body([kind]).get_content().split())
            assert "begin" in shown
            assert "end" in shown

    @few
    @given(text=texts)
    def test_of_anything_is_delivered(self, send, text):
        assert send(get_context_data=with_note(text)).is_sent

    @pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
    def test_holds_no_command_to_the_server(self, send, end):
        lines = [
            "first",
            ".",
            f"MAIL FROM:<{SMUGGLED}>",
            f"RCPT TO:<{SMUGGLED}>",
            "DATA",
            "..",
            ".",
            "QUIT",
            "last",
        ]

        def build(self):
            content = AuditEmail.build(self)
            content.body = end.join(lines)
            return content

        body = send(build=build).parsed.get_body(["plain"]).get_content()
        assert body.split() == [word for line in lines for word in line.split()]

    @pytest.mark.parametrize("word", ["x", "ü", "🙂"])
    def test_without_a_line_end_is_delivered_whole(self, send, word):
        delivery = send(get_context_data=with_note(word * 20_000))
        for kind in ("plain", "html"):
            assert word * 20_000 in re.sub(r"\r?\n", "", delivery.parsed.get_body([kind]).get_content())

    def test_of_five_megabytes_is_delivered_whole(self, send):
        line = "Ünfug und mehr davon, Zeile für Zeile. "
        delivery = send(get_context_data=with_note(line * (5_000_000 // len(line.encode()))))
        assert len(delivery.raw) > 10_000_000
        assert delivery.parsed.get_body(["plain"]).get_content().count("Ünfug") == 5_000_000 // len(
            line.encode()
        )


def test_a_message_that_the_application_builds_is_screened_too(send):
    def build(self):
        content = AuditEmail.build(self)
        content.subject = f"x\r\nBcc: {SMUGGLED}"
        content.cc = [f"Name: {SMUGGLED} <named@x.example>"]
        return content

    delivery = send(build=build, copies=["named@x.example"])
    (copy,) = delivery.parsed["Cc"].addresses
    assert copy.addr_spec == "named@x.example"
    assert delivery.parsed["Subject"] == f"x Bcc: {SMUGGLED}"


def test_what_is_refused_is_not_logged(send, caplog):
    send(get_from_email=returning("secret person, <s@x.example>"))
    assert "cannot be sent: InvalidHeader" in caplog.text
    assert "secret person" not in caplog.text


class TestRecord:
    @few
    @given(text=texts)
    def test_keeps_a_readable_form_of_any_text(self, text):
        with audit_context(correlation_id=text or "x", metadata={text: text}):
            event = record(
                DocumentAction.FILED, actor=text, data={text: [text]}, changes={text or "x": (text, None)}
            )
        stored = AuditEvent.objects.get(pk=event.pk)
        readable = re.sub("[\0\ud800-\udfff]+", "\ufffd", text)
        for kept in (stored.actor_repr, *stored.data, stored.data[next(iter(stored.data))][0]):
            assert re.sub("\ufffd+", "\ufffd", kept) == readable

    @pytest.mark.parametrize("name", ["idempotency_key", "source", "source_ref"])
    @pytest.mark.parametrize("key", ["import-7\0", "import-\ud800"], ids=ascii)
    @pytest.mark.parametrize(
        "call", [record, lambda action, **item: record_many([{"action": action, **item}])]
    )
    def test_refuses_a_key_that_no_database_keeps_and_leaves_the_transaction_usable(self, call, name, key):
        with pytest.raises(ValueError, match=f"{name} holds NUL or a lone surrogate"):
            call(DocumentAction.FILED, **{name: key})
        assert not connection.needs_rollback
        assert not AuditEvent.objects.exists()
        record(DocumentAction.FILED)
        assert AuditEvent.objects.count() == 1

    def test_refuses_a_target_by_whose_key_nobody_could_find_it(self):
        shelf = Shelf(code="a\0b")
        shelf._state.adding, shelf._state.db = False, "default"
        with pytest.raises(ValueError, match="target_id holds NUL"):
            record(DocumentAction.FILED, target=shelf)

    @pytest.mark.parametrize("key", ["🙂", "ключ", "a\u2028b", "a\x1cb"], ids=ascii)
    def test_keeps_any_other_key_as_it_is(self, key):
        event = record(DocumentAction.FILED, idempotency_key=key)
        assert record(DocumentAction.FILED, idempotency_key=key) == event
        assert AuditEvent.objects.get(idempotency_key=key) == event


@pytest.mark.usefixtures("send")
def test_a_recipient_whom_no_database_can_keep_takes_nobody_with_it(server):
    with email_kind([READER, "j\0@x.example", "j\ud800@x.example", "🙂@x.example", None], key="several"):
        record(DocumentAction.FILED)
        route_pending()
        assert send_due() == {"sent": 1, "failed": 3}
    assert server.next_mail()["to"] == [READER]
