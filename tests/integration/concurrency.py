"""Work that another process does at the same time, and queries that something happens to."""

from contextlib import contextmanager

import pytest
from django.db import DatabaseError, connection, connections

needs_row_locks = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="two connections meet at a row's lock on PostgreSQL"
)


def on_its_own_connection(function, *arguments):
    """Call a function in a thread of its own, and close the connections that the thread has opened."""
    try:
        return function(*arguments)
    finally:
        connections.close_all()


@contextmanager
def before_first(verb, table, happen):
    """``happen()`` right before the first statement inside the block that does this to the table."""
    start, happened = f"{verb} {connection.ops.quote_name(table)}", []

    def wrapper(execute, sql, params, many, context):
        if sql.startswith(start) and not happened:
            happened.append(sql)
            happen()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wrapper):
        yield
    assert happened, f"no statement began with {start}"


def lost():
    """What to let happen for a database that goes away."""
    raise DatabaseError("the database is gone")
