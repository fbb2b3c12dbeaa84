"""Sockets and addresses."""

from __future__ import annotations

import socket

import pytest

from isthmus.app.server import address, is_loopback, known_names, listening
from isthmus.errors import IsthmusError


def test_a_taken_port_is_refused() -> None:
    with listening("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        assert address("127.0.0.1", first) == f"http://127.0.0.1:{port}"
        assert is_loopback(first)
        with pytest.raises(IsthmusError, match=rf"port {port} of 127.0.0.1 .*--port"):
            listening("127.0.0.1", port)


def test_a_host_that_is_not_this_machine_is_refused() -> None:
    with pytest.raises(IsthmusError, match=r"192\.0\.2\.1"):  # an address for documentation
        listening("192.0.2.1", 0)


def test_names_of_a_host_that_was_named() -> None:
    with listening("0.0.0.0", 0) as open_to_others:
        assert not is_loopback(open_to_others)
        names = known_names("0.0.0.0", ["Lab.example"], open_to_others)
    assert "lab.example" in names
    assert "10.1.2.3" in names
    assert "evil.example" not in names


@pytest.mark.skipif(not socket.has_ipv6, reason="needs another operating system: one with IPv6")
def test_addresses_of_ipv6_have_brackets() -> None:
    try:
        listener = listening("::1", 0)
    except IsthmusError:
        pytest.skip("needs another operating system: one with IPv6")
    with listener:
        assert address("::1", listener).startswith("http://[::1]:")
        assert is_loopback(listener)
        assert "[::1]" in known_names("::1", [], listener)
