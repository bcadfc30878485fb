"""pytest-randomly and pytest-xdist: whatever the order and wherever a test runs, it begins with nothing."""

import pytest

pytest_plugins = ["pytester"]

# Each test leaves as much behind as it can, and fails if one before it did.
SUITE = """
    from datetime import timedelta

    import pytest
    from django.core import mail
    from django.test import TestCase
    from django.utils import timezone
    from notifyaudit import clock, record
    from notifyaudit.testing import AuditOutboxMixin
    from shop.emails import OrderPaidEmail
    from shop.models import Order, OrderAction
    from django.contrib.auth.models import User

    def leave_much_behind(outbox):
        outbox.smtp_fails(times=None, at="connect")
        outbox.assert_not_sent(to="nobody@shop.example")
        outbox.advance(timedelta(days=1))

    def expect_nothing(outbox):
        assert abs(clock.now() - timezone.now()) < timedelta(hours=1)
        assert mail.outbox == []
        outbox.assert_nothing_sent()

    @pytest.mark.parametrize("number", range(4))
    def test_mails(number, pay, people, audit_outbox):
        expect_nothing(audit_outbox)
        pay(f"Order {number}")
        assert len(audit_outbox.all(OrderPaidEmail)) == len(mail.outbox) == 20
        leave_much_behind(audit_outbox)

    @pytest.mark.parametrize("number", range(2))
    def test_nothing(number, audit_outbox):
        expect_nothing(audit_outbox)
        audit_outbox.assert_no_more()

    @pytest.mark.django_db(transaction=True)
    def test_what_commits(pay, people, audit_outbox):
        expect_nothing(audit_outbox)
        pay("Order 1")
        audit_outbox.one(to=people[20])
        leave_much_behind(audit_outbox)

    class OrderTest(AuditOutboxMixin, TestCase):
        @classmethod
        def setUpTestData(cls):
            cls.reader = User.objects.create(username="reader", email="reader@shop.example")
            cls.order = Order.objects.create(title="Order 1", customer=cls.reader)

        def test_mail(self):
            expect_nothing(self.audit_outbox)
            record(OrderAction.PAID, target=self.order)
            self.audit_outbox.one(to=self.reader)
            leave_much_behind(self.audit_outbox)

        def test_another(self):
            self.test_mail()
"""

FAILING = """
    from shop.models import Order

    def test_wrong_subject(pay, people, audit_outbox):
        pay("Order 1")
        audit_outbox.one(to=people[20]).assert_subject("Order 2 was paid")

    def test_forgotten(people):
        import shop.services
        shop.services.forget(people[0])
"""

SERVICES = """\
    from shop.models import Order

    def forget(customer):
        Order.objects.create(title="forgotten", customer=customer)
"""


@pytest.mark.parametrize(
    ("seed", "where"), [(1, ()), (2, ()), (3, ("-n", "2"))], ids=["one order", "another", "two processes"]
)
def test_every_order_passes(run, seed, where):
    result = run(SUITE, f"--randomly-seed={seed}", *where)
    result.assert_outcomes(passed=9)
    result.stdout.fnmatch_lines([f"Using --randomly-seed={seed}"])


def test_failures_come_through_from_another_process(run):
    result = run(FAILING, "-q", "-n", "2", **{"shop/services.py": SERVICES})
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines_random(
        [
            "*OrderPaidEmail to reader0@shop.example: its subject is another",
            "*  wanted  Order 2 was paid",
            "a write to an audited model without an event",
            "shop/services.py:4: insert of shop.Order",
        ]
    )
