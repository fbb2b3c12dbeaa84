"""Commands write only where they should: names from files lead nowhere else, and no other file is replaced."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isthmus.data.phantoms.cells import write_phantoms

from .calls import SMALL, call, error_of


def of_nnunet(root: Path, names: list[str]) -> Path:
    """A data set whose `dataset.json` calls its cases so."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:32, :32]
    for folder in ("imagesTr", "labelsTr"):
        (root / folder).mkdir(parents=True)
    listed = {}
    for index, name in enumerate(names):
        mask = (rows - 10 - index) ** 2 + (columns - 16) ** 2 < 36
        image = (mask * 120 + random.integers(0, 60, mask.shape)).astype(np.uint8)
        Image.fromarray(image).save(root / f"imagesTr/{index}_0000.png")
        Image.fromarray(mask.astype(np.uint8)).save(root / f"labelsTr/{index}.png")
        listed[name] = {"images": [f"imagesTr/{index}_0000.png"], "label": f"labelsTr/{index}.png"}
    about = {"labels": {"background": 0, "x": 1}, "file_ending": ".png", "dataset": listed}
    (root / "dataset.json").write_text(json.dumps(about))
    return root


@pytest.mark.parametrize(
    "bad", ["../../../victim/photo", "ABSOLUTE", "..", "C:x", "aux", "x" * 300, "\udce4"]
)
def test_names_of_a_data_set_never_write_outside_the_run(
    bad: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    victim = tmp_path / "victim" / "photo.png"
    victim.parent.mkdir()
    victim.write_text("mine")
    bad = str(victim.with_suffix("")) if bad == "ABSOLUTE" else bad
    data = of_nnunet(tmp_path / "nn", [bad, "b", "c", "d"])
    out = tmp_path / "w" / "r" / "run"
    held = f"protocol.validation={json.dumps([bad])}"
    assert call("train", data, *SMALL, "epochs=1", held, "--out", out) == 2
    assert "rename it" in error_of(capsys)
    assert not out.exists()
    assert victim.read_text() == "mine"
    assert call("data", "check", data, "--json") == 2
    assert "rename it" in capsys.readouterr().out


def test_a_case_without_a_name_for_its_files_is_left_out_where_that_is_asked(tmp_path: Path) -> None:
    data, out = of_nnunet(tmp_path / "nn", ["../a", "b", "c", "d"]), tmp_path / "run"
    assert call("train", data, *SMALL, "epochs=1", "--skip-bad", "--validation", "b", "--out", out) == 0
    assert [path.name for path in (out / "predictions").iterdir()] == ["b.png"]


def test_two_names_for_one_file_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = of_nnunet(tmp_path / "nn", ["a", "A", "c", "d"])
    assert call("train", data, *SMALL, "epochs=1", "--out", tmp_path / "run") in (0, 2)
    assert "ignore case" in capsys.readouterr().err


def kept(*folders: Path) -> dict[Path, bytes]:
    """Every file below these folders."""
    return {path: path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    write_phantoms(tmp_path / "cells", 4, 40, seed=3)
    return tmp_path / "cells"


@pytest.mark.parametrize("leave", [[], ["--overwrite"]])
def test_no_command_replaces_a_file_of_the_data(
    leave: list[str], cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image, mask = (sorted((cells / kind).iterdir())[0] for kind in ("images", "masks"))
    table = tmp_path / "list.csv"
    table.write_text(f"image,mask\n{image},{mask}\n")
    (cells / "notes.txt").write_text("mine")
    predictions = tmp_path / "predictions"
    shutil.copytree(cells / "masks", predictions)
    before = kept(cells, predictions, tmp_path)
    truth = cells / "masks"
    for words in (
        ("evaluate", truth, truth, "--out", mask),
        ("evaluate", predictions, cells, "--out", image),
        ("evaluate", predictions, cells, "--out", mask),
        ("evaluate", predictions, cells, "--out", predictions / mask.name),
        ("evaluate", predictions, cells, "--out", cells / "notes.txt"),
        ("evaluate", predictions, table, "--partial", "--out", table),
        ("data", "check", cells, "--page", image),
        ("data", "check", cells, "--page", cells / "notes.txt"),
        ("data", "check", table, "--page", table),
        ("data", "check", table, "--page", mask),
        ("data", "splits", "kfold", cells, "--folds", "2", "--out", image),
        ("data", "splits", "kfold", table, "--folds", "2", "--out", table),
    ):
        assert call(*words, *leave) == 2, words
        error = capsys.readouterr().err
        assert "never replaced" in error or words[2] == "kfold", (words, error)
        assert kept(cells, predictions, tmp_path) == before, words


def test_what_evaluate_wrote_it_replaces_and_nothing_else(
    cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    predictions = tmp_path / "predictions"
    shutil.copytree(cells / "masks", predictions)
    assert call("evaluate", predictions, cells) == 0
    assert call("evaluate", predictions, cells) == 0  # again, without a word
    scores = predictions / "scores.csv"
    lines = scores.read_text().splitlines()
    of_a_run = [lines[0], *(line.replace(",,,original", ",validation,0,original") for line in lines[1:])]
    for theirs in ("my own table\n", "case,dice\na,1\n", "\n".join(of_a_run), "", "\xff"):
        scores.write_text(theirs, encoding="latin-1")
        capsys.readouterr()
        assert call("evaluate", predictions, cells) == 2
        assert "--overwrite" in error_of(capsys)
        assert scores.read_text(encoding="latin-1") == theirs
    assert call("evaluate", predictions, cells, "--overwrite") == 0
    assert scores.read_text().splitlines() == lines
    assert call("evaluate", predictions, cells, "--out", tmp_path) == 2
    assert "is a folder" in capsys.readouterr().err


def test_what_data_check_wrote_it_replaces_and_nothing_else(
    cells: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page, own = tmp_path / "page.html", tmp_path / "own.html"
    assert call("data", "check", cells, "--page", page) == 0
    assert call("data", "check", cells, "--page", page) == 0
    own.write_text("<!doctype html>mine")
    for theirs in (own, run / "report.html"):
        before = theirs.read_bytes()
        capsys.readouterr()
        assert call("data", "check", cells, "--page", theirs) == 2
        assert "--overwrite" in error_of(capsys)
        assert theirs.read_bytes() == before
    assert call("data", "check", cells, "--page", own, "--overwrite") == 0
    assert own.read_bytes() == page.read_bytes()


def test_what_data_splits_wrote_it_replaces_and_nothing_else(
    cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("data", "splits", "kfold", cells, "--folds", "2")
    for name in ("splits.json", "splits_final.json"):
        assert call(*words, "--out", tmp_path / name) == 0
        assert call(*words, "--out", tmp_path / name) == 0
    assert call(*words, "--seed", "1", "--out", tmp_path / "splits.json") == 0
    assert call(*words, "--seed", "1", "--out", tmp_path / "splits_final.json") == 2  # may be nnU-Net's own
    (tmp_path / "mine.json").write_text("{}")
    capsys.readouterr()
    assert call(*words, "--out", tmp_path / "mine.json") == 2
    assert "--overwrite" in error_of(capsys)
    assert call(*words, "--out", tmp_path / "mine.json", "--overwrite") == 0


def test_report_replaces_no_page_of_others(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(run, tmp_path / "run")
    page = tmp_path / "run" / "report.html"
    assert call("report", tmp_path / "run") == 0
    page.write_text("mine")
    capsys.readouterr()
    assert call("report", tmp_path / "run") == 2
    assert "move it away" in error_of(capsys)
    assert page.read_text() == "mine"


def test_folds_are_not_trained_for_a_page_that_cannot_be_written(cells: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.html").write_text("mine")
    assert call("train", cells, *SMALL, "--folds", "2", "--out", tmp_path / "out") == 2
    assert kept(tmp_path / "out") == {tmp_path / "out" / "report.html": b"mine"}


@pytest.mark.parametrize("inside", ["images", "masks"])
@pytest.mark.parametrize("truth", [".", "masks"])
def test_scores_do_not_go_among_the_data(inside: str, truth: str, cells: Path, tmp_path: Path) -> None:
    predictions = tmp_path / "predictions"
    shutil.copytree(cells / "masks", predictions)
    before = kept(cells)
    assert call("evaluate", predictions, cells / truth, "--out", cells / inside / "scores.csv") == 2
    assert call("evaluate", cells / "masks", cells / truth) == 2
    assert kept(cells) == before
    assert call("evaluate", predictions, cells / truth, "--out", cells / "scores.csv") == 0


@pytest.mark.parametrize("inside", ["images", "masks"])
def test_results_do_not_go_among_the_data(inside: str, cells: Path) -> None:
    before = kept(cells)
    assert call("train", cells, *SMALL, "--out", cells / inside / "run") == 2
    assert call("data", "export", cells, cells / inside / "Dataset001_x") == 2
    assert kept(cells) == before


def test_a_study_goes_to_no_folder_of_others(
    cells: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = tmp_path / "here" / "study.yaml"
    study.parent.mkdir()
    study.write_text(
        "# mine\nname: x\ndata: {c: {data: {source: ../cells}}}\nnetworks: {u: {network: {model: unet}}}\n"
    )
    (tmp_path / "there" / "phantoms").mkdir(parents=True)
    (tmp_path / "there" / "report.html").write_text("mine")
    before = kept(study.parent, tmp_path / "there")
    for out in (study.parent, tmp_path / "there"):
        capsys.readouterr()
        assert call("study", "run", study, "--out", out) == 2
        assert "holds no study" in error_of(capsys)
    assert call("reproduce", "mildnet/table5", "--scale", "small", "--out", tmp_path / "there") == 2
    assert kept(study.parent, tmp_path / "there") == before


def test_a_demo_removes_what_a_demo_wrote_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from isthmus.cli import demo

    def draws(out: Path, *_: object) -> None:
        (out / "runs").mkdir()
        (out / "runs" / "weights").write_text("demo")
        if stops:
            raise KeyboardInterrupt

    monkeypatch.setattr(demo, "_run", draws)
    out = tmp_path / "demo"
    for stops in (True, False, False):
        assert call("demo", "--out", out) == (130 if stops else 0)
    (out / "runs" / "mine").write_text("mine")
    capsys.readouterr()
    assert call("demo", "--out", out) == 2
    assert "runs/mine was not written by the demo" in error_of(capsys)
    assert (out / "runs" / "mine").read_text() == "mine"
    assert call("demo", "--out", out, "--overwrite") == 0
    assert not (out / "runs" / "mine").exists()


EVIL = "a\x1b[31mred\x1b]0;title\x07\u202egnp"


def test_escapes_in_names_are_shown_not_sent(
    cells: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (cells / "images" / f"{EVIL}.png").write_text("no image")
    (cells / "masks" / "b\nisthmus: all is well.png").write_text("no mask")
    call("data", "check", cells)
    call("data", "check", cells, "--rule", EVIL)
    call("predict", run, cells / "images", "--out", tmp_path / "out")
    call("evaluate", cells / "masks", cells / EVIL)
    call("train", cells, *SMALL, "--out", tmp_path / "run")
    call("report", tmp_path / EVIL)
    found = capsys.readouterr()
    for text in (found.out, found.err):
        assert not {"\x1b", "\x07", "\u202e", "\r"} & set(text)
        assert not any(line.startswith("isthmus: all is well") for line in text.splitlines())
    assert "\\x1b[31mred" in found.out
    assert "\\x1b[31mred" in found.err


def test_explanations_and_exports_do_not_go_among_the_data(cells: Path, tmp_path: Path) -> None:
    assert call("train", cells, *SMALL, "epochs=1", "--out", tmp_path / "run") == 0
    before = kept(cells)
    for inside in ("images", "masks"):
        place = cells / inside
        assert call("explain", tmp_path / "run", cells / "images", "--out", place, "--overwrite") == 2
        assert call("predict", tmp_path / "run", cells / "images", "--out", place, "--overwrite") == 2
        assert call("export", tmp_path / "run", "--to", "torch", "--out", place, "--overwrite") == 2
    assert kept(cells) == before
