"""AuditOutboxMixin: Django's own test cases, by Django's own runner and by pytest."""

import pytest
from django import test

from notifyaudit.testing import AuditOutboxMixin
from tests.integration.failures import failure_of
from tests.integration.shop import UNITTEST

pytest_plugins = ["pytester"]

CASES = """
    class OrderTest(AuditOutboxMixin, TestCase):
        @classmethod
        def setUpTestData(cls):
            cls.order = Order.objects.create()
            record(OrderAction.PAID, target=cls.order, data={"also": ["early@shop.example"]})

        def test_what_was_recorded_for_the_class(self):
            self.audit_outbox.one(to="early@shop.example")
            self.assertEqual(len(self.audit_outbox.all()), 2)

        def test_and_in_each_test_anew(self):
            self.audit_outbox.clear()
            services.pay(self.order)
            self.audit_outbox.one(OrderPaidEmail)
            self.audit_outbox.assert_no_more()

        def test_sub_tests(self):
            self.audit_outbox.clear()
            for number in (1, 2, 3):
                with self.subTest(number=number):
                    services.pay(self.order)
                    self.assertEqual(len(self.audit_outbox.all()), number)

        def test_beside_captured_hooks(self):
            with self.captureOnCommitCallbacks(execute=True) as hooks:
                services.pay(self.order)
            self.assertEqual(hooks, [])
            self.audit_outbox.last()

        def test_open_transaction(self):
            with transaction.atomic(), self.assertRaisesMessage(AssertionError, "atomic() open"):
                self.audit_outbox.all()

        async def test_async(self):
            await self.audit_outbox.aone(to="early@shop.example")

        def test_assert_raises(self):
            with self.assertRaises(AssertionError):
                self.audit_outbox.assert_nothing_sent()


    class CommittedTest(AuditOutboxMixin, TransactionTestCase):
        def test_it(self):
            services.pay(Order.objects.create())
            self.assertFalse(connection.in_atomic_block)
            self.audit_outbox.one()


    class WithSetUp(AuditOutboxMixin, TestCase):
        def setUp(self):
            super().setUp()
            services.pay(Order.objects.create())
            self.audit_outbox.clear()

        def test_it(self):
            self.audit_outbox.assert_nothing_sent()
"""


def test_by_djangos_runner(run_django):
    result = run_django(CASES)
    assert result.ret == 0
    result.stderr.fnmatch_lines(["Ran 9 tests in *", "OK"])


def test_by_djangos_runner_in_several_processes(run_django):
    result = run_django(CASES, "--parallel", "2")
    assert result.ret == 0
    result.stderr.fnmatch_lines(["Ran 9 tests in *", "OK"])


def test_by_pytest(run_pytest):
    run_pytest(CASES, head=UNITTEST).assert_outcomes(passed=9)


FORGETS = """
    class OrderTest(AuditOutboxMixin, TestCase):
        def test_forgets(self):
            services.forget(Order.objects.create())

        def test_records(self):
            services.pay(Order.objects.create())
"""


def test_a_forgotten_write_fails_once(run_django):
    result = run_django(FORGETS)
    result.stderr.fnmatch_lines(
        [
            "FAIL: test_forgets (test_cases.OrderTest.test_forgets)",
            "AssertionError: a write to an audited model without an event",
            "shop/services.py:*: update of shop.Order",
            "FAILED (failures=1)",
        ]
    )
    assert str(result.stderr).count("without an event") == 1


def test_a_forgotten_write_fails_once_under_pytest_too(run_pytest):
    result = run_pytest(FORGETS, head=UNITTEST)
    result.assert_outcomes(failed=1, passed=1)
    assert str(result.stdout).count("update of shop.Order") == 1


def test_a_test_that_fails_by_itself_keeps_its_reason(run_django):
    result = run_django(
        """
        class OrderTest(AuditOutboxMixin, TestCase):
            def test_it(self):
                services.forget(Order.objects.create())
                self.audit_outbox.one()
        """
    )
    result.stderr.fnmatch_lines(["AssertionError: expected one mail, but none was sent"])
    result.stderr.fnmatch_lines(["FAILED (failures=*"])


def test_the_traceback_ends_in_the_line_of_the_test(run_django):
    result = run_django(
        """
        class OrderTest(AuditOutboxMixin, TestCase):
            def setUp(self):
                super().setUp()
                services.pay(Order.objects.create())

            def test_question(self):
                self.audit_outbox.assert_nothing_sent()

            def test_email(self):
                self.audit_outbox.one().assert_subject("Order 2")
        """
    )
    result.stderr.fnmatch_lines(
        [
            "    self.audit_outbox.one().assert_subject(*",
            "AssertionError: OrderPaidEmail to owner@shop.example: its subject is another",
            "    self.audit_outbox.assert_nothing_sent()",
            "AssertionError: expected no mail at all",
        ]
    )
    result.stderr.no_fnmatch_line('*File "*notifyaudit*')


def test_what_precedes_the_own_set_up(run_django):
    result = run_django(
        """
        class OrderTest(AuditOutboxMixin, TestCase):
            def setUp(self):
                self.order = Order.objects.create()

            def test_it(self):
                self.audit_outbox.one()

            @property
            def broken(self):
                return self.order.nothing

            def test_another_missing_name_keeps_its_own_message(self):
                with self.assertRaisesMessage(AttributeError, "'Order' object has no attribute 'nothing'"):
                    self.broken
        """
    )
    result.stderr.fnmatch_lines(
        [
            "AttributeError: OrderTest has no audit_outbox yet; call super().setUp() first in its setUp()",
            "FAILED (errors=1)",
        ]
    )


class TestDefinition:
    def test_without_a_database(self):
        def define():
            return type("SubjectTest", (AuditOutboxMixin, test.SimpleTestCase), {})

        assert failure_of(define, error=TypeError) == (
            "SubjectTest has no database; AuditOutboxMixin needs django.test.TestCase or TransactionTestCase."
        )

    @pytest.mark.parametrize("name", ["TestCase", "TransactionTestCase"])
    def test_behind_the_test_case(self, name):
        case = getattr(test, name)
        assert failure_of(lambda: type("OrderTest", (case, AuditOutboxMixin), {}), error=TypeError) == (
            "Put AuditOutboxMixin in front of the test case: class OrderTest(AuditOutboxMixin, …)."
        )

    def test_a_mixin_of_ones_own_on_top(self):
        mine = type("Mine", (AuditOutboxMixin,), {})
        case = type("OrderTest", (mine, test.TestCase), {})
        assert not hasattr(case, "audit_outbox")
