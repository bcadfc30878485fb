"""Fills and empties the ledger's tables, and makes the people that are told."""

from collections.abc import Mapping
from typing import Any

from django.core.management.color import no_style
from django.db import connection, models
from django.db.models import CharField, Func, Value
from django.db.models.functions import Cast, Concat

from benchmarks.bare.models import BareMessage, BareNotification
from example_site.inspections.models import User
from notifyaudit.models import AuditEvent, Message, Notification

LEDGER: tuple[Any, ...] = (Notification, Message, AuditEvent)
BARE: tuple[Any, ...] = (BareNotification, BareMessage)
BATCH = 500

_FIRST = 1_000_000
"""The key of the first reader."""

_RANDOM = {
    "sqlite": "lower(hex(randomblob(16)))",
    "postgresql": "replace(gen_random_uuid()::text, '-', '')",
    "mysql": "replace(uuid(), '-', '')",
}


def empty() -> None:
    """The tables as they were made, with no dead rows that the next candidate would have to step over."""
    tables = [model._meta.db_table for model in (*LEDGER, *BARE)]
    connection.ops.execute_sql_flush(connection.ops.sql_flush(no_style(), tables, reset_sequences=True))


def make_readers(number: int) -> None:
    """So many users, as far as they are not there yet."""
    there = User.objects.filter(pk__gte=_FIRST).count()
    User.objects.bulk_create(
        (
            User(
                pk=_FIRST + each, username=_name(each), email=f"{_name(each)}@x.example", first_name="Reader"
            )
            for each in range(there, number)
        ),
        batch_size=BATCH,
    )
    analyse(User)


def readers(number: int) -> Any:
    """A queryset of the first of them."""
    return User.objects.filter(first_name="Reader", pk__lt=_FIRST + number)


def analyse(model: Any, *, vacuum: bool = False) -> None:
    """What autovacuum does on PostgreSQL, when it is nobody's turn."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"{'VACUUM ' if vacuum else ''}ANALYZE {model._meta.db_table}")


def addresses(number: int) -> Any:
    """So many addresses, one at a time: what a list of them takes is not the library's."""
    return (f"{_name(each)}@x.example" for each in range(number))


def _name(number: int) -> str:
    return f"reader{number:07}"


def insert_messages(model: Any, of: Any) -> None:
    """One ``INSERT … SELECT``: an open message to each user of the queryset."""
    user_id = Cast("pk", CharField())
    message_id = Func(template=_RANDOM[connection.vendor], output_field=CharField())
    insert(
        model,
        of,
        {
            "email_key": Value("test.kind"),
            "recipient_key": Concat(Value("user:"), user_id),
            "recipient_id": user_id,
            "message_id": Concat(Value("<"), message_id, Value("@site.example>")),
        },
    )


def insert_notifications(model: Any, of: Any, event: AuditEvent) -> None:
    """One ``INSERT … SELECT``: a notification about the event for each message of the queryset."""
    same = {name: models.F(name) for name in ("email_key", "recipient_key", "recipient_id")}
    insert(model, of, {**same, "event": Value(event.pk), "message": models.F("pk"), "reason": Value("named")})


def insert(model: Any, source: Any, given: Mapping[str, Any]) -> None:
    """One ``INSERT … SELECT``: a row for each of the queryset, with defaults for what is not given."""
    columns = [field for field in model._meta.concrete_fields if not field.primary_key]
    values = {
        f"bare_{field.name}": given.get(field.name)
        or Value(field.get_default(), output_field=field.target_field if field.is_relation else field)
        for field in columns
    }
    select, parameters = (
        source.order_by()
        .annotate(**values)
        .values_list(*values)
        .query.get_compiler(connection.alias)
        .as_sql()
    )
    quote = connection.ops.quote_name
    names = ", ".join(quote(field.column) for field in columns)
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {quote(model._meta.db_table)} ({names}) {select}", parameters)
