"""audit_outbox where the ledger is not in the default database."""

import textwrap

from tests.integration.shop import SETTINGS

pytest_plugins = ["pytester"]

SETTINGS_OF_TWO = (
    textwrap.dedent(SETTINGS)
    + """
DATABASES["ledger"] = {"ENGINE": "django.db.backends.sqlite3", "NAME": "file:ledger?mode=memory&cache=shared"}
NOTIFYAUDIT["DATABASE"] = "ledger"
"""
)


def test_it_is_asked_there(run_pytest):
    run_pytest(
        """
        @pytest.fixture
        def pay():
            order = Order.objects.using("ledger").create()
            return lambda: record(OrderAction.PAID, target=order)

        @pytest.mark.parametrize("committed", [False, True])
        def test_it(committed, request):
            mark = pytest.mark.django_db(databases=["default", "ledger"], transaction=committed)
            request.applymarker(mark)
            audit_outbox = request.getfixturevalue("audit_outbox")
            event = request.getfixturevalue("pay")()
            assert audit_outbox.recorded() == [event]
            with transaction.atomic(using="default"):
                assert audit_outbox.one(target=lambda order: order._state.db == "ledger").event == event
            with transaction.atomic(using="ledger"), pytest.raises(AssertionError, match="open"):
                audit_outbox.one()

        class OrderTest(AuditOutboxMixin, TestCase):
            databases = ["default", "ledger"]

            def test_it(self):
                record(OrderAction.PAID, target=Order.objects.using("ledger").create())
                self.audit_outbox.one()
        """,
        settings=SETTINGS_OF_TWO,
        head=HEAD,
    ).assert_outcomes(passed=3)


def test_a_test_that_does_not_name_it_is_told_so(run_pytest):
    result = run_pytest("def test_it(audit_outbox): audit_outbox.all()", settings=SETTINGS_OF_TWO)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *Database queries to 'ledger' are not allowed in this test.*"])


HEAD = """
    import pytest
    from django.db import transaction
    from django.test import TestCase
    from notifyaudit import record
    from notifyaudit.testing import AuditOutboxMixin
    from shop.models import Order, OrderAction

"""
