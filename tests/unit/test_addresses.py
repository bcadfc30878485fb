import re

import pytest
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from hypothesis import given
from hypothesis import strategies as st

from notifyaudit import addresses
from notifyaudit.exceptions import InvalidAddress


@pytest.mark.parametrize("address", ["j@x.co", "o'brien@x.co", "a.b+c@sub.x.co", "j@bücher.example"])
def test_addresses_that_mail_can_be_sent_to(address):
    addresses.check(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nobody",
        "a@b",
        "a b@x.co",
        "j@x.co\n",
        "j@x.co\r\nBcc: k@x.co",
        '"Doe, J" <j@x.co>',
        "a@x.co,b@x.co",
        "j\0@x.co",
        "j@x.co\u2028",
        '"a\x01b"@x.co',
        "j@x\u200d.co",
        "jö@x.co",
        f"j@{'ü' * 60}.co",
    ],
)
def test_addresses_that_are_refused(address):
    with pytest.raises(InvalidAddress, match="is not an address"):
        addresses.check(address)


@pytest.mark.parametrize(
    ("address", "envelope"),
    [
        ("j@x.co", "j@x.co"),
        ("J. Doe <j@x.co>", "j@x.co"),
        ("j@bücher.example", "j@xn--bcher-kva.example"),
        ("webmaster", "webmaster"),
        ("Boss: e@x.co <j@x.co>", "j@x.co"),
        ("j@straße.example", "j@xn--strae-oqa.example"),
    ],
)
def test_the_envelope_has_the_plain_ascii_address(address, envelope):
    assert addresses.envelope(address) == envelope


@pytest.mark.parametrize("address", ["jö@x.co", f"j@{'ü' * 60}.co", "Boss <j@x\u2028.co>"])
def test_what_no_envelope_can_say_is_refused(address):
    with pytest.raises(InvalidAddress):
        addresses.envelope(address)


@pytest.mark.parametrize(
    ("text", "mailbox"),
    [
        ("j@x.co", "j@x.co"),
        ("webmaster", "webmaster"),
        ("root@host", "root@host"),
        ("<j@x.co>", "j@x.co"),
        ('"Doe, J" <j@x.co>', '"Doe, J" <j@x.co>'),
        ("Dr. Boss <j@x.co>", '"Dr. Boss" <j@x.co>'),
        ("j@x.co <j@x.co>", '"j@x.co" <j@x.co>'),
        ("Büro: (alt) <j@büro.example>", '"Büro: (alt)" <j@büro.example>'),
        ("J <j@STRAẞE.example>", "J <j@xn--strae-oqa.example>"),
    ],
)
def test_a_text_that_names_one_mailbox(text, mailbox):
    assert str(addresses.mailbox(text)) == mailbox


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a@x.co, b@x.co",
        "a@x.co b@x.co",
        "a@x.co <b@x.co>, c@x.co <d@x.co>",
        "Doe, J <j@x.co>",
        "group: j@x.co;",
        "a@b@c",
        "j@x.co>",
        "J <j@x.co> K",
        "J <>",
        "J <jö@x.co>",
        "J <j@x\u2028.co>",
        "j@x\u2028.co",
        '""',
        "J <a b@x.co>",
        ":; <j@x.co>",
        "=?utf-8?q?a=0D=0Ab?= <j@x.co>",
    ],
)
def test_a_text_that_names_none_or_several(text):
    with pytest.raises(InvalidAddress):
        addresses.mailbox(text)


strange = st.text(alphabet=st.sampled_from('ab.ü@"<>,;:()\\=? \t\r\n\0'), max_size=20)


@given(strange | strange.map(lambda name: f"{name} <j@x.co>"))
def test_a_mailbox_reads_back_the_same(text):
    try:
        mailbox = addresses.mailbox(text)
    except InvalidAddress:
        return
    assert addresses.mailbox(str(mailbox)) == mailbox
    assert addresses.plain(str(mailbox)) == mailbox.addr_spec


@given(strange.map(lambda local: f"{local}@x.example") | st.emails())
def test_what_is_checked_is_a_mailbox_and_has_an_envelope(address):
    try:
        validate_email(address)
        addresses.check(address)
    except (ValidationError, InvalidAddress):
        return
    mailbox = addresses.mailbox(address)
    assert mailbox.domain == address.rpartition("@")[2]
    local = address.rpartition("@")[0]
    assert mailbox.username == (re.sub(r"\\(.)", r"\1", local[1:-1]) if local.startswith('"') else local)
    assert addresses.envelope(address)
