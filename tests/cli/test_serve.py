"""What `isthmus serve` refuses before it serves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from isthmus.app.server import listening

from .calls import call, error_of


def test_without_the_extra_one_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith("isthmus.app")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("isthmus.app", raising=False)
    monkeypatch.setitem(sys.modules, "fastapi", None)
    assert call("serve", "nuclei") == 2
    assert "pip install 'isthmus[app]'" in error_of(capsys)


def test_a_taken_port(capsys: pytest.CaptureFixture[str]) -> None:
    with listening("127.0.0.1", 0) as taken:
        assert call("serve", "nuclei", "--port", taken.getsockname()[1]) == 2
    assert "--port" in error_of(capsys)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nuclei", "--token", "short"], "at least 16"),
        (["no/such/run"], "no/such/run"),
        (["nuclei", "--port", "65536"], "--port"),
        (["nuclei", "--max-bytes", "0"], "--max-bytes"),
        ([], "Missing argument"),  # whose name one version of the command line writes small, another large
    ],
)
def test_bad_arguments(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("serve", *words, *([] if "--port" in words else ["--port", "0"])) == 2
    assert said in error_of(capsys)


def test_the_package_is_no_heavier(tmp_path: Path) -> None:
    code = "import sys, isthmus.cli.main, isthmus.api; print({'fastapi', 'uvicorn', 'starlette'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
