"""The bytes of a mail, whatever the version of Django."""

import re
from email import policy

import django
import pytest
from django.core.mail import EmailMultiAlternatives

from notifyaudit import compat

HEADERS = {
    "Date": "Sat, 21 Nov 2026 09:00:00 +0000",
    "Message-ID": "<1@site.example>",
    "References": "<2@site.example>",
    "X-Note": "Grüße, " * 30,
}


def a_mail():
    message = EmailMultiAlternatives(
        "Grüße aus Zürich, " * 9,
        "Grüße",
        "Zoë <sender@site.example>",
        ["Ann <ann@x.example>", "bo@x.example"],
        cc=["cy@x.example"],
        reply_to=["desk@site.example"],
        headers=HEADERS,
    )
    message.attach_alternative("<p>Grüße</p>" * 50, "text/html")
    message.attach("übersicht.pdf", b"%PDF", "application/pdf")
    return message


def without_boundaries(content):
    # They are drawn for each mail.
    return re.sub(rb"={5,}\d+==", b"boundary", content)


@pytest.mark.skipif(django.VERSION < (6, 0), reason="Django makes these bytes itself")
class TestSerialised:
    def test_mail_is_what_python_makes_of_it(self):
        plain = a_mail().message(policy=policy.SMTP).as_bytes()
        for _ in range(2):
            assert without_boundaries(compat.serialise(a_mail())) == without_boundaries(plain)

    def test_headers_of_a_kind_share_one_class(self):
        made = compat._SMTP.header_factory
        assert type(made("Subject", "one")) is type(made("subject", "two"))
        assert type(made("X-One", "one")) is type(made("X-Two", "two"))
        assert type(made("Subject", "one")) is not type(made("To", "ann@x.example"))
