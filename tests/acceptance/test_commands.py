"""``make serve`` and ``make demo`` end as they should: no process left, a sentence if something is wrong."""

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from example_site.ports import check_port, free_port
from example_site.processes import ROOT, Process, wait_for

SECONDS = 60

SERVE = """
import sys
from pathlib import Path
from example_site import serve

serve.DIRECTORY = Path(sys.argv[1])
sys.exit(serve.main())
"""

DEMO_WITHOUT_WORKER = """
import sys
from pathlib import Path
from example_site import demo

demo.DIRECTORY = Path(sys.argv[1])
demo.MAIL_SECONDS = 1
demo.Processes.start_worker = lambda self: None
sys.exit(demo.main())
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Process]]:
    """Starts a program whose files are below the test's own directory, and ends it with the test."""
    started = []

    def start_program(code: str, **environment: str) -> Process:
        command = [sys.executable, "-c", code, str(tmp_path / "files")]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **environment}
        started.append(Process("program", command, log=tmp_path / "output.log", environment=environment))
        return started[-1]

    yield start_program
    for process in started:
        process.stop()


@pytest.mark.parametrize("variable", ["PORT", "SMTP_PORT"])
def test_serve_names_a_port_that_is_taken_and_the_way_out(variable, start):
    ports = {"PORT": str(free_port()), "SMTP_PORT": str(free_port())}
    with socket.socket() as other:
        other.bind(("127.0.0.1", int(ports[variable])))
        other.listen()
        process = start(SERVE, **ports)
        assert process.wait(SECONDS) == 1
    assert f"Port {ports[variable]} is in use" in process.output
    assert f"{variable}={int(ports[variable]) + 1} make serve" in process.output
    assert "Traceback" not in process.output


def test_serve_refuses_what_is_no_port(start):
    process = start(SERVE, PORT="eighty")

    assert process.wait(SECONDS) == 1
    assert "PORT must be a port" in process.output
    assert "Traceback" not in process.output


def test_serve_runs_until_it_is_stopped_and_leaves_nothing_running(start):
    ports = {"PORT": free_port(), "SMTP_PORT": free_port()}
    process = start(SERVE, **{name: str(port) for name, port in ports.items()})
    wait_for(lambda: "as they arrive" in process.output, what="serve runs", check=process.check_running)

    os.kill(process.pid, signal.SIGTERM)

    assert process.wait(SECONDS) == 0, process.output
    for name, port in ports.items():
        check_port(port, name)


def test_demo_fails_with_a_sentence_when_no_mail_comes(start):
    process = start(DEMO_WITHOUT_WORKER)

    assert process.wait(SECONDS) == 1
    assert "The demo failed. No mail came for inspector@example.com." in process.output
    assert "Traceback" not in process.output
