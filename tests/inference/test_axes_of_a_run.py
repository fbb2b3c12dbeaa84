"""A run remembers what the axes of its images meant; pictures of any number of channels get their masks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from isthmus.errors import IsthmusError
from isthmus.evaluation.evaluate import evaluate_folder
from isthmus.evaluation.options import EvaluateOptions
from isthmus.explain.explain import explain_folder
from isthmus.inference.predict import predict_folder
from isthmus.io.images import Source, read_mask

from .test_export import run_of


def run_for(path: Path, channels: int, axes: str | None, **data: Any) -> Path:
    return run_of(path, channels=channels, data={"axes": axes, **data}, input={"patch": [32, 32]})


def stacks(folder: Path, *shape: int) -> Path:
    folder.mkdir(parents=True)
    for index in range(2):
        pixels = np.random.default_rng(index).integers(0, 999, (*shape, 24, 30), dtype=np.uint16)
        tifffile.imwrite(folder / f"c{index}.tif", pixels, photometric="minisblack")
    return folder


def names(out: Path) -> list[str]:
    return sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("shape", "channels", "axes", "ids"),
    [
        ((3,), 3, "CYX", ["c0", "c1"]),
        ((3,), 1, "ZYX", [f"c{i}-00{z}" for i in range(2) for z in range(3)]),
        ((3, 2), 2, "ZCYX", [f"c{i}-00{z}" for i in range(2) for z in range(3)]),
        ((2, 3), 2, "CZYX", [f"c{i}-00{z}" for i in range(2) for z in range(3)]),
    ],
)
def test_images_are_predicted_and_explained_as_the_run_was_trained(
    tmp_path: Path, shape: tuple[int, ...], channels: int, axes: str, ids: list[str]
) -> None:
    run = run_for(tmp_path / "run", channels, axes)
    images = stacks(tmp_path / "images", *shape)
    predict_folder(run, images, tmp_path / "out")
    assert names(tmp_path / "out") == [f"{name}.png" for name in ids]
    assert read_mask(Source(tmp_path / "out" / f"{ids[0]}.png")).shape == (24, 30)
    explain_folder(run, images, tmp_path / "why")
    assert names(tmp_path / "why") == sorted(f"{name}{suffix}" for name in ids for suffix in (".png", ".tif"))


def test_what_the_axes_do_not_fit_is_one_line(tmp_path: Path) -> None:
    run = run_for(tmp_path / "run", 2, "CYX")
    with pytest.raises(IsthmusError, match=r"without names for its axes, and data\.axes=CYX names 3 of 4"):
        predict_folder(run, stacks(tmp_path / "images", 3, 2), tmp_path / "out")


@pytest.mark.parametrize("channels", [2, 4, 5])
def test_objects_in_pictures_of_any_number_of_channels(tmp_path: Path, channels: int) -> None:
    run = run_for(tmp_path / "run", channels, "CYX", instances=True)
    predict_folder(run, stacks(tmp_path / "images", channels), tmp_path / "out")
    assert names(tmp_path / "out") == ["c0.tif", "c1.tif", "overlays/c0.png", "overlays/c1.png"]


def test_the_same_axes_are_told_to_evaluate(tmp_path: Path) -> None:
    stacks(tmp_path / "data" / "images", 3)
    (tmp_path / "data" / "masks").mkdir()
    for index in range(2):
        mask = np.eye(24, 30, dtype=np.uint8) * np.uint8(255)
        tifffile.imwrite(tmp_path / "data" / "masks" / f"c{index}.tif", mask)
    for axes in (None, "CYX"):
        found = evaluate_folder(tmp_path / "data" / "masks", tmp_path / "data", EvaluateOptions(axes=axes))
        assert found.means()["foreground"]["dice"] == 1
    with pytest.raises(IsthmusError, match="give a letter for each axis"):
        evaluate_folder(tmp_path / "data" / "masks", tmp_path / "data", EvaluateOptions(axes="CY"))
