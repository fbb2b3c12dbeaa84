"""Text files that are damaged or badly repaired end in one line, never in a traceback: seeded mutants of each kind."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isthmus.data.phantoms.cells import write_phantoms
from isthmus.data.splits.files import NNUNET
from isthmus.errors import IsthmusError
from isthmus.studies import run as studies
from isthmus.studies.running.execute import Outcome
from isthmus.training import run as training

from .calls import call
from .mutants import put

SMALL = {
    "network.options": "{widths: [2, 4]}",
    "training.epochs": 2,
    "training.samples": 2,
    "training.batch": 2,
    "input.patch": 32,
    "hardware.threads": 1,
    "hardware.workers": 0,
    "hardware.precision": "float32",
    "protocol.fraction": 0.4,
}
FEW, MANY = 3, 41


@dataclass(frozen=True)
class Kind:
    """A kind of file: where a copy of the bed has it, and the commands that read it (words, from the copy's folder)."""

    file: str
    commands: tuple[str, ...]


KINDS = {
    "recipe": Kind("run/recipe.yaml", ("report run", "predict run data/images/phantom-000.png --out masks")),
    "stored recipe": Kind("run/recipe.yaml", ("train --recipe run/recipe.yaml --out new",)),
    "resumed recipe": Kind("stopped/recipe.yaml", ("train --resume --out stopped",)),
    "splits": Kind("stopped/splits.json", ("train --resume --out stopped",)),
    "splits of a report": Kind("run/splits.json", ("report run", "data splits nnunet data --from run")),
    "data": Kind("stopped/data.json", ("train --resume --out stopped",)),
    "environment": Kind("run/environment.json", ("report run", "train --resume --out run")),
    "network": Kind("run/network.json", ("predict run data/images/phantom-000.png --out masks",)),
    "cost": Kind("run/cost.json", ("report run", "train --resume --out run")),
    "history": Kind("run/history.csv", ("report run",)),
    "cases": Kind("run/cases.csv", ("report run",)),
    "checkpoint": Kind("stopped/last.ckpt", ("train --resume --out stopped",)),
    "weights": Kind("run/best.safetensors", ("predict run data/images/phantom-000.png --out masks",)),
    "study": Kind("study.yaml", ("study run study.yaml --out new",)),
    "kept study": Kind("study/study.yaml", ("study status study", "study tables study")),
    "plan": Kind("study/plan.json", ("study status study", "study tables study")),
    "cost of a cell": Kind("study/cells/CELL/cost.json", ("study status study", "study tables study")),
    "cases of a cell": Kind("study/cells/CELL/cases.csv", ("study tables study",)),
    "data of a cell": Kind("study/cells/CELL/data.json", ("study tables study",)),
    "recipe of a cell": Kind("study/cells/CELL/recipe.yaml", ("study tables study",)),
    "history of a cell": Kind("study/cells/CELL/history.csv", ("study status study", "study tables study")),
    "times": Kind("study/times/CELL.json", ("study status study",)),
    "planned": Kind("study/planned/CELL.yaml", ("study status study", "study run study.yaml --out study")),
    "printed": Kind("study/printed.csv", ("study tables study",)),
    "nnunet": Kind("nnunet/dataset.json", ("data check nnunet",)),
    "nnunet with a list": Kind("listed/dataset.json", ("data check listed", "data splits holdout listed")),
    "decathlon": Kind("decathlon/dataset.json", ("data check decathlon",)),
    "splits of nnunet": Kind(
        f"nnunet/{NNUNET}", ("data splits nnunet nnunet", f"data splits nnunet data --from nnunet/{NNUNET}")
    ),
    "table": Kind("table.csv", ("data check table.csv",)),
}


def _nnunet(folder: Path, listed: bool, decathlon: bool) -> None:
    from isthmus.io import nifti
    from isthmus.io.geometry import Geometry

    cases = [f"c{i}" for i in range(3)]
    grid = Geometry((6, 5, 4), np.dtype(np.uint8), np.diag([-1.0, -1, 1, 1]))
    voxels = np.arange(120, dtype=np.uint8).reshape(grid.shape)
    for number, case in enumerate(cases):
        for place, values in (("imagesTr", voxels + number), ("labelsTr", (voxels > 60).astype(np.uint8))):
            name = f"{case}.nii" if decathlon or place == "labelsTr" else f"{case}_0000.nii"
            nifti.write(folder / place / name, values, grid)
    about: dict[str, Any] = {"name": "x", "labels": {"background": 0, "a": 1}, "file_ending": ".nii"}
    about |= {"channel_names": {"0": "CT"}, "numTraining": 3}
    if listed:
        about["dataset"] = {
            case: {"images": [f"imagesTr/{case}_0000.nii"], "label": f"labelsTr/{case}.nii"} for case in cases
        }
    if decathlon:
        about = {"name": "x", "labels": {"0": "background", "1": "a"}, "modality": {"0": "CT"}}
        about["training"] = [{"image": f"./imagesTr/{c}.nii", "label": f"./labelsTr/{c}.nii"} for c in cases]
    (folder / "dataset.json").write_text(json.dumps(about))
    (folder / NNUNET).write_text(json.dumps([{"train": cases[:2], "val": cases[2:]}]))


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a run, one that was stopped, a study, and data sets of each layout; never written to."""
    bed = tmp_path_factory.mktemp("bed")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(bed)
        write_phantoms(bed / "data", 5, 32, seed=2)
        words = [f"{key}={value}" for key, value in SMALL.items()]
        assert call("train", "data", *words, "--out", "run", "-q") == 0
        shutil.copytree("run", "stopped")
        for name in ("cost.json", "best.safetensors", "network.json", "cases.csv", "report.html"):
            (bed / "stopped" / name).unlink()
        patch.setattr(studies, "execute", _copied)
        _write_study(bed)
        assert call("study", "run", "study.yaml", "--out", "study", "-q") == 0
        for name in ("nnunet", "listed", "decathlon"):
            _nnunet(bed / name, name == "listed", name == "decathlon")
        with (bed / "table.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["image", "mask", "group"])
            rows.writerows(
                (f"data/images/phantom-00{i}.png", f"data/masks/phantom-00{i}.png", f"g{i}") for i in range(4)
            )
        patch.setattr(training, "fit", _enough)
        yield bed


def _write_study(bed: Path) -> None:
    from isthmus.runs.files import write_yaml
    from isthmus.runs.recipe import parse_overrides

    recipe = parse_overrides(f"{key}={value}" for key, value in SMALL.items())
    study = {
        "name": "small",
        "preset": "default",
        "recipe": recipe,
        "data": {"drawn": "data"},
        "networks": {"U-Net": "unet", "Sharp": {"model": "sharp_unet"}},
        "folds": 2,
        "grid": {"training.learning_rate": [0.001]},
        "printed": "printed.csv",
        "figures": ["curves", "boxes"],
    }
    study["recipe"]["protocol"] = {"kind": "kfold"}
    write_yaml(bed / "study.yaml", study)
    (bed / "printed.csv").write_text("dataset,model,metric,mean,sd\ndrawn,U-Net,Dice,0.5,0.1\n")


def _copied(folder: Any, plan: Any, machines: Any, watch: Any) -> Outcome:
    """Copies the bed's run instead of computing cells."""
    for cell in plan.cells:
        run = folder.run(cell.name).path
        if not run.exists():
            shutil.copytree("run", run)
            folder.times(cell.name).parent.mkdir(exist_ok=True)
            folder.times(cell.name).write_text('{"seconds": 9.0, "begun": null}')
    return Outcome(tuple(cell.name for cell in plan.cells), ())


def _enough(*_: Any) -> Any:
    """Stands in for training: everything that reads files has run by then."""
    raise IsthmusError("enough")


def trial(bed: Path, copy: Path, kind: Kind, seed: int | None, error: Callable[[], str]) -> None:
    """Change one file in a copy of the bed (None: make it a folder) and call each of its commands."""
    top, _, rest = kind.file.partition("/")
    for name in {top, *(word.partition("/")[0] for command in kind.commands for word in command.split())}:
        if (bed / name).is_dir():
            shutil.copytree(bed / name, copy / name)
        elif (bed / name).is_file():
            shutil.copy(bed / name, copy / name)
    for name in ("data", "run", "printed.csv"):
        if not (copy / name).exists():
            (copy / name).symlink_to(bed / name)
    if "CELL" in rest:
        rest = rest.replace("CELL", min(path.name for path in (bed / "study" / "cells").iterdir()))
    changed = copy / top / rest if rest else copy / top
    if seed is None:
        changed.unlink()
        changed.mkdir()
    else:
        put(changed, seed)
    for command in kind.commands:
        code = call(*command.split())
        said = error()
        lines = [line for line in said.splitlines() if line.startswith("isthmus: ")]
        assert code in (0, 1, 2), (command, code, said)
        assert len(lines) == (code == 2), (command, code, said)
        assert "Traceback" not in said, (command, said)


Trials = Callable[[str, Iterable[int | None]], None]


@pytest.fixture
def trials(
    bed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Trials:
    """A function from the name of a kind and seeds to as many trials."""

    def run(name: str, seeds: Iterable[int | None]) -> None:
        for seed in seeds:
            copy = tmp_path / str(seed)
            copy.mkdir()
            monkeypatch.chdir(copy)
            trial(bed, copy, KINDS[name], seed, lambda: capsys.readouterr().err)

    return run


@pytest.mark.parametrize("name", KINDS)
def test_a_mutant_ends_in_one_line(name: str, trials: Trials) -> None:
    trials(name, range(FEW))


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_many_mutants_end_in_one_line(name: str, trials: Trials) -> None:
    trials(name, range(FEW, MANY + FEW))


@pytest.mark.parametrize("name", KINDS)
def test_a_folder_in_the_place_of_a_file_ends_in_one_line(name: str, trials: Trials) -> None:
    trials(name, [None])


@pytest.mark.parametrize(
    "text",
    [
        "a: 2024-13-45",
        "a: !!int abc",
        "a: !!bool abc",
        f"a: {'9' * 5000}",
        "[" * 3000,
        "a: !!python/object/apply:os.system [x]",
        "? [a]\n: b",
        "",
        "\ufeffname: x",
    ],
)
def test_yaml_that_is_no_study(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("s.yaml").write_text(text, encoding="utf-8")
    assert call("study", "run", "s.yaml", "--out", "o") == 2
    said = capsys.readouterr().err
    assert said.startswith("isthmus: s.yaml")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "value", ["2024-13-45", "!!int x", "[[[", "9" * 5000, "!!binary x", "1e400", "{a: b}"]
)
def test_a_value_on_the_command_line_that_is_none(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("train", "nowhere", f"training.epochs={value}") == 2
    said = capsys.readouterr().err
    assert "training.epochs" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("layout", ["listed", "decathlon"])
@pytest.mark.parametrize(
    "name", ["\0", "x\0.nii", "\0.png", "\0.dcm", "a" * 5000, "", "..", "\ud800", "\ud800.png"]
)
def test_a_listed_name_that_no_file_can_have(
    layout: str,
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _nnunet(tmp_path / "d", layout == "listed", layout == "decathlon")
    path = tmp_path / "d" / "dataset.json"
    about = json.loads(path.read_text())
    if layout == "listed":
        about["dataset"]["c1"]["images"] = [name]
    else:
        about["training"][1]["label"] = name
    path.write_text(json.dumps(about))
    monkeypatch.chdir(tmp_path)
    assert call("data", "check", "d") == 2
    assert sum(line.startswith("isthmus: ") for line in capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("found", ["null", "3", "[]", '"x"', '{"labels": 3}'])
def test_a_dataset_json_that_is_no_table(
    found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _nnunet(tmp_path / "d", False, False)
    (tmp_path / "d" / "dataset.json").write_text(found)
    monkeypatch.chdir(tmp_path)
    assert call("data", "check", "d") == 2
    said = capsys.readouterr().err
    assert said.startswith("isthmus: d/dataset.json".replace("/", os.sep))
    assert said.count("\n") == 1
