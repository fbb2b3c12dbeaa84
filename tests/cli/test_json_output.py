"""``--json``: one object on standard output, also where a command fails."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from isthmus.cli.json_output import plain
from isthmus.data.phantoms.cells import write_phantoms

from .calls import call


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("switches") / "data"
    write_phantoms(folder, 3, 32, seed=2)
    return folder


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
