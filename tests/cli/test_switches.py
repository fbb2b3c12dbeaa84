"""What every command has: version, quiet, completion, one line for a mistyped option."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import isthmus
from isthmus.data.phantoms.cells import write_phantoms

from .calls import call


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("switches") / "data"
    write_phantoms(folder, 3, 32, seed=2)
    return folder


@pytest.mark.parametrize("word", ["--version", "-V"])
def test_the_version(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(word) == 0
    assert capsys.readouterr().out == f"isthmus {isthmus.__version__}\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
@pytest.mark.parametrize("equals", [False, True])
def test_completion_of_a_shell(shell: str, equals: bool, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(*([f"--show-completion={shell}"] if equals else ["--show-completion", shell])) == 0
    assert "_ISTHMUS_COMPLETE" in capsys.readouterr().out


def test_completion_knows_commands_and_options(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_ISTHMUS_COMPLETE", "complete_bash")
    for words, answer in (("isthmus tr", "train"), ("isthmus train --epo", "--epochs")):
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
        call()
        assert capsys.readouterr().out.split() == [answer]


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_quiet_is_silent_but_for_results(data: Path, place: int, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["data", "check", str(data)]
    words.insert(place, "-q" if place % 2 else "--quiet")
    assert call(*words) == 0
    found = capsys.readouterr()
    assert "background" in found.out
    assert found.err == ""


def test_quiet_says_what_is_wrong_and_holds_for_one_command(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    score = ["evaluate", data / "masks", data, "--out", tmp_path / "scores.csv"]
    assert call(*score, "-q") == 0
    assert capsys.readouterr().err == ""
    assert call("-q", "evaluate", tmp_path / "none", data) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert call(*score) == 0
    assert "3 rows" in capsys.readouterr().err


def test_nothing_slow_is_imported_for_help() -> None:
    """Torch takes seconds; the others are not needed to parse a line."""
    slow = "torch", "numpy", "scipy", "pydantic", "yaml", "cv2", "matplotlib", "rich.progress"
    code = f"import isthmus.cli.main, sys; print([name for name in {slow} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


@pytest.mark.parametrize(
    "words", [[], ["train"], ["study"], ["study", "status"], ["data"], ["data", "check"]]
)
def test_help_everywhere(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert call(*words, "-h") == 0
    assert "--quiet" in capsys.readouterr().out


def test_the_help_states_defaults_that_are_decided_later(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert call("train", "-h") == 0
    assert "[default: (runs/DATA-MODEL-SEED)]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["train", "--epoch", "3"], "no option '--epoch': did you mean '--epochs'?"),
        (["evaluate", "a", "b", "--missin", "x"], "did you mean '--missing'?"),
        (["study", "status", "--jsn"], "did you mean '--json'?"),
        (["--verson"], "did you mean '--version'?"),
        (["stdy"], "did you mean 'study'?"),
        (["data", "chek"], "did you mean 'check'?"),
        (["train", "--epochs"], "requires an argument (see `isthmus --help`)"),
        (["--show-completion=tcsh"], "--show-completion"),
    ],
)
def test_a_mistyped_line_is_told_in_one_line(
    words: list[str], answer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(*words) == 2
    said = capsys.readouterr().err
    assert answer in said
    assert said.count("\n") == 1
