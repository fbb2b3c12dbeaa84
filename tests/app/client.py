"""A client that speaks ASGI with an application in this process, and can send slowly, or leave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from isthmus.app.gate import Gate
from isthmus.app.segmenter import Segmenter
from isthmus.app.service import create_app

TOKEN = "a-token-for-the-tests"
HOST = ("host", "127.0.0.1:8000")
KNOWN = [HOST, ("authorization", f"Bearer {TOKEN}")]
PNG = ("content-type", "image/png")


@dataclass
class Received:
    """What came back; the status 0 if nothing did."""

    status: int
    headers: dict[str, str]
    content: bytes
    chunks_taken: int

    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def error(self) -> str:
        """The line that says why the request was refused."""
        found = self.json()
        assert list(found) == ["error"]
        assert "\n" not in found["error"]
        return str(found["error"])


class Client:
    """A client that knows the token."""

    def __init__(self, app: Gate | Segmenter) -> None:
        self.app = create_app(app, TOKEN) if isinstance(app, Segmenter) else app

    def get(self, target: str, headers: Iterable[tuple[str, str]] = KNOWN) -> Received:
        return asyncio.run(self.exchange("GET", target, headers))

    def predict(self, image: bytes, query: str = "", *headers: tuple[str, str]) -> Received:
        return asyncio.run(self.send([image], query, *headers))

    async def send(
        self,
        chunks: Iterable[bytes],
        query: str = "",
        *headers: tuple[str, str],
        leave: asyncio.Event | None = None,
        stalls: bool = False,
    ) -> Received:
        """Sends an image in chunks; a PNG, unless headers say otherwise."""
        return await self.exchange(
            "POST", f"/api/predict?{query}", [*KNOWN, *(headers or (PNG,))], chunks, leave, stalls
        )

    async def exchange(
        self,
        method: str,
        target: str,
        headers: Iterable[tuple[str, str]] = KNOWN,
        chunks: Iterable[bytes] = (),
        leave: asyncio.Event | None = None,
        stalls: bool = False,
    ) -> Received:
        """Sends a request and waits for the answer.

        Args:
            leave: the client leaves when this is set.
            stalls: the end of the body never comes.
        """
        path, _, query = target.partition("?")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers],
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8000),
        }
        found, remaining = Received(0, {}, b"", 0), iter(chunks)
        ended = False

        async def receive() -> dict[str, Any]:
            nonlocal ended
            if not ended and (chunk := next(remaining, None)) is not None:
                found.chunks_taken += 1
                return {"type": "http.request", "body": chunk, "more_body": True}
            if not ended and not stalls:
                ended = True
                return {"type": "http.request", "body": b"", "more_body": False}
            await (leave or asyncio.Event()).wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if leave is not None and leave.is_set():
                return
            if message["type"] == "http.response.start":
                found.status = message["status"]
                found.headers = {
                    name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]
                }
            else:
                found.content += message.get("body", b"")

        await self.app(scope, receive, send)
        return found
