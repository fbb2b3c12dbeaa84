"""What commit 28c1025 wrote still loads, predicts, resumes and tabulates; names that its users knew still exist."""

from __future__ import annotations

import csv
import importlib
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import typer
from PIL import Image
from safetensors.numpy import load_file

import isthmus
from isthmus.cli.main import app, main
from isthmus.networks import list_models
from isthmus.runs.recipe import Recipe

WRITTEN = Path(__file__).parent / "28c1025"
SURFACE = json.loads((WRITTEN / "surface.json").read_text())
ANSWERS = np.load(WRITTEN / "answers.npz")
IMAGES = {
    "semantic": "cells/images/c0.png",
    "faster": "cells/images/c0.png",
    "mildnet": "cells/images/c0.png",
    "folds": "cells/images/c0.png",
    "objects": "nuclei/images/c0.png",
    "volume": "organs/images/v0.nii.gz",
}


@pytest.fixture(scope="module")
def old(tmp_path_factory) -> Path:
    """A copy of everything, as if it had been written in that place."""
    copy = tmp_path_factory.mktemp("old") / "28c1025"
    shutil.copytree(WRITTEN, copy)
    for path in (*copy.glob("**/*.yaml"), *copy.glob("**/*.json")):
        path.write_text(path.read_text().replace("/data/28c1025", copy.as_posix()))
    return copy


def read(path: Path) -> np.ndarray:
    """The pixels of an image: (1, H, W), or (1, D, H, W) of a volume."""
    if path.suffix == ".png":
        return np.asarray(Image.open(path))[None]
    return np.asarray(nib.load(path).dataobj).transpose(2, 1, 0)[None]


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def call(*arguments: str) -> int:
    """The exit code of `isthmus` with these arguments."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["isthmus", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize("run", IMAGES)
def test_runs_give_the_probabilities_and_masks_that_they_gave(run, old):
    predictor = isthmus.Predictor.load(old / "runs" / run, device="cpu")
    image = read(old / IMAGES[run])
    tolerance = 0.02 if run == "faster" else 1e-5  # bfloat16, and processors that add up in another order
    wanted = ANSWERS[f"{run}/probabilities"]
    assert np.abs(predictor.probabilities(image) - wanted).max() <= tolerance
    mask = predictor.mask(image)
    assert mask.dtype == ANSWERS[f"{run}/mask"].dtype
    assert np.mean(mask != ANSWERS[f"{run}/mask"]) <= (0.01 if run == "faster" else 0.001)


def test_masks_from_the_command_line_are_those_of_the_predictor(old, tmp_path):
    assert (
        call("predict", str(old / "runs/semantic"), str(old / "cells/images"), "--out", str(tmp_path / "m"))
        == 0
    )
    assert np.mean(np.asarray(Image.open(tmp_path / "m/c0.png")) != ANSWERS["semantic/mask"]) <= 0.001


def test_a_stopped_run_resumes_and_ends_with_the_weights_of_one_that_was_not_stopped(old):
    before = table(old / "runs/stopped/history.csv")
    assert len(before) == 2
    assert call("train", "--resume", "--out", str(old / "runs/stopped")) == 0
    after, whole = table(old / "runs/stopped/history.csv"), table(old / "runs/whole/history.csv")
    assert after[0].items() >= before[0].items()
    assert [row["epoch"] for row in after] == [row["epoch"] for row in whole]
    assert float(after[-1]["train_loss"]) == pytest.approx(float(whole[-1]["train_loss"]), abs=1e-3)
    ours, theirs = (load_file(old / "runs" / name / "best.safetensors") for name in ("stopped", "whole"))
    assert ours.keys() == theirs.keys()
    for name, weights in theirs.items():
        assert np.abs(ours[name] - weights).max() <= 1e-3, name


@pytest.mark.parametrize("run", ["semantic", "objects", "volume", "folds"])
def test_reports_of_runs_are_written_anew(run, old):
    assert call("report", str(old / "runs" / run)) == 0
    assert (old / "runs" / run / "report.html").stat().st_size > 10_000


def test_a_study_computes_what_is_missing_and_tabulates_equal_numbers(old, capsys):
    tables = {path.name: table(path) for path in (old / "study/tables").glob("*.csv")}
    assert call("study", "tables", str(old / "study")) == 0
    for name, rows in tables.items():
        for was, row in zip(rows, table(old / "study/tables" / name), strict=True):
            assert {key: row[key] for key in was} == was, name
    shutil.rmtree(old / "study/cells/aefecf927925e133")
    capsys.readouterr()
    assert call("study", "run", str(old / "study.yaml"), "--out", str(old / "study")) == 0
    told = capsys.readouterr()
    assert "4 cells, 1 to compute" in told.out + told.err
    assert (old / "study/cells/aefecf927925e133/best.safetensors").is_file()


def test_an_exported_network_still_answers_as_its_run(old):
    runtime = pytest.importorskip("onnxruntime")
    program = old / "exports/onnx/semantic.onnx"
    session = runtime.InferenceSession(str(program), providers=["CPUExecutionProvider"])
    predictor = isthmus.Predictor.load(old / "runs/semantic", device="cpu")
    image = np.random.default_rng(0).random((1, 1, 64, 64), dtype=np.float32)
    (logits,) = session.run(None, {session.get_inputs()[0].name: image})
    assert np.abs(logits[0] - predictor.logits(image[0])).max() < 1e-4


def _commands(command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, set[str]]]:
    if hasattr(command, "commands"):
        for name, part in command.commands.items():
            yield from _commands(part, (*path, name))
    else:
        options = [p for p in command.params if p.param_type_name == "option"]
        yield " ".join(path), {name for p in options for name in (*p.opts, *p.secondary_opts)}


def _keys(model, path: tuple[str, ...] = ()) -> Iterator[str]:
    for name, field in model.model_fields.items():
        parts = [
            k
            for k in (field.annotation, *getattr(field.annotation, "__args__", ()))
            if hasattr(k, "model_fields")
        ]
        if parts:
            yield from _keys(parts[0], (*path, name))
        else:
            yield ".".join((*path, name))


def test_commands_and_their_options_have_the_names_they_had():
    now = dict(_commands(typer.main.get_command(app)))
    for command, options in SURFACE["commands"].items():
        assert set(options) <= now[command], command


def test_recipe_keys_have_the_names_they_had():
    assert set(SURFACE["recipe"]) <= set(_keys(Recipe))


def test_networks_have_the_names_they_had():
    assert set(SURFACE["models"]) <= set(list_models())


@pytest.mark.parametrize("module", SURFACE["public"])
def test_public_names_are_still_there(module):
    there = importlib.import_module(module)
    assert [name for name in SURFACE["public"][module] if not hasattr(there, name)] == []
