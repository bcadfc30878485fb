"""
A little project in a directory of its own, for what is seen of the library from outside: pytest as a user
starts it, and Django's own runner.
"""

import sys
import textwrap

import pytest

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
    MIGRATION_MODULES = dict.fromkeys(["auth", "contenttypes", "notifyaudit"])
    ROOT_URLCONF = "shop.views"
    MIDDLEWARE = ["shop.middleware.passing"]
    NOTIFYAUDIT = {"BASE_URL": "https://shop.example"}
    STATIC_URL = "static/"
    TEMPLATES = [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "loaders": [
                    (
                        "django.template.loaders.locmem.Loader",
                        {"paid.html": "<p>Order {{ target.pk }} is paid.</p>"},
                    )
                ]
            },
        }
    ]
    USE_TZ = True
"""

EMAILS = """
    from notifyaudit import AuditEmail
    from shop.models import OrderAction

    class OrderPaidEmail(AuditEmail):
        actions = [OrderAction.PAID]
        subject = "Order {{ target.pk }} was paid"
        template_name = "paid.html"

        @classmethod
        def get_recipients(cls, event):
            return ["owner@shop.example", *event.data.get("also", [])]
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


UNITTEST = """
    from django.db import connection, transaction
    from django.test import SimpleTestCase, TestCase, TransactionTestCase
    from notifyaudit import record
    from notifyaudit.testing import AuditOutboxMixin
    from shop import services
    from shop.emails import OrderPaidEmail
    from shop.models import Order, OrderAction

"""


INI = """
    [pytest]
    pythonpath = .
    filterwarnings = error
"""

# Plugins that these tests themselves need. A project that does not use them starts in half the time without.
WITHOUT = ("hypothesispytest", "faker", "syrupy", "inline_snapshot", "time_machine")


def line_of(source, text):
    lines = textwrap.dedent(source).splitlines()
    return next(number for number, line in enumerate(lines, 1) if text in line)


@pytest.fixture
def shop(pytester, monkeypatch):
    """The project's directory."""
    # In continuous integration pytest repeats whole messages in its summary; below a worker of pytest-xdist,
    # inline-snapshot writes nothing.
    for name in ("CI", "BUILD_NUMBER", "PYTEST_ADDOPTS", "PYTEST_XDIST_WORKER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "settings")
    options = " ".join(f"-p no:{name}" for name in WITHOUT)
    pytester.makeini(f"{textwrap.dedent(INI)}addopts = {options}\n")
    files = {
        "settings": SETTINGS,
        "shop/__init__": "",
        "shop/models": MODELS,
        "shop/emails": EMAILS,
        "shop/services": SERVICES,
        "shop/views": VIEWS,
        "shop/middleware": MIDDLEWARE,
    }
    for name, content in files.items():
        path = pytester.path / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(content))
    return pytester.path


@pytest.fixture
def run_pytest(shop, pytester):
    """A function that runs tests in the project, as at a terminal."""

    quiet = ["-p", "no:randomly", "-p", "no:asyncio", "-p", "no:cacheprovider", "-q"]

    def run(test, *options, head=TEST, **more):
        for name, content in more.items():
            (shop / f"{name}.py").write_text(textwrap.dedent(content))
        (shop / "test_shop.py").write_text(textwrap.dedent(head) + textwrap.dedent(test))
        return pytester.runpytest_subprocess(*quiet, *options)

    return run


@pytest.fixture
def run_django(shop, pytester):
    """A function that runs test cases in the project with Django's own runner."""

    def run(test, *options):
        (shop / "test_cases.py").write_text(textwrap.dedent(UNITTEST) + textwrap.dedent(test))
        command = [sys.executable, "-W", "error", "-m", "django", "test", "--pythonpath", ".", *options]
        return pytester.run(*command)

    return run
