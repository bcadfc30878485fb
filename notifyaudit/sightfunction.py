"""
The one function of the database by which triggers hand over what they see. Triggers in a project's migrations
only call it, so it can change without them.
"""

from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

# Nothing in it may raise: it runs inside of somebody's write. The circumstances are therefore kept as text,
# and read by the sweep. clock_timestamp() is when the row was changed; now() would be when the transaction
# began.
_CREATE = """
CREATE OR REPLACE FUNCTION notifyaudit_sighted(
    source text, model text, operation text, before jsonb, after jsonb
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO notifyaudit_sighting (
        source, model, operation, before, after, transaction, context, seen_at, attempts, error
    ) VALUES (
        source, model, operation, before, after, pg_current_xact_id()::text,
        coalesce(current_setting('notifyaudit.context', true), ''), clock_timestamp(), 0, ''
    );
END $$
"""

_SIGHTINGS = "notifyaudit_sighting"

_DROP = "DROP FUNCTION IF EXISTS notifyaudit_sighted(text, text, text, jsonb, jsonb)"

_EXISTS = "SELECT to_regprocedure('notifyaudit_sighted(text, text, text, jsonb, jsonb)') IS NOT NULL"


def install(connection: BaseDatabaseWrapper) -> None:
    """Make the function, or replace it by this version; on other databases than PostgreSQL, nothing."""
    _execute(connection, _CREATE)


def remove(connection: BaseDatabaseWrapper) -> None:
    """Remove it. A trigger that still calls it makes each write to its table fail."""
    _execute(connection, _DROP)


def install_if_missing(*, using: str, **_: Any) -> None:
    """After ``migrate``: where tables were made without migrations, as in tests, it is not there yet."""
    connection = connections[using]
    if connection.vendor != "postgresql" or _SIGHTINGS not in connection.introspection.table_names():
        return
    with connection.cursor() as cursor:
        cursor.execute(_EXISTS)
        (exists,) = cursor.fetchone()
    if not exists:
        install(connection)


def _execute(connection: BaseDatabaseWrapper, sql: str) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(sql)
