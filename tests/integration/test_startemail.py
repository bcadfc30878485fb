"""manage.py startemail in a project of its own: what it writes works at once, and it overwrites nothing."""

import subprocess
import sys
import textwrap

import pytest

from tests.integration.shop import SETTINGS

ENGINES = """
TEMPLATES = [
    {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True},
    {"BACKEND": "django.template.backends.jinja2.Jinja2", "APP_DIRS": True},
]
USE_TZ = True
LANGUAGES = [("en", "English"), ("de", "German")]
NOTIFYAUDIT["WAKE_UP"] = "never"
ROOT_URLCONF = "urls"
"""
URLS = """
from django.urls import include, path

urlpatterns = [path("notifyaudit/", include("notifyaudit.urls"))]
"""

pytest_plugins = ["pytester"]


@pytest.fixture
def project(shop):
    settings = textwrap.dedent(SETTINGS).partition("TEMPLATES = ")[0]
    (shop / "settings.py").write_text(settings + ENGINES)
    (shop / "urls.py").write_text(URLS)
    (shop / "shop" / "emails.py").unlink()
    return shop


@pytest.fixture
def django(project, pytester):
    def run(*arguments):
        return pytester.run(sys.executable, "-W", "error", "-m", "django", *arguments, "--pythonpath", ".")

    return run


@pytest.fixture
def start(django):
    def start(*arguments):
        return django("startemail", *arguments)

    return start


def files(project):
    return sorted(
        str(path.relative_to(project))
        for path in project.rglob("*")
        if path.is_file() and "__pycache__" not in str(path) and path.name not in {"stdout", "stderr"}
    )


def tools(project, *commands):
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", *command], cwd=project, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_what_it_writes_passes_at_once(project, django, start, pytester):
    before = files(project)
    done = start("shop", "OrderPaid", "--action", "order.paid")
    assert done.ret == 0, done.errlines
    added = set(files(project)) - set(before)
    assert added == {
        "shop/emails.py",
        "shop/templates/shop/order_paid.html",
        "shop/templates/shop/order_paid.txt",
        "shop/test_order_paid_email.py",
    }
    assert [line for line in done.outlines if line.startswith("wrote ")] == [
        f"wrote {name}" for name in ("shop/emails.py", *sorted(added - {"shop/emails.py"}))
    ]
    contents = {name: (project / name).read_text() for name in files(project)}
    (project / "shop/templates/shop/order_paid.txt").unlink()
    refused = start("shop", "OrderPaid")
    assert refused.ret != 0
    for name in ("order_paid.html", "test_order_paid_email.py"):
        assert name in refused.stderr.str()
    (project / "shop/templates/shop/order_paid.txt").write_text(
        contents["shop/templates/shop/order_paid.txt"]
    )
    assert {name: (project / name).read_text() for name in files(project)} == contents
    again = start("shop", "ReceiptEmail", "--engine", "jinja2")
    assert again.ret == 0, again.errlines
    assert (project / "shop/jinja2/shop/receipt.html").exists()
    tools(
        project,
        [
            "ruff",
            "check",
            "--isolated",
            "--select",
            "E,F,I,N,UP,B,D2,D4,ANN001,ANN201",
            "--line-length",
            "100",
            "shop/emails.py",
        ],
        ["ruff", "format", "--isolated", "--check", "shop/emails.py", "shop/test_order_paid_email.py"],
    )
    assert django("check", "--fail-level", "WARNING").ret == 0
    quiet = ["-p", "no:randomly", "-p", "no:asyncio", "-p", "no:cacheprovider", "-q"]
    result = pytester.runpytest_subprocess(*quiet, "shop")
    result.assert_outcomes(passed=6)


def test_it_writes_tests_as_the_app_has_them(project, django, start):
    (project / "shop" / "tests").mkdir()
    (project / "shop" / "tests" / "__init__.py").write_text("")
    (project / "shop" / "tests" / "test_orders.py").write_text(
        "from django.test import TestCase\n\n\nclass OrderTest(TestCase):\n    pass\n"
    )
    assert start("shop", "OrderPaid").ret == 0
    source = (project / "shop/tests/test_order_paid_email.py").read_text()
    assert "class OrderPaidEmailTest(AuditOutboxMixin, EmailLintMixin, TestCase):" in source
    done = django("test", "shop")
    assert done.ret == 0, done.errlines
    assert "Ran 2 tests" in done.stderr.str()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["shopp", "OrderPaid"], "There is no app 'shopp' in INSTALLED_APPS. Did you mean 'shop'?"),
        (["shop", "order-paid"], "'order-paid' is no name of a class"),
        (["shop", "class"], "'class' is no name of a class"),
        (["shop", "OrderPaid", "--action", "order.payed"], "Did you mean 'order.paid'?"),
        (["auth", "UserLeft"], "The app 'auth' declares no action"),
    ],
)
def test_what_it_does_not_know_it_says(project, start, arguments, words):
    before = files(project)
    done = start(*arguments)
    assert done.ret != 0
    assert words in done.stderr.str()
    assert "Traceback" not in done.stderr.str()
    assert files(project) == before
