"""pytest --notifyaudit-coverage, as a project runs it."""

import textwrap

import pytest

from tests.integration.shop import SETTINGS

pytest_plugins = ["pytester"]

EMAILS = """
    from notifyaudit import AuditEmail
    from shop.models import OrderAction

    class PaidEmail(AuditEmail):
        actions = [OrderAction.PAID]
        subject = "Paid"
        template_name = "paid.html"

        @classmethod
        def get_recipients(cls, event):
            return ["a@x.example"]

    class ReceiptEmail(PaidEmail):
        @classmethod
        def get_recipients(cls, event):
            return ["b@x.example"]
"""

TEMPLATES = """
    TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": ["."]}]
"""

ONE_OF_TWO = """
    def test_paid(order, audit_outbox):
        services.pay(order)
        audit_outbox.one(to="a@x.example")
"""

TWO_OF_TWO = (
    ONE_OF_TWO
    + """
    def test_receipt(order, audit_outbox):
        services.pay(order)
        audit_outbox.one(to="b@x.example")
"""
)


@pytest.fixture
def measured(run_pytest, pytester, monkeypatch):
    def measured(test, *options):
        (pytester.path / "paid.html").write_text("<p>Paid</p>")
        monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(options))
        settings = textwrap.dedent(SETTINGS) + textwrap.dedent(TEMPLATES)
        return run_pytest(test, **{"shop/emails": EMAILS, "settings": settings})

    return measured


def test_it_lists_what_no_test_asserted(measured):
    result = measured(ONE_OF_TWO, "--notifyaudit-coverage")
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "*= notification coverage =*",
            "no test asserted a mail of",
            "  shop.ReceiptEmail  shop/emails.py:14",
            "1 of 2 email classes, 1 of 1 actions: 67 %",
        ]
    )


@pytest.mark.parametrize(("least", "status"), [("66.6", 0), ("67", 1)])
def test_it_fails_a_run_below_the_least(measured, least, status):
    result = measured(ONE_OF_TWO, f"--notifyaudit-fail-under={least}")
    assert result.ret == status
    result.stdout.fnmatch_lines(["1 of 2 email classes, 1 of 1 actions: 67 %"])
    if status:
        result.stdout.fnmatch_lines(["FAIL notification coverage: 66.67 % is less than the 67 % asked for"])


def test_the_workers_of_a_run_count_as_one(measured):
    result = measured(TWO_OF_TWO, "-n2", "--notifyaudit-fail-under=100")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["2 of 2 email classes, 1 of 1 actions: 100 %"])


def test_a_worker_that_crashes_does_not_take_the_report_with_it(measured):
    crash = "\n    def test_crash():\n        import os\n        os._exit(1)\n"
    result = measured(TWO_OF_TWO + crash, "-n2", "--notifyaudit-coverage", "--max-worker-restart=1")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*of 2 email classes, 1 of 1 actions: *%"])


@pytest.mark.parametrize("processes", ["-n0", "-n2"])
def test_it_says_that_only_some_tests_ran(measured, processes):
    result = measured(TWO_OF_TWO, "--notifyaudit-coverage", "-kreceipt", processes)
    result.stdout.fnmatch_lines(["Some tests were deselected; what they assert is missing here."])


@pytest.mark.parametrize("option", ["--collect-only", "--fixtures"])
def test_a_run_without_tests_is_not_judged(measured, option):
    result = measured(ONE_OF_TWO, "--notifyaudit-fail-under=100", option)
    assert result.ret == 0
    result.stdout.no_fnmatch_line("*notification coverage*")


def test_another_run_in_the_same_process_begins_anew(measured, pytester):
    measured(TWO_OF_TWO)
    script = pytester.makepyfile(
        twice="""
        import pytest

        options = "-p no:randomly -p no:asyncio -p no:cacheprovider -q --notifyaudit-coverage".split()
        pytest.main(options)
        pytest.main([*options, "-k", "receipt"])
        """
    )
    pytester.runpython(script).stdout.fnmatch_lines(
        ["2 of 2 email classes, 1 of 1 actions: 100 %", "1 of 2 email classes, 1 of 1 actions: 67 %"]
    )


def test_classes_that_tests_define_do_not_count(measured):
    test = (
        ONE_OF_TWO
        + """
    def test_own():
        from shop.emails import PaidEmail

        class OwnEmail(PaidEmail):
            pass
    """
    )
    measured(test, "--notifyaudit-coverage").stdout.fnmatch_lines(["1 of 2 email classes,*"])


def test_a_limit_that_is_no_percentage_is_refused(measured):
    result = measured(ONE_OF_TWO, "--notifyaudit-fail-under=lots")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--notifyaudit-fail-under: a number from 0 to 100 is needed, not 'lots'"])


def test_without_the_option_there_is_no_report(measured):
    measured(ONE_OF_TWO).stdout.no_fnmatch_line("*notification coverage*")


@pytest.mark.parametrize("option", ["--notifyaudit-coverage", "--notifyaudit-fail-under=90"])
@pytest.mark.parametrize(
    "django", [["-p", "no:django"], []], ids=["without pytest-django", "without settings"]
)
def test_where_there_is_nothing_to_measure_the_option_is_refused(pytester, monkeypatch, option, django):
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    pytester.makepyfile("def test_it(): pass")
    result = pytester.runpytest_subprocess(option, *django, "-p", "no:asyncio", "-p", "no:cacheprovider")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --notifyaudit-coverage has nothing to measure: *INSTALLED_APPS.*"])
