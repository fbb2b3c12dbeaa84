"""Nobody without the token comes in, and no web site by the browser of the user."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from isthmus.app.gate import SECURITY, Gate, Names, accepted_token, new_token
from isthmus.app.segmenter import Segmenter
from isthmus.app.service import create_app
from isthmus.errors import IsthmusError

from .client import HOST, KNOWN, TOKEN, Client

PATHS = ["/api/health", "/api/runs", "/api/predict", "/api/openapi.json", "/", "/../etc/passwd"]


@pytest.fixture
def segmenter() -> Iterator[Segmenter]:
    """No run at all."""
    with Segmenter([]) as made:
        yield made


@pytest.mark.parametrize("path", [path for path in PATHS if path != "/api/health"])
@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}x",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer tokén-é",
    ],
)
def test_without_the_token_nothing_is_told(path: str, given: str | None, client: Client) -> None:
    headers = [HOST] if given is None else [HOST, ("authorization", given)]
    found = client.get(path, headers)
    assert found.status == 401
    assert found.headers["www-authenticate"] == "Bearer"
    assert TOKEN not in found.error


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "127.0.0.1.evil.example",
        "localhost.evil.example:8000",
        "evil.example@127.0.0.1",
        "10.0.0.7:8000",
        "[2001:db8::1]",
        "127.0.0.1:8000/x",
        "127.0.0.1:port",
        "",
        " localhost",
    ],
)
def test_a_name_that_points_here_from_elsewhere_is_refused(path: str, host: str, client: Client) -> None:
    found = client.get(path, [("host", host), *KNOWN[1:]])
    assert found.status == 403
    assert "host" in found.error


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "LOCALHOST:9", "[::1]:8000", "127.0.0.1"])
def test_this_machine_is_known_at_any_port(host: str, client: Client) -> None:
    assert client.get("/api/runs", [("host", host), *KNOWN[1:]]).status == 200


def test_there_is_one_host(client: Client) -> None:
    assert client.get("/api/health", []).status == 403
    assert client.get("/api/health", [HOST, ("host", "evil.example")]).status == 403


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "header",
    [
        ("origin", "https://evil.example"),
        ("origin", "http://127.0.0.1:9000"),
        ("origin", "http://localhost:8000"),
        ("origin", "null"),
        ("origin", ""),
        ("origin", "http://127.0.0.1:8000.evil.example"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ],
)
def test_other_web_sites_are_refused(path: str, header: tuple[str, str], client: Client) -> None:
    found = client.get(path, [*KNOWN, header])
    assert found.status == 403
    assert "other web sites" in found.error


def test_pages_of_its_own_are_let_in(client: Client) -> None:
    own = [("origin", "http://127.0.0.1:8000"), ("sec-fetch-site", "same-origin")]
    assert client.get("/api/runs", [*KNOWN, *own]).status == 200


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("headers", [KNOWN, [HOST], []], ids=["known", "no token", "no host"])
def test_every_answer_has_the_headers_of_safety(
    path: str, headers: list[tuple[str, str]], client: Client
) -> None:
    found = client.get(path, headers).headers
    assert {name.lower(): value for name, value in SECURITY.items()}.items() <= found.items()
    assert "default-src 'none'" in found["content-security-policy"]
    assert not any(name.startswith("access-control") for name in found)


def test_a_host_that_was_named_is_known(segmenter: Segmenter) -> None:
    open_to_others = Client(create_app(segmenter, TOKEN, Names({"lab.example"}, loopback=False)))
    for host, status in (("10.0.0.7:8000", 200), ("LAB.example", 200), ("evil.example", 403)):
        assert open_to_others.get("/api/runs", [("host", host), *KNOWN[1:]]).status == status


def test_the_token_is_compared_in_constant_time(
    segmenter: Segmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = []

    def notes(one: bytes, other: bytes) -> bool:
        compared.append(one)
        return True

    monkeypatch.setattr("isthmus.app.gate.secrets.compare_digest", notes)
    assert Client(segmenter).get("/api/runs", [HOST, ("authorization", "x")]).status == 200
    assert compared == [b"x"]


def test_tokens() -> None:
    assert len({new_token() for _ in range(9)}) == 9
    assert accepted_token(new_token())
    assert accepted_token("sixteen-letters!") == "sixteen-letters!"
    for bad in ("short", "with a blank in it", "ümläute-sind-keine", "line\nbreaks-are-no", ""):
        with pytest.raises(IsthmusError, match="at least 16"):
            accepted_token(bad)


def test_it_speaks_http_alone(segmenter: Segmenter) -> None:
    app = create_app(segmenter, TOKEN)
    assert isinstance(app, Gate)
    with pytest.raises(RuntimeError, match="websocket"):
        asyncio.run(app({"type": "websocket"}, None, None))
