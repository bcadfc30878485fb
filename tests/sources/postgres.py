"""What the tests of triggers have in common."""

import pytest
from django.db import connection

from notifyaudit.models import AuditEvent
from notifyaudit.sources import configured, sightings

_TABLES = [
    "notifyaudit_sighting",
    "notifyaudit_auditevent",
    "triggers_sightedinspection",
    "triggers_narrowinspection",
    "triggers_eventedinspection",
    "triggers_eventedinspectionevent",
]


def taken_up(source):
    """The events of a source, once a sweep has taken up what was seen."""
    sightings.take_up()
    return list(AuditEvent.objects.filter(source=source).order_by("pk"))


def source_named(name):
    return next(source for source in configured.sources() if source.name == name)


@pytest.fixture
def committing(django_db_setup, django_db_blocker):
    """Transactions end as in production. Empties what is written here: emptying all tables takes seconds."""
    with django_db_blocker.unblock():
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute(f"TRUNCATE {', '.join(_TABLES)} CASCADE")
            connection.close()
