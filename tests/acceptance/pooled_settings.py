"""The patient settings behind a connection pooler, with each message to the database on record."""

import os
from uuid import uuid4

from django.db.backends.signals import connection_created

from tests.acceptance import patient_settings
from tests.acceptance.patient_settings import *  # noqa: F403

DATABASES = {"default": patient_settings.DATABASES["default"] | {"DISABLE_SERVER_SIDE_CURSORS": True}}
NOTIFYAUDIT = patient_settings.NOTIFYAUDIT | {"CONNECTIONS": 2}


def trace(connection, **_kwargs):
    """Have libpq write down its side of the protocol: what Django's own log leaves out is in there too."""
    # Open as long as the process lives: libpq has the number only.
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    connection.connection.pgconn.trace(os.open(f"{os.environ['TRACES']}/{uuid4().hex}", flags))


connection_created.connect(trace)
