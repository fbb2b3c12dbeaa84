"""Lets in only who knows the token, and no web site that the user happens to visit."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import ip_address

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from isthmus.app.refusals import Refused, refusal
from isthmus.errors import IsthmusError

OPEN = "/api/health"
"""The one path that needs no token."""

SHORTEST = 16
"""The fewest letters of a token."""

SECURITY = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Headers of every answer."""

_HOST = re.compile(r"(?P<name>[a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d{1,5})?")


@dataclass(frozen=True)
class Names:
    """Names under which the service may be addressed.

    A web site that lets its own name point to this machine is refused by them. So are addresses of the network, as long
    as the service is reached from this machine alone.

    Attributes:
        others: names beside ``localhost``, in lower case.
        loopback: whether the service is reached from this machine alone.

    >>> "localhost" in Names(), "127.0.0.1" in Names(), "10.0.0.7" in Names(), "evil.example" in Names(loopback=False)
    (True, True, False, False)
    """

    others: Collection[str] = ()
    loopback: bool = True

    def __contains__(self, name: str) -> bool:
        if name == "localhost" or name in self.others:
            return True
        try:
            address = ip_address(name.strip("[]"))
        except ValueError:
            return False
        return address.is_loopback or not self.loopback


def new_token() -> str:
    """Returns a token that nobody can guess."""
    return secrets.token_urlsafe(32)


def accepted_token(token: str) -> str:
    """Returns a token that a user gave.

    Raises:
        IsthmusError: it is short, or cannot be sent in a header.
    """
    if not re.fullmatch(rf"[!-~]{{{SHORTEST},}}", token):
        raise IsthmusError(
            f"the token has {len(token)} characters; give at least {SHORTEST} letters, digits or signs of ASCII, "
            "no blanks, or leave it out, and one is made"
        )
    return token


class Gate:
    """An application behind checks of host, origin and token; a layer of ASGI.

    Args:
        app: the application.
        token: what clients send as ``Authorization: Bearer TOKEN``.
        names: the names in the header ``Host`` that are known.
    """

    def __init__(self, app: ASGIApp, token: str, names: Names) -> None:
        self.app, self.names = app, names
        self._expected = f"Bearer {token}".encode("latin-1")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            raise RuntimeError(f"this application speaks HTTP alone, found {scope['type']}")

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(SECURITY)
            await send(message)

        try:
            self._check(Headers(scope=scope), scope["path"])
        except Refused as error:
            await refusal(error)(scope, receive, send_safely)
            return
        await self.app(scope, receive, send_safely)

    def _check(self, headers: Headers, path: str) -> None:
        hosts = [host.lower() for host in headers.getlist("host")]
        found = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if found is None or found["name"] not in self.names:
            raise Refused(
                403,
                "this host name is not known here; use the address that was printed at the start, or --name",
            )
        own = {f"http://{hosts[0]}", f"https://{hosts[0]}"}
        elsewhere = headers.get("sec-fetch-site", "none") not in ("none", "same-origin")
        if elsewhere or not own.issuperset(origin.lower() for origin in headers.getlist("origin")):
            raise Refused(403, "requests from other web sites are refused")
        given = headers.get("authorization", "").encode("latin-1")
        if path != OPEN and not secrets.compare_digest(given, self._expected):
            raise Refused(
                401,
                "a missing or wrong token; send the header Authorization: Bearer TOKEN with the token that was printed "
                "at the start",
                {"WWW-Authenticate": "Bearer"},
            )
