"""What is random in a URL, told from what somebody has written."""

import random
import string

import pytest
from django.core import signing

from notifyaudit.testing.snapshots import is_token

ALPHABETS = {
    "hex": (string.hexdigits[:16], 20),
    "lower case and digits": (string.ascii_lowercase + string.digits, 20),
    "letters and digits": (string.ascii_letters + string.digits, 20),
    "base64": (string.ascii_letters + string.digits + "-_", 22),
}


@pytest.mark.parametrize(("alphabet", "length"), ALPHABETS.values(), ids=ALPHABETS)
def test_what_is_random_is_a_token_however_it_falls(alphabet, length):
    # Seeded: were one in a thousand missed, snapshots would fail now and then, and this test always.
    chosen = random.Random(7)
    for _ in range(10_000):
        token = "".join(chosen.choices(alphabet, k=length))
        assert is_token(token), token


def test_what_django_signs_is_a_token():
    assert all(is_token(signing.dumps(key)) for key in range(1000))


@pytest.mark.parametrize(
    "written",
    [
        "documents",
        "a-slug-of-words-and-7-numbers-2026",
        "Inspection-Report-Tower7-2026.pdf",
        "plan-b2b-report-for-INV2026",
        "notification_preferences_page",
        "20261121-0930-tower-seven",
        "%C3%BCberpr%C3%BCfung-der-anlage-im-turm",
    ],
)
def test_what_somebody_has_written_is_none(written):
    assert not is_token(written)
