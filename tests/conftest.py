"""Which database the tests run on, and what happens on a machine that does not have it."""

import os
import socket

import pytest
from django.conf import settings

SERVICES_REQUIRED = os.environ.get("NOTIFYAUDIT_REQUIRE_SERVICES") == "1"


def answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=2).close()
    except OSError:
        return False
    return True


def unavailable() -> str:
    """Why the tests cannot run on the chosen database; empty if they can."""
    database = settings.DATABASES["default"]
    if settings.DATABASE_UNAVAILABLE:
        return settings.DATABASE_UNAVAILABLE
    if "sqlite" in database["ENGINE"] or answers(database["HOST"], int(database["PORT"])):
        return ""
    return f"no {settings.DATABASE} answers at {database['HOST']}:{database['PORT']}"


def needs_one_database(item) -> bool:
    # Tests in a project of their own have its database, which is always the same.
    return bool(item.get_closest_marker("one_database")) or "pytester" in getattr(item, "fixturenames", ())


def pytest_collection_modifyitems(config, items):
    if settings.DATABASE != "sqlite":
        others = [item for item in items if needs_one_database(item)]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if not needs_one_database(item)]
    if not (reason := unavailable()):
        return
    if SERVICES_REQUIRED:
        pytest.exit(f"NOTIFYAUDIT_REQUIRE_SERVICES=1, but {reason}", returncode=1)
    for item in items:
        item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True)
def _nothing_outlives_its_test():
    """No email class, no signal, and no count of requests: the readers of two tests may have the same key."""
    from django.core.cache import cache

    from notifyaudit.registry import emails
    from notifyaudit.sources import ReliableSignal

    cache.clear()
    signals = set(ReliableSignal.instances)
    with emails.isolated():
        yield
    for signal in set(ReliableSignal.instances) - signals:
        ReliableSignal.instances.discard(signal)


@pytest.fixture(scope="module")
def server():
    """A real SMTP server, the module's own."""
    from tests.integration.mailserver import SmtpServer

    server = SmtpServer()
    yield server
    server.stop()


def pytest_report_header():
    import django

    return f"django: {django.get_version()}, database: {settings.DATABASE}"
