"""Ports of this machine: whether one is free, and whether a site answers there."""

import socket
from errno import EADDRINUSE
from http.client import HTTPConnection, HTTPException


class PortError(Exception):
    """One of ours cannot listen where it should, mostly because another program does."""

    def __init__(self, port: int, variable: str, error: OSError) -> None:
        taken = error.errno == EADDRINUSE
        why = "is in use by another program" if taken else f"cannot be used ({error.strerror})"
        example = f"{variable}={port + 1} make serve"
        super().__init__(f"Port {port} {why}. Choose another one, for example: {example}")


def check_port(port: int, variable: str) -> None:
    """
    Raises:
        PortError: when something listens there, or nothing may.
    """
    with socket.socket() as probe:
        # As servers do: a port whose last connections are still winding down is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortError(port, variable, error) from None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def http_status(port: int, path: str) -> int | None:
    """The status of the answer; ``None`` without one."""
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()
