"""Outlines and numbered pictures are written beside masks, whole or not at all, and read back as the same pixels."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
import roifile

from isthmus.data.cases import Source
from isthmus.errors import IsthmusError
from isthmus.inference.options import PredictOptions
from isthmus.inference.outputs.found_objects import FoundObjects
from isthmus.inference.predict import predict_folder
from isthmus.inference.predictor import Predictor
from isthmus.io.images import read_image, read_mask
from isthmus.runs.recipe import Data

from ...io.outlines_back import of_geojson, of_rois
from ..test_export import data_of, run_of

ALL = PredictOptions(rois=True, geojson=True, numbers=True)


@pytest.fixture
def numbering(tmp_path: Path) -> Path:
    return run_of(tmp_path / "run", data={"instances": True}, input={"patch": [32, 32]})


def test_objects_are_the_same_in_every_file(numbering: Path, tmp_path: Path) -> None:
    images = data_of(tmp_path / "data", cases=2) / "images"
    (images / "deep").mkdir()
    (images / "case-1.tif").rename(images / "deep" / "β 1, [a]#%.tif")
    out = tmp_path / "out"
    body = Predictor.load(numbering).probabilities(read_image(Source(images / "case-0.tif")))
    asked = replace(ALL, threshold=float(np.quantile(body, 0.6)))
    assert len(predict_folder(numbering, images, out, asked)) == 2
    for name in ("case-0", "deep/β 1, [a]#%"):
        mask = read_mask(Source(out / f"{name}.tif"))
        assert mask.max() > 1
        assert np.array_equal(of_rois(out / "rois" / f"{name}.zip", mask.shape), mask)
        assert np.array_equal(of_geojson(out / "geojson" / f"{name}.geojson", mask.shape), mask)
        picture = read_image(Source(out / "overlays" / f"{name}.png"))
        assert picture.shape[1] % mask.shape[0] == 0


def test_parts_of_classes_are_objects_with_the_name_of_their_class() -> None:
    data = Data(classes=["background", "a", "b"], values={0: 0, 10: 1, 200: 2})
    mask = np.array([[10, 0, 10], [0, 10, 0], [200, 0, 200]], np.uint8)
    found = FoundObjects.of(mask, data)
    assert found.numbers.tolist() == [[1, 0, 1], [0, 1, 0], [2, 0, 3]]
    assert found.classes == {1: "a", 2: "b", 3: "b"}


def test_a_mask_of_classes_has_outlines_too(tmp_path: Path) -> None:
    images, out = data_of(tmp_path / "data", cases=1) / "images", tmp_path / "out"
    run = run_of(tmp_path / "run", input={"patch": [32, 32]})
    predict_folder(run, images, out, ALL)
    mask = read_mask(Source(out / "case-0.png"))
    assert np.array_equal(of_rois(out / "rois" / "case-0.zip", mask.shape) > 0, mask > 0)
    features = json.loads((out / "geojson" / "case-0.geojson").read_text())["features"]
    assert {each["properties"]["classification"]["name"] for each in features} == {"cell"}
    assert (out / "overlays" / "case-0.png").is_file()


def test_volumes_are_outlined_as_their_files_store_them(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", dims=3, data={"instances": True}, input={"patch": [8, 8, 8]})
    voxels = np.random.default_rng(0).integers(0, 255, (12, 9, 7), dtype=np.uint8)
    affine = np.array([[0, 2, 0, 0], [-1, 0, 0, 0], [0, 0, 3, 0], [0, 0, 0, 1]], float)  # turned and mirrored
    nibabel.save(nibabel.Nifti1Image(voxels, affine), tmp_path / "v.nii.gz")
    out = tmp_path / "out"
    predict_folder(run, tmp_path / "v.nii.gz", out, ALL)
    stored = np.asarray(nibabel.load(out / "v.nii.gz").dataobj).T  # slices, rows, columns of the file
    assert stored.shape == (7, 9, 12)
    assert stored.max() > 0
    assert np.array_equal(of_rois(out / "rois" / "v.zip", stored.shape), stored)
    assert np.array_equal(of_geojson(out / "geojson" / "v.geojson", stored.shape), stored)
    assert (out / "overlays" / "v.png").is_file()


def test_without_objects_files_are_empty_but_valid(numbering: Path, tmp_path: Path) -> None:
    images, out = data_of(tmp_path / "data", cases=1) / "images", tmp_path / "out"
    options = replace(ALL, min_size=10**6)
    predict_folder(numbering, images, out, options)
    assert roifile.roiread(out / "rois" / "case-0.zip") == []
    assert json.loads((out / "geojson" / "case-0.geojson").read_text())["features"] == []
    assert predict_folder(numbering, images, out, replace(options, skip_existing=True)) == []


def test_nothing_is_replaced_and_what_is_cut_off_or_lacking_is_written(
    numbering: Path, tmp_path: Path
) -> None:
    images, out = data_of(tmp_path / "data", cases=1) / "images", tmp_path / "out"
    predict_folder(numbering, images, out, ALL)
    with pytest.raises(IsthmusError, match="--overwrite"):
        predict_folder(numbering, images, out, ALL)
    whole = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    roi, geojson = out / "rois" / "case-0.zip", out / "geojson" / "case-0.geojson"
    again = replace(ALL, skip_existing=True)
    for left in (0, 3, -30):
        roi.write_bytes(whole[roi][:left])
        geojson.write_bytes(whole[geojson][:left])
        predict_folder(numbering, images, out, again)
        assert whole == {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    roi.write_text("mine")
    with pytest.raises(IsthmusError, match="was not written by predict"):
        predict_folder(numbering, images, out, again)
    assert roi.read_text() == "mine"


def test_without_roifile_nothing_is_computed(
    numbering: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, out = data_of(tmp_path / "data", cases=1) / "images", tmp_path / "out"
    monkeypatch.setitem(sys.modules, "roifile", None)
    with pytest.raises(IsthmusError, match=r"pip install 'isthmus\[objects\]'"):
        predict_folder(numbering, images, out, PredictOptions(rois=True))
    assert not out.exists()
    assert predict_folder(numbering, images, out, PredictOptions(geojson=True))
