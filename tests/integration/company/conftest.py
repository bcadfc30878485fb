"""A project of its own, whose tests run in a pytest of their own."""

import textwrap

import pytest

FILES = {
    "settings.py": """
        SECRET_KEY = "tests"
        INSTALLED_APPS = [
            "django.contrib.auth", "django.contrib.contenttypes", "notifyaudit", "shop", "zeal"
        ]
        DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
        DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
        MIGRATION_MODULES = dict.fromkeys(["auth", "contenttypes", "notifyaudit"])
        TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
        NOTIFYAUDIT = {"BASE_URL": "https://shop.example"}
        USE_TZ = True
        """,
    "shop/__init__.py": "",
    "shop/models.py": """
        from django.contrib.auth.models import User
        from django.db import models
        from notifyaudit import Action, audited

        class OrderAction(Action):
            PAID = "order.paid", "Order paid"

        @audited
        class Order(models.Model):
            title = models.CharField(max_length=50)
            customer = models.ForeignKey(User, models.CASCADE)

            def __str__(self):
                return self.title

        class Item(models.Model):
            order = models.ForeignKey(Order, models.CASCADE, related_name="items")
            sellers = models.ManyToManyField(User)
        """,
    "shop/emails.py": """
        from django.contrib.auth.models import User
        from notifyaudit import AuditEmail
        from shop.models import OrderAction

        class OrderPaidEmail(AuditEmail):
            actions = [OrderAction.PAID]
            subject = "{{ target }} was paid"
            template_name = "paid.html"

            @classmethod
            def get_recipients(cls, event):
                return User.objects.filter(username__startswith="reader")
        """,
    "shop/templates/paid.html": "{{ target.title }}, by {{ event.actor_repr }}, to {{ recipient.username }}",
    "conftest.py": """
        import pytest
        from django.contrib.auth.models import User
        from notifyaudit import record
        from shop.models import Order, OrderAction

        @pytest.fixture
        def people(db):
            return [
                User.objects.create(username=f"{name}{number}", email=f"{name}{number}@shop.example")
                for name in ("buyer", "reader") for number in range(20)
            ]

        @pytest.fixture
        def pay(people):
            def pay(title, buyer=0, **options):
                order = Order.objects.create(title=title, customer=people[buyer])
                record(OrderAction.PAID, target=order, actor=people[buyer], **options)
                return order
            return pay
        """,
}


@pytest.fixture
def run(pytester, monkeypatch):
    """Run a test file in the project, of which some files may be other ones."""
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "settings")
    # In continuous integration pytest repeats whole messages in its summary.
    for name in ("PYTEST_ADDOPTS", "CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)
    pytester.makeini("[pytest]\npythonpath = .\nfilterwarnings = error")

    def run(test, *options, **changed):
        for name, content in {**FILES, **changed, "test_shop.py": test}.items():
            path = pytester.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(content))
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", "-p", "no:asyncio", *options)

    return run
