"""Clean-up that is asked for takes the place of the recipe's: for classes, objects, folds and resized images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from isthmus.data.cases import Source
from isthmus.errors import IsthmusError
from isthmus.inference.options import PredictOptions
from isthmus.inference.outputs.cleanup import CleanUp
from isthmus.inference.outputs.instances import instances
from isthmus.inference.outputs.object_cleanup import clean_objects
from isthmus.inference.predict import predict_folder
from isthmus.inference.predictor import Predictor
from isthmus.io.images import read_image, read_mask

from ..notes import Notes
from .test_export import data_of, run_of

ASKED: dict[str, Any] = {"min_size": 3, "max_size": 90, "fill_holes": True, "drop_border": True}
STEPS = CleanUp(min_size=3, max_size=90, holes=True, border=True)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return data_of(tmp_path / "data", cases=2, side=40) / "images"


def probabilities(run: Path, images: Path, out: Path) -> list[Any]:
    predict_folder(run, images, out, PredictOptions(probabilities=True))
    return [np.squeeze(tifffile.imread(path)) for path in sorted((out / "probabilities").iterdir())]


@pytest.mark.parametrize("objects", [False, True])
def test_every_value_is_used_and_remembered(objects: bool, images: Path, tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", data={"instances": objects}, input={"patch": [32, 32]})
    maps = probabilities(run, images, tmp_path / "plain")
    threshold = float(np.quantile(maps[0], 0.6))
    told = Notes()
    options = PredictOptions(threshold=threshold, **ASKED)
    written = predict_folder(run, images, tmp_path / "out", options, watch=told)
    changed = 0
    for path, body in zip(written, maps, strict=True):
        found = read_mask(Source(path))
        if objects:
            raw = instances(body, threshold=threshold)
            expected: Any = clean_objects(raw, STEPS)
        else:
            raw = (body > threshold).astype(np.uint8)
            expected = STEPS.apply(raw) * 255
        assert np.array_equal(found, expected)
        changed += not np.array_equal(raw > 0, expected > 0)
    assert changed == 2
    record = json.loads((tmp_path / "out" / "predict.json").read_text())["cleanup"]
    assert sorted(record) == [path.name for path in written]
    values = record[written[0].name]
    assert (values["threshold"], values["min_size"], values["max_size"]) == (threshold, 3, 90)
    assert (values["holes"], values["border"]) == (True, True)
    assert any("predict.json says how these masks were made" in line for line in told.said)


def test_masks_of_two_clean_ups_are_not_mixed(images: Path, tmp_path: Path) -> None:
    run, out = run_of(tmp_path / "run", input={"patch": [32, 32]}), tmp_path / "out"
    first = predict_folder(run, images, out, PredictOptions(min_size=5))[0]
    first.unlink()
    with pytest.raises(IsthmusError, match=r"cleanup.min_size 5, and now it is 6; choose another --out"):
        predict_folder(run, images, out, PredictOptions(min_size=6, skip_existing=True))
    assert not first.exists()
    assert predict_folder(run, images, out, PredictOptions(min_size=5, skip_existing=True)) == [first]
    predict_folder(run, images, out, PredictOptions(overwrite=True))
    assert json.loads((out / "predict.json").read_text()) == {"cleanup": {}}
    assert predict_folder(run, images, out, PredictOptions(skip_existing=True)) == []


def test_folds_share_what_is_asked(images: Path, tmp_path: Path) -> None:
    for fold in (0, 1):
        run_of(tmp_path / "folds" / f"fold-{fold}", seed=fold, input={"patch": [32, 32]})
    maps = probabilities(tmp_path / "folds", images, tmp_path / "plain")
    threshold = float(np.quantile(maps[0], 0.5))
    out = tmp_path / "out"
    written = predict_folder(tmp_path / "folds", images, out, PredictOptions(threshold=threshold, **ASKED))
    for path, body in zip(written, maps, strict=True):
        assert np.array_equal(read_mask(Source(path)) > 0, STEPS.apply(body > threshold) > 0)


def test_sizes_are_in_pixels_of_the_image_also_where_it_is_resized(images: Path, tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", input={"resize": [16, 16], "patch": None})
    maps = probabilities(run, images, tmp_path / "plain")
    threshold = float(np.quantile(maps[0], 0.7))
    sizes = np.bincount(ndimage.label(maps[0] > threshold, np.ones((3, 3)))[0].ravel())[1:]
    most = int(np.sort(sizes)[len(sizes) // 2])
    out = tmp_path / "out"
    predict_folder(run, images, out, PredictOptions(threshold=threshold, min_size=most, max_size=most))
    left = np.bincount(ndimage.label(read_mask(Source(out / "case-0.png")), np.ones((3, 3)))[0].ravel())[1:]
    assert left.tolist() == [most] * int((sizes == most).sum())


def test_several_classes_have_sizes_of_their_own_but_no_threshold(images: Path, tmp_path: Path) -> None:
    data = {"classes": ["background", "a", "b"], "values": {0: 0, 10: 1, 20: 2}}
    run = run_of(tmp_path / "run", maps=3, data=data, input={"patch": [32, 32]})
    image = read_image(Source(images / "case-0.tif"))
    plain = Predictor.load(run).labels(image)
    got = Predictor.load(run, cleanup={"min_size": {"a": 9}, "max_size": {"b": 50}}).labels(image)
    assert np.array_equal(got, CleanUp(min_size={1: 9}, max_size={2: 50}).apply(plain))
    assert not np.array_equal(got, plain)
    for asked, message in (
        ({"threshold": 0.4}, "a threshold of 0.4, but of the 3 classes of this run the likeliest counts"),
        ({"min_size": {"c": 4}}, "cleanup.min_size names 'c': the classes are a, b"),
        ({"max_size": {"c": 4}}, "cleanup.max_size names 'c': the classes are a, b"),
        ({"min_size": {"b": 9}, "max_size": 8}, "min_size 9 is above max_size 8"),
    ):
        with pytest.raises(IsthmusError, match=message):
            predict_folder(run, images, tmp_path / "out", PredictOptions(**asked))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"threshold": 0.0}, "'cleanup.threshold': must be above 0 and below 1, found 0.0"),
        ({"threshold": 1}, "'cleanup.threshold': must be above 0 and below 1"),
        ({"threshold": float("nan")}, "'cleanup.threshold': must be above 0 and below 1"),
        ({"threshold": True}, "must be a number, not true or false"),
        ({"min_size": -1}, "'cleanup.min_size': must be at least 0"),
        ({"max_size": 0}, "'cleanup.max_size': must be from 1 to 10"),
        ({"min_size": 9, "max_size": 8}, "min_size 9 is above max_size 8, so nothing would be left"),
    ],
)
def test_values_out_of_range_are_refused_before_anything_is_written(
    asked: dict[str, Any], message: str, images: Path, tmp_path: Path
) -> None:
    run = run_of(tmp_path / "run", data={"instances": True}, input={"patch": [32, 32]})
    with pytest.raises(IsthmusError, match=message) as error:
        predict_folder(run, images, tmp_path / "out", PredictOptions(**asked))
    assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_nothing_asked_is_the_recipe_and_sizes_of_nought_are_any_size(images: Path, tmp_path: Path) -> None:
    recipe = {"cleanup": {"min_size": 30, "holes": True}, "input": {"patch": [32, 32]}}
    run = run_of(tmp_path / "run", **recipe)
    assert PredictOptions().cleanup == {}
    predict_folder(run, images, tmp_path / "own")
    assert not (tmp_path / "own" / "predict.json").exists()
    predict_folder(run, images, tmp_path / "any", PredictOptions(min_size=0, fill_holes=False))
    bare = run_of(tmp_path / "bare", input={"patch": [32, 32]})
    predict_folder(bare, images, tmp_path / "bare-masks")
    for index in (0, 1):
        one, two = (read_mask(Source(tmp_path / o / f"case-{index}.png")) for o in ("any", "bare-masks"))
        assert np.array_equal(one, two)
