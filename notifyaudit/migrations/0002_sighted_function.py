from typing import Any

from django.db import migrations

from notifyaudit import sightfunction


def install(apps: Any, schema_editor: Any) -> None:
    sightfunction.install(schema_editor.connection)


def remove(apps: Any, schema_editor: Any) -> None:
    sightfunction.remove(schema_editor.connection)


class Migration(migrations.Migration):
    """On PostgreSQL, the function that triggers call; elsewhere, nothing."""

    dependencies = [("notifyaudit", "0001_initial")]

    operations = [migrations.RunPython(install, remove, elidable=False)]
