import pytest

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
    ],
)
def test_the_envelope_has_the_plain_ascii_address(address, envelope):
    assert addresses.envelope(address) == envelope
