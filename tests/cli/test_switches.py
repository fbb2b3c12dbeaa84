"""What every command has: version, quiet, completion, one line for a mistyped option; and results as JSON."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import isthmus
from isthmus.cli.results import plain
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


def object_of(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The one JSON object on standard output."""
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert isinstance(found, dict)
    return found


def test_models_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("models", "--json") == 0
    rows = {row["name"]: row for row in object_of(capsys)["models"]}
    assert rows["mildnet"]["parameters"] == 25_727_331
    assert rows["mildnet"]["paper_parameters"] is None
    assert call("models", "sharp_unet", "--json") == 0
    card = object_of(capsys)
    assert card["name"] == "sharp_unet"
    assert [form["spatial_dims"] for form in card["forms"]] == [2, 3]


def test_evaluate_as_json(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "scores.csv"
    assert call("evaluate", data / "masks", data, "--out", target, "--json") == 0
    found = object_of(capsys)
    assert found["cases"] == 3
    assert found["scores"] == str(target)
    assert found["classes"]["foreground"]["dice"]["mean"] == 1.0


def test_data_check_as_json(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    assert call("data", "check", data, "--json", "--page", page) == 0
    found = object_of(capsys)
    assert (found["cases"], found["usable"], found["error"], found["page"]) == (3, True, None, str(page))
    assert {row["level"] for row in found["findings"]} == {"fact"}


def test_data_that_cannot_be_used_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_phantoms(tmp_path / "data", 3, 32, seed=2)
    (tmp_path / "data" / "images" / "broken.png").write_bytes(b"")
    assert call("data", "check", tmp_path / "data", "--json") == 2
    found = object_of(capsys)
    assert not found["usable"]
    assert "error" in {row["level"] for row in found["findings"]}
    assert found["error"]


@pytest.mark.parametrize(
    "words", [["evaluate", "a", "b"], ["models", "x"], ["data", "check", "a"], ["study", "status", "a"]]
)
def test_a_failure_as_json(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(*words, "--json") == 2
    found = capsys.readouterr()
    assert found.err == f"isthmus: {json.loads(found.out)['error']}\n"


def test_numbers_that_json_lacks_are_null() -> None:
    assert plain({"a": math.inf, "b": [math.nan, 1.5], "c": Path("x")}) == {
        "a": None,
        "b": [None, 1.5],
        "c": "x",
    }
