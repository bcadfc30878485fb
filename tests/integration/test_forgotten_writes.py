"""The pytest plugin: a forgotten event fails the test, with the line that wrote."""

import textwrap

import pytest

pytest_plugins = ["pytester"]

MODELS = """
    from django.db import models
    from notifyaudit import Action, audited

    class OrderAction(Action):
        PAID = "order.paid", "Order paid"

    @audited
    class Order(models.Model):
        status = models.CharField(max_length=20, default="new")

        def save(self, *args, **options):
            super().save(*args, **options)
"""

SERVICES = """
    from django.db import transaction
    from notifyaudit import record, track, unaudited
    from shop.models import Order, OrderAction

    @transaction.atomic
    def pay(order):
        order.status = "paid"
        order.save()
        record(OrderAction.PAID, target=order)

    def forget(order):
        Order.objects.filter(pk=order.pk).update(status="paid")

    @transaction.atomic
    def forget_by_instance(order):
        order.status = "paid"
        order.save()

    def fail(order):
        with transaction.atomic():
            forget(order)
            raise ValueError

    def tidy(order):
        with unaudited("nobody needs to know"):
            order.delete()
"""

VIEWS = """
    from django.http import HttpResponse
    from django.urls import path
    from django.views.generic import UpdateView
    from shop import services
    from shop.models import Order

    class OrderUpdate(UpdateView):
        model = Order
        fields = ["status"]
        success_url = "/"

    def forget(request, pk):
        services.forget(Order.objects.get(pk=pk))
        return HttpResponse("done")

    urlpatterns = [path("<int:pk>/edit/", OrderUpdate.as_view()), path("<int:pk>/forget/", forget)]
"""

MIDDLEWARE = """
    def passing(get_response):
        def middleware(request):
            return get_response(request)
        return middleware
"""

SETTINGS = """
    SECRET_KEY = "tests"
    INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "notifyaudit", "shop"]
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
    DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
    ROOT_URLCONF = "shop.views"
    MIDDLEWARE = ["shop.middleware.passing"]
    NOTIFYAUDIT = {"BASE_URL": "https://shop.example"}
    USE_TZ = True
"""

TEST = """
    import pytest
    from django.db import transaction
    from django.test import TestCase
    from notifyaudit import record, unaudited
    from shop import services
    from shop.models import Order, OrderAction

    @pytest.fixture
    def order(db):
        return Order.objects.create()

"""


@pytest.fixture(autouse=True)
def _as_at_a_terminal(monkeypatch):
    # In continuous integration pytest repeats whole messages in its summary.
    for name in ("CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def run(pytester, monkeypatch):
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "settings")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    pytester.makeini("[pytest]\npythonpath = .\nfilterwarnings = error")
    files = {
        "settings": SETTINGS,
        "shop/__init__": "",
        "shop/models": MODELS,
        "shop/services": SERVICES,
        "shop/views": VIEWS,
        "shop/middleware": MIDDLEWARE,
    }
    for name, content in files.items():
        path = pytester.path / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(content))

    def run(test, **more):
        for name, content in more.items():
            (pytester.path / f"{name}.py").write_text(textwrap.dedent(content))
        (pytester.path / "test_shop.py").write_text(textwrap.dedent(TEST) + textwrap.dedent(test))
        return pytester.runpytest_subprocess("-p", "no:randomly", "-p", "no:cacheprovider", "-q")

    return run


def line_of(source, text):
    lines = textwrap.dedent(source).splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


def test_a_forgotten_write_fails_the_test_with_its_line(run):
    result = run("def test_it(order): services.forget(order)")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "a write to an audited model without an event",
            f"shop/services.py:{line_of(SERVICES, '.update(')}: update of shop.Order",
            '    Order.objects.filter(pk=order.pk).update(status="paid")',
            "Record what happened in the same transaction.atomic()*",
        ]
    )


def test_a_models_own_save_is_not_the_line_that_wrote(run):
    result = run("def test_it(order): services.forget_by_instance(order)")
    result.assert_outcomes(failed=1)
    number = line_of(SERVICES, "def forget_by_instance") + 2
    result.stdout.fnmatch_lines([f"shop/services.py:{number}: update of shop.Order", "    order.save()"])


def test_what_passes(run):
    run(
        """
        from factories import make_order

        def test_recorded(order):
            services.pay(order)

        def test_recorded_by_the_caller(order):
            with transaction.atomic():
                services.forget(order)
                record(OrderAction.PAID, target=order)

        @pytest.mark.django_db(transaction=True)
        def test_recorded_and_committed(order):
            services.pay(order)

        def test_rolled_back(order):
            with pytest.raises(ValueError):
                services.fail(order)

        def test_unaudited(order):
            services.tidy(order)

        @unaudited("here it is about something else")
        def test_unaudited_as_a_whole(order):
            services.forget(order)

        def test_arranged(order):
            order.delete()

        def test_made_by_a_factory(db):
            make_order()

        def test_without_a_database():
            pass
        """,
        factories="""
        from shop.models import Order

        def make_order():
            return Order.objects.create(status="made")
        """,
    ).assert_outcomes(passed=9)


def test_what_fails(run):
    result = run(
        """
        def test_another_transaction(order):
            services.forget(order)
            services.pay(order)

        @pytest.mark.django_db(transaction=True)
        def test_committed(order):
            services.forget_by_instance(order)

        @pytest.fixture
        def forgotten(order):
            services.forget(order)

        def test_in_a_fixture(forgotten):
            pass

        class ShopTest(TestCase):
            def test_in_a_test_case(self):
                services.forget(Order.objects.create())
        """
    )
    result.assert_outcomes(failed=4)
    assert str(result.stdout).count(": update of shop.Order") == 4


def test_a_view_without_a_line_of_its_own_is_named(run):
    result = run("def test_it(order, client): client.post(f'/{order.pk}/edit/', {'status': 'paid'})")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            f"shop/views.py:{line_of(VIEWS, 'class OrderUpdate')}: update of shop.Order",
            "    class OrderUpdate(UpdateView):",
        ]
    )


def test_a_view_that_calls_what_writes(run):
    result = run("def test_it(order, client): client.post(f'/{order.pk}/forget/')")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"shop/services.py:{line_of(SERVICES, '.update(')}: update of shop.Order"])


def test_a_test_that_fails_by_itself_keeps_its_reason(run):
    result = run("def test_it(order):\n    services.forget(order)\n    assert order is None")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*assert order is None*"])
    result.stdout.no_fnmatch_line("*without an event*")


def test_nothing_is_carried_over_to_the_next_test(run):
    result = run(
        """
        @pytest.fixture
        def broken(order):
            services.forget(order)
            raise RuntimeError

        def test_broken(broken): pass
        def test_forgetful(order): services.forget(order)
        def test_innocent(order): services.pay(order)
        """
    )
    result.assert_outcomes(errors=1, failed=1, passed=1)


def test_a_project_without_the_library_is_left_alone(pytester, monkeypatch):
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    pytester.makepyfile("def test_it(): pass")
    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
