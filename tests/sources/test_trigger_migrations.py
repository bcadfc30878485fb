"""Triggers come into a database by ``makemigrations`` and ``migrate``, in a new project."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

if connection.vendor != "postgresql":
    pytest.skip("triggers need PostgreSQL", allow_module_level=True)

ROOT = Path(__file__).resolve().parents[2]

SETTINGS = """
from tests.sources.proof.settings import *
INSTALLED_APPS = [*INSTALLED_APPS[:-1], "shop"]
DATABASES["default"]["NAME"] = {name!r}
NOTIFYAUDIT = {{
    "WAKE_UP": "never",
    "SOURCES": {{
        "notifyaudit.sources.pghistory.PgHistory": {{"shop.Order.updated": "order.edited"}},
        "notifyaudit.sources.tables.Tables": {{"shop.Item.updated": "item.edited"}},
    }},
}}
"""

MODELS = """
import pghistory
from django.db import models
from notifyaudit.sources import audit_table

class Item(models.Model):
    name = models.CharField(max_length=20)

audit_table(Item)

@pghistory.track()
class Order(models.Model):
    name = models.CharField(max_length=20)
"""

ACTIONS = """
from notifyaudit import Action

class ShopAction(Action):
    ORDER = "order.edited", "Order edited"
    ITEM = "item.edited", "Item edited"
"""

WRITE = """
import django; django.setup()
from notifyaudit.models import AuditEvent
from notifyaudit.tasks import sweep
from shop.models import Item, Order
for model in (Item, Order):
    model.objects.create(name="a")
    model.objects.update(name="b")
sweep()
print(*sorted(AuditEvent.objects.values_list("action", flat=True)))
"""


@pytest.fixture
def database(django_db_setup, django_db_blocker):
    name = f"{connection.settings_dict['NAME']}_shop"
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}"')
        cursor.execute(f'CREATE DATABASE "{name}"')
        yield name
        cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def test_triggers_arrive_and_leave_by_migrations(database, tmp_path):
    def run(*command):
        paths = [str(tmp_path), str(ROOT), os.environ.get("PYTHONPATH", "")]
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(paths),
            "DJANGO_SETTINGS_MODULE": "site_settings",
        }
        done = subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    app = tmp_path / "shop"
    app.mkdir()
    (tmp_path / "site_settings.py").write_text(SETTINGS.format(name=database))
    (app / "__init__.py").touch()
    (app / "models.py").write_text(MODELS)
    (app / "actions.py").write_text(ACTIONS)

    made = run("-m", "django", "makemigrations", "shop")
    assert "Create trigger notifyaudit_changes on model item" in made
    assert "Create trigger notifyaudit_pghistory on model orderevent" in made
    run("-m", "django", "migrate", "-v0")
    assert run("-c", WRITE).split() == ["item.edited", "order.edited"]

    (app / "models.py").write_text(MODELS.replace("audit_table(Item)", 'audit_table(Item, fields=["name"])'))
    assert "Create trigger notifyaudit_changes on model item" in run("-m", "django", "makemigrations", "shop")
    (app / "models.py").write_text(MODELS.replace("audit_table(Item)", ""))
    assert "Remove trigger notifyaudit_changes from model item" in run(
        "-m", "django", "makemigrations", "shop"
    )
    run("-m", "django", "migrate", "-v0")
    assert run("-c", WRITE).count("item.edited") == 1
    # All the way back, so that nothing of it stays in a database that the project leaves.
    run("-m", "django", "migrate", "-v0", "shop", "zero")
    run("-m", "django", "migrate", "-v0", "notifyaudit", "zero")
