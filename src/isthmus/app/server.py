"""Starts the server on a port of this machine."""

from __future__ import annotations

import signal
import socket
from contextlib import suppress
from ipaddress import ip_address

import uvicorn

from isthmus.app.gate import Gate, Names
from isthmus.errors import IsthmusError

LOOPBACK = "127.0.0.1"
"""The host where none is named."""

GRACE = 5
"""Seconds that running requests are given when the server stops."""


def listening(host: str, port: int) -> socket.socket:
    """Returns a socket that clients can connect to.

    Args:
        host: name or address of this machine.
        port: 0 takes a free one.

    Raises:
        IsthmusError: the port is taken, or this machine has no such address.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=2048)
    except OSError as error:
        reason = error.strerror or error
        raise IsthmusError(
            f"cannot listen at port {port} of {host} ({reason}); give another --port, or 0 for a free one"
        ) from error


def is_loopback(listener: socket.socket) -> bool:
    """Returns whether a socket is reached from this machine alone."""
    return ip_address(listener.getsockname()[0]).is_loopback


def address(host: str, listener: socket.socket) -> str:
    """Returns the address of the service for people, such as ``http://127.0.0.1:8000``."""
    return f"http://{f'[{host}]' if ':' in host else host}:{listener.getsockname()[1]}"


def known_names(host: str, others: list[str], listener: socket.socket) -> Names:
    """Returns the names under which the service may be addressed."""
    return Names(frozenset(name.lower() for name in (host, *others)), is_loopback(listener))


def run(app: Gate, listener: socket.socket) -> None:
    """Serves until the process is interrupted, or told to end, which it then does in the same way."""
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=GRACE,
    )
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listener])
    finally:
        signal.signal(signal.SIGTERM, before)
