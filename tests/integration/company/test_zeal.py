"""django-zeal: the library makes no query per row, and a project's own is told as the reason of a failure."""

import django
import pytest

from tests.integration.company.conftest import FILES

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


SITE = {
    "settings.py": FILES["settings.py"]
    + """
        INSTALLED_APPS += ["django.contrib.sessions"]
        MIGRATION_MODULES["sessions"] = None
        ROOT_URLCONF = "shop.urls"
        ALLOWED_HOSTS = ["testserver"]
        MIDDLEWARE = [
            "zeal.middleware.zeal_middleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "notifyaudit.middleware.AuditMiddleware",
        ]
        """,
    "shop/urls.py": """
        from django.urls import include, path

        urlpatterns = [path("notifyaudit/", include("notifyaudit.urls"))]
        """,
    "shop/actions.py": """
        from notifyaudit import Action

        class EditAction(Action):
            EDITED = "order.edited", "Order edited"
        """,
    "shop/emails.py": FILES["shop/emails.py"]
    + """
        from datetime import timedelta
        from shop.actions import EditAction

        class OrderEditedEmail(OrderPaidEmail):
            actions = [EditAction.EDITED]
            permission = "shop.view_order"

        class OrderBundleEmail(OrderPaidEmail):
            actions = [EditAction.EDITED]
            window = timedelta(minutes=10)
            bundle_by = "target"
        """,
}

PIPELINE = """
    from datetime import timedelta

    import pytest
    from bs4 import BeautifulSoup
    from django.contrib.auth.models import Group, User
    from django.core.management import call_command
    from notifyaudit import Frequency, record, record_many, subscribe, track
    from notifyaudit.models import AuditEvent, Notification, Pause, Subscription
    from shop.actions import EditAction
    from shop.emails import OrderBundleEmail, OrderEditedEmail, OrderPaidEmail
    from shop.models import Order, OrderAction
    from zeal import zeal_context

    def edit(order, *titles):
        for title in titles:
            with track(order, EditAction.EDITED):
                Order.objects.filter(pk=order.pk).update(title=title)

    def test_recording_many(people):
        orders = [Order.objects.create(title=f"Order {n}", customer=people[n]) for n in range(10)]
        with zeal_context():
            record_many([{"action": OrderAction.PAID, "target": each, "actor": people[0]} for each in orders])
            for order in Order.objects.all():
                record(OrderAction.PAID, target=order, actor=people[0])
            with track(Order.objects.all(), EditAction.EDITED):
                Order.objects.update(title="edited")
        assert AuditEvent.objects.count() == 30

    def test_digests_of_subscribers_and_of_a_group(pay, people, audit_outbox):
        group = Group.objects.create(name="watchers")
        group.user_set.add(*people[:10])
        with zeal_context():
            subscribe(group, "order.*", frequency=Frequency.DAILY)
            for user in people[10:20]:
                subscribe(user, OrderAction.PAID, frequency=Frequency.DAILY)
                subscribe(user, "order.*", frequency=Frequency.DAILY)
            for number in range(5):
                edit(pay(f"Order {number}", buyer=number), "new")
            audit_outbox.assert_not_sent(to=people[0], because="waiting")
            digests = audit_outbox.close_digests(Frequency.DAILY).all()
        assert {email.recipient for email in digests} >= set(people[:20])

    def test_mails_that_wait_for_company_and_those_without_the_permission(people, pay, audit_outbox):
        with zeal_context():
            for number in range(5):
                edit(pay(f"Order {number}", buyer=number), "a", "b", "c")
            audit_outbox.advance(timedelta(hours=1))
            bundles = audit_outbox.all(OrderBundleEmail)
            audit_outbox.assert_not_sent(OrderEditedEmail, because="permission")
        assert len(bundles) == 5 * 20

    def test_the_preference_centre(people, pay, client):
        user = people[20]
        orders = [pay(f"Order {number}", buyer=number) for number in range(5)]
        for order in orders:
            subscribe(user, "order.*", target=order, frequency=Frequency.DAILY)
        client.force_login(user)
        page = BeautifulSoup(client.get("/notifyaudit/preferences/").content.decode(), "html.parser")
        names = [field["name"] for field in page.select("select") if field.select("option[value=weekly]")]
        assert len(names) == 8  # three kinds of email, five orders
        answer = client.post("/notifyaudit/preferences/", dict.fromkeys(names, "weekly"))
        assert answer.status_code == 302
        assert list(Subscription.objects.values_list("frequency", flat=True)) == ["weekly"] * 8
        assert client.get("/notifyaudit/preferences/").status_code == 200

    def test_several_kinds_are_paused(people, pay):
        keys = [kind.key for kind in (OrderPaidEmail, OrderEditedEmail, OrderBundleEmail)]
        call_command("notifyaudit", "pause", *keys[:2], reason="first")
        with zeal_context():
            call_command("notifyaudit", "pause", *keys, keys[0], reason="again")
        assert dict(Pause.objects.values_list("email_key", "reason")) == dict.fromkeys(keys, "again")

    @pytest.mark.parametrize(
        "page", ["", "shop.OrderPaidEmail/", "shop.OrderBundleEmail/", "notifyaudit.DigestEmail/"]
    )
    def test_previews(people, pay, client, audit_outbox, page):
        for number in range(5):
            edit(pay(f"Order {number}", buyer=number), "a", "b")
        audit_outbox.all()
        client.force_login(User.objects.create(username="root", is_staff=True, is_superuser=True))
        assert client.get(f"/notifyaudit/previews/{page}").status_code == 200

    def test_this_sees_a_query_in_a_loop(people, pay):
        for number in range(3):
            pay(f"Order {number}", buyer=number)
        with pytest.raises(Exception, match="N.1 detected on shop.Order.customer"), zeal_context():
            [order.customer.username for order in Order.objects.all()]
"""


def test_the_whole_pipeline_and_its_pages(run):
    run(PIPELINE, "-q", **SITE).assert_outcomes(passed=10)
