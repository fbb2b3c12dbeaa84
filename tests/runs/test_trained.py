"""Trained networks by name: found, described, opened as runs, and refused in one line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from isthmus.errors import IsthmusError
from isthmus.runs import trained
from isthmus.runs.trained import list_trained, run_path, trained_card, trained_run, weights_of

CARD = {
    "title": "round things",
    "data": "drawn",
    "terms": "CC0",
    "knows": "8 to 20 pixels",
    "limits": "nothing else",
    "made_by": "a command",
}


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package with one trained network, ``rounds``, and another working folder."""
    folder = tmp_path / "package" / "rounds"
    folder.mkdir(parents=True)
    (folder / "recipe.yaml").write_text("{}", encoding="utf-8")
    (folder / "card.json").write_text(json.dumps(CARD), encoding="utf-8")
    (tmp_path / "package" / "notes").mkdir()
    monkeypatch.setattr(trained, "_SHIPPED", tmp_path / "package")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return folder


def test_a_name_is_the_run_in_the_package(shipped: Path) -> None:
    assert list_trained() == ["rounds"]
    assert run_path("rounds") == shipped
    assert trained_run("rounds").path == shipped
    assert trained_card("rounds").title == "round things"
    assert trained_card("rounds").scores == []


def test_names_are_in_order(shipped: Path) -> None:
    for name in "dbfaec":
        shutil.copytree(shipped, shipped.parent / name)
    assert list_trained() == [*"abcdef", "rounds"]


def test_a_folder_of_that_name_comes_first(shipped: Path) -> None:
    own = Path("rounds")
    own.mkdir()
    assert run_path("rounds") == shipped  # a folder of images, or of an export
    (own / "recipe.yaml").write_text("{}", encoding="utf-8")
    assert run_path("rounds") == own
    assert trained_run("rounds").path == own
    (own / "recipe.yaml").rename(own / "fold-0.yaml")
    (own / "fold-0").mkdir()
    (own / "fold-0.yaml").rename(own / "fold-0" / "recipe.yaml")
    assert run_path("rounds") == own  # a cross-validation


def test_no_such_name_is_one_line_with_those_there_are(shipped: Path) -> None:
    with pytest.raises(IsthmusError, match=r"no run folder at round; .* the trained networks are: rounds"):
        trained_run("round")
    with pytest.raises(IsthmusError, match="no trained network 'round'; there are: rounds"):
        trained_card("round")
    assert run_path("../rounds") == Path("../rounds")


def test_weights_are_those_of_the_run_and_missing_ones_are_one_line(shipped: Path) -> None:
    with pytest.raises(IsthmusError, match=r"^rounds holds no weights yet; train it first$"):
        weights_of("rounds")
    (shipped / "best.safetensors").mkdir()
    with pytest.raises(IsthmusError, match="holds no weights yet"):
        weights_of("rounds")
    (shipped / "best.safetensors").rmdir()
    (shipped / "best.safetensors").touch()
    assert weights_of("rounds") == shipped / "best.safetensors"
    with pytest.raises(IsthmusError, match="no run folder at round;"):
        weights_of("round")


def test_every_trained_network_of_the_package_has_a_card_and_fits_into_the_wheel() -> None:
    for name in list_trained():
        card, run = trained_card(name), trained_run(name)
        assert all((card.title, card.data, card.terms, card.knows, card.limits, card.made_by))
        assert run.weights.stat().st_size < 10 * 2**20
        assert run.recipe().data.source
