"""Which lines set the stage of a test, so that what they write needs no event."""

from pathlib import Path

import django
import pytest

from notifyaudit.testing.forgotten import is_arrangement

ROOT = Path("/srv/tests/project")


@pytest.mark.parametrize(
    "path",
    [
        "conftest.py",
        "shop/tests.py",
        "shop/test_orders.py",
        "shop/orders_test.py",
        "shop/tests/helpers.py",
        "tests/shop/data.py",
        "shop/factories.py",
        "shop/factories/order.py",
        "shop/migrations/0002_backfill.py",
    ],
)
def test_arrangement(path):
    assert is_arrangement(str(ROOT / path), ROOT)


@pytest.mark.parametrize("path", ["shop/services.py", "shop/testing.py", "contest/latest.py"])
def test_code_under_test(path):
    assert not is_arrangement(str(ROOT / path), ROOT)


@pytest.mark.parametrize("path", ["", "<string>", django.__file__, pytest.__file__, "/x/site-packages/y.py"])
def test_what_is_nobodys_line_in_the_project(path):
    assert is_arrangement(path, ROOT)
