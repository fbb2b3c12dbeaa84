"""Standard streams of other encodings, closed or full ones: every command works, or says why in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from isthmus.data.phantoms.cells import write_phantoms

POSIX = pytest.mark.skipif(os.name != "posix", reason="needs a shell that closes streams")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("streams") / "data"
    write_phantoms(folder, 3, 32, seed=2)
    return folder


def run(words: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """A shell's line in which $I is the command."""
    line = words.replace("$I", f'"{sys.executable}" -m isthmus')
    return subprocess.run(
        line, shell=True, cwd=folder, env=os.environ | environment, capture_output=True, timeout=100
    )


@pytest.mark.parametrize("encoding", ["latin-1", "ascii", "cp1252", "utf-8"])
def test_what_an_encoding_lacks_is_spelled(data: Path, encoding: str) -> None:
    found = run(f"$I data check {data.name}", data.parent, PYTHONIOENCODING=encoding)
    assert found.returncode == 0
    arrow = "→" if encoding == "utf-8" else "->"
    assert f"mask values 0 {arrow} background" in found.stdout.decode(encoding)


def test_a_locale_without_utf_8(data: Path) -> None:
    plain = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    found = run(f"$I data check {data.name}", data.parent, **plain)
    assert (found.returncode, found.stderr) == (0, b"")
    assert b"0 -> background" in found.stdout


@POSIX
@pytest.mark.parametrize("closed", ["2>&-", ">&-", "<&-", ">&- 2>&- <&-"])
def test_closed_streams(data: Path, closed: str, tmp_path: Path) -> None:
    found = run(f"$I data splits holdout {data} --out {tmp_path / 'splits.json'} {closed}", data.parent)
    assert (found.returncode, found.stderr) == (0, b"")
    assert b"background" not in (tmp_path / "splits.json").read_bytes()


@POSIX
def test_a_closed_standard_error_hides_the_message_and_not_the_exit_code(data: Path) -> None:
    assert run("$I data check nowhere 2>&-", data.parent).returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("words", ["data list", "--version", "-h", "data list --json"])
def test_a_full_disk_under_standard_output_is_said(data: Path, words: str) -> None:
    found = run(f"$I {words} > /dev/full", data.parent)
    assert found.returncode == 2
    line = found.stderr.decode()
    assert line.startswith("isthmus: ")
    assert line.count("\n") == 1
    assert ("cannot write to standard output (No space left on device)" in line) or "--json" in words


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_under_standard_error_stops_nothing(data: Path) -> None:
    found = run(f"$I data check {data.name} 2> /dev/full", data.parent)
    assert found.returncode == 0
    assert b"background" in found.stdout


@POSIX
def test_a_reader_that_leaves_ends_the_command_without_a_word(data: Path) -> None:
    found = run("$I data list | true", data.parent)
    assert found.stderr == b""


@pytest.mark.parametrize("columns", ["1", "x"])
def test_narrow_terminals(data: Path, columns: str) -> None:
    for words in ("-h", f"data check {data.name}"):
        assert run(f"$I {words}", data.parent, COLUMNS=columns, FORCE_COLOR="1").returncode == 0
