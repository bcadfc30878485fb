"""django-zeal: the library makes no query per row, and a project's own is told as the reason of a failure."""

import django
import pytest

pytest_plugins = ["pytester"]

WATCHED = """
    import pytest
    from notifyaudit.models import AuditEvent
    from shop.emails import OrderPaidEmail
    from shop.models import Item, Order
    from zeal import zeal_context

    @pytest.fixture(autouse=True)
    def watched():
        with zeal_context():
            yield
"""


@pytest.fixture
def watched(run):
    def watched(test, **changed):
        return run(WATCHED + test, "-q", "-p", "no:randomly", **changed)

    return watched


def test_the_library_reads_nothing_row_by_row(watched):
    watched("""
    def test_many_events_and_recipients(pay, people, audit_outbox):
        for number in range(20):
            pay(f"Order {number}", buyer=number)
        sent = audit_outbox.all(OrderPaidEmail)
        assert len(sent) == 20 * 20
        first = audit_outbox.one(to=people[20], target=Order.objects.first())
        assert "Order 0, by buyer0, to reader0" in first.text
        audit_outbox.assert_not_sent(to=people[0], because="not_asked")
        audit_outbox.assert_no_more()
        assert len(audit_outbox.recorded(target=lambda target: target.title)) == 20

    def test_objects_that_are_gone(pay, people, audit_outbox):
        orders = [pay(f"Order {number}", buyer=number, snapshot=number % 2) for number in range(20)]
        Order.objects.all()._raw_delete("default")
        sent = audit_outbox.all(to=people[20])
        assert [email.text.split(",")[0] for email in sent if email.event.snapshot] == [
            order.title for order in orders[1::2]
        ]
    """).assert_outcomes(passed=2)


@pytest.mark.skipif(django.VERSION < (6, 1), reason="Django follows a foreign key for all rows from 6.1 on")
def test_a_foreign_key_of_the_target_is_followed_once(watched):
    watched(
        """
    def test_many_events(pay, audit_outbox):
        for number in range(5):
            pay(f"Order {number}", buyer=number)
        assert "Order 4 of buyer4" in audit_outbox.last().text
    """,
        **{"shop/templates/paid.html": "{{ target.title }} of {{ target.customer.username }}"},
    ).assert_outcomes(passed=1)


def test_a_loop_in_a_template_is_the_reason_of_the_failure(watched):
    result = watched(
        """
    def test_the_sellers_are_named(pay, people, audit_outbox):
        order = pay("Order 1")
        Item.objects.bulk_create([Item(order=order), Item(order=order)])
        audit_outbox.one(to=people[20])
    """,
        **{
            "shop/templates/paid.html": "{% for item in target.items.all %}{{ item.sellers.all }}{% endfor %}"
        },
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*OrderPaidEmail to reader0 <*>: waiting, *NPlusOneError: N+1 detected on shop.Item.sellers at *"]
    )


def test_a_loop_in_get_recipients_is_the_reason_of_the_failure(watched):
    result = watched(
        """
    def test_the_sellers_are_told(pay, people, audit_outbox):
        order = pay("Order 1")
        Item.objects.bulk_create([Item(order=order), Item(order=order)])
        audit_outbox.one(OrderPaidEmail)
    """,
        **{
            "shop/emails.py": """
        from notifyaudit import AuditEmail
        from shop.models import OrderAction

        class OrderPaidEmail(AuditEmail):
            actions = [OrderAction.PAID]
            subject = "{{ target }} was paid"
            template_name = "paid.html"

            @classmethod
            def get_recipients(cls, event):
                return [seller for item in event.target.items.all() for seller in item.sellers.all()]
        """
        },
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*NPlusOneError: N+1 detected on shop.Item.sellers at *shop/emails.py:*"])
