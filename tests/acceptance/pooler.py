"""PgBouncer in transaction mode before the machine's PostgreSQL, as forgetful as it can be."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from example_site.ports import free_port
from tests.acceptance.databases import HOST, PORT, missing

CONFIGURATION = """\
[databases]
* = host={host} port={port} user={user}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen_port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
max_client_conn = 100
; What a transaction leaves behind in its session is gone right after it.
server_reset_query = DISCARD ALL
server_reset_query_always = 1
"""

SECONDS = 10


@contextmanager
def pgbouncer(configuration: str = CONFIGURATION, *, password: str = "") -> Iterator[int]:
    """
    The port on which it listens. Of the configuration above, every database of the server is behind it.

    Args:
        configuration: with the names in braces that the one above has, and ``{users}``, the file of users.
        password: of the only user that is in there.
    """
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        missing("PgBouncer is not installed (Debian: apt install pgbouncer)")
    port = free_port()
    # Not below tmp_path, which only its owner may enter: it refuses to run as root.
    with tempfile.TemporaryDirectory(prefix="pgbouncer-") as directory:
        Path(directory).chmod(0o755)
        file, users = Path(directory, "pgbouncer.ini"), Path(directory, "users")
        user = os.environ.get("PGUSER", "postgres")
        users.write_text(f'"{user}" "{password}"\n', encoding="utf-8")
        file.write_text(
            configuration.format(host=HOST, port=PORT, user=user, listen_port=port, users=users),
            encoding="utf-8",
        )
        url = f"postgresql://{user}:{password}@127.0.0.1:{port}/postgres"
        log = Path(directory, "log")
        as_nobody = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
        with log.open("wb") as output:
            process = subprocess.Popen([program, file], stdout=output, stderr=output, **as_nobody)
        try:
            _wait_until_it_answers(url, process, log)
            yield port
        finally:
            # From 1.23 on SIGTERM has it wait for its clients; it has nothing to write down.
            process.kill()
            process.wait()


def _wait_until_it_answers(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(log.read_text(errors="replace")) from None
            time.sleep(0.05)
        else:
            return
