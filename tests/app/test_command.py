"""The command itself, on a port: the page's examples run as they are written, and Ctrl-C ends it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import numpy as np
import pytest

from isthmus.inference.predictor import Predictor
from isthmus.io.images import Source, read_image, read_mask
from isthmus.runs.trained import example_of

PAGE = (Path(__file__).parents[2] / "docs" / "serve.md").read_text(encoding="utf-8")
TOKEN = "a-token-of-the-environment"

pytestmark = pytest.mark.slow


@contextmanager
def serving(*words: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """The process, the address and the line about the token."""
    command = [sys.executable, "-m", "isthmus", "serve", *words, "--port", "0"]
    given = {name: value for name, value in os.environ.items() if name != "ISTHMUS_TOKEN"} | environment
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=given
    ) as process:
        try:
            assert process.stdout is not None
            first, second = process.stdout.readline(), process.stdout.readline()
            found = re.fullmatch(r"nuclei at (http://127\.0\.0\.1:\d+)\n", first)
            assert found, first + (process.stderr.read() if process.stderr and not first else "")
            yield process, found[1], second.strip()
        finally:
            process.terminate()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.S)


def test_the_examples_of_the_page(tmp_path: Path) -> None:
    assert shutil.which("curl"), "curl is part of every machine that checks this"
    shutil.copy(example_of("nuclei"), tmp_path / "picture.png")
    with serving("nuclei", ISTHMUS_TOKEN=TOKEN) as (_, address, about):
        assert about == "token: as given"
        given = {**os.environ, "ISTHMUS_TOKEN": TOKEN}
        (shell,), (python,) = blocks("bash"), blocks("python")
        for command in (["bash", "-euc", shell], [sys.executable, "-c", python]):
            code = command[-1].replace("http://127.0.0.1:8000", address)
            assert code != command[-1]
            subprocess.run([*command[:-1], code], cwd=tmp_path, env=given, check=True)
    expected = Predictor.load("nuclei").mask(read_image(Source(tmp_path / "picture.png")))
    assert expected.any()
    np.testing.assert_array_equal(read_mask(Source(tmp_path / "mask.tif")), expected)
    outlines = (tmp_path / "mask.geojson").read_text()
    assert outlines.count('"Feature"') == len(np.unique(expected)) - 1


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM], ids=lambda end: end.name)
def test_it_makes_a_token_refuses_over_a_socket_and_ends_leaving_nothing(
    end: signal.Signals, tmp_path: Path
) -> None:
    with serving("nuclei", "--max-bytes", "1000000", TMPDIR=str(tmp_path)) as (process, address, about):
        assert [path.name.partition("-")[0] for path in tmp_path.iterdir()] == ["isthmus"]
        token = about.removeprefix("token: ")
        assert len(token) >= 43
        place = address.removeprefix("http://")

        def status(method: str, path: str, body: bytes | None = None, **headers: str) -> int:
            connection = HTTPConnection(place)
            connection.request(
                method, path, body, {"Host": place, "Authorization": f"Bearer {token}"} | headers
            )
            answer = connection.getresponse()
            answer.read()
            assert answer.headers["Server"] is None
            connection.close()
            return answer.status

        assert status("GET", "/api/runs") == 200
        assert status("GET", "/api/runs", Authorization="Bearer x") == 401
        assert status("GET", "/api/runs", Host="evil.example") == 403
        assert status("POST", "/api/predict", bytes(8_000_000), **{"Content-Type": "image/png"}) == 413
        assert status("POST", "/api/predict", b"x", **{"Content-Type": "image/png"}) == 422
        assert status("GET", "/api/health") == 200
        process.send_signal(end)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0
        assert "Traceback" not in errors
        assert token not in errors
        assert not list(tmp_path.iterdir())
