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


def pytest_collection_modifyitems(config, items):
    database = settings.DATABASES["default"]
    if "sqlite" in database["ENGINE"]:
        return
    where = f"{database['HOST']}:{database['PORT']}"
    if answers(database["HOST"], int(database["PORT"])):
        return
    if SERVICES_REQUIRED:
        pytest.exit(
            f"NOTIFYAUDIT_REQUIRE_SERVICES=1, and no {settings.DATABASE} answers at {where}", returncode=1
        )
    for item in items:
        item.add_marker(pytest.mark.skip(reason=f"no {settings.DATABASE} answers at {where}"))


def pytest_report_header():
    import django

    return f"django: {django.get_version()}, database: {settings.DATABASE}"
