"""``isthmus predict``: any image, nothing replaced, and one line for what goes wrong."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from isthmus.data.cases import Source
from isthmus.io.images import read_mask

from .calls import call, error_of


@pytest.mark.parametrize("size", [(1, 1), (5, 7), (64, 64), (33, 121), (200, 31)])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "I;16"])
def test_predict_takes_any_size_and_mode(run: Path, tmp_path: Path, size: tuple[int, int], mode: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, size[::-1], dtype=np.uint8)
    if mode == "I;16":
        Image.fromarray(pixels.astype(np.uint16) * 257).save(tmp_path / "a.png")
    else:
        Image.fromarray(pixels).convert(mode).save(tmp_path / "a.png")
    assert call("predict", run, tmp_path / "a.png", "--out", tmp_path / "out") == 0
    mask = read_mask(Source(tmp_path / "out" / "a.png"))
    assert mask.shape == size[::-1]
    assert set(np.unique(mask)) <= {0, 255}


def test_predict_writes_probabilities_on_request(run: Path, data: Path, tmp_path: Path) -> None:
    import tifffile

    assert call("predict", run, data / "images", "--out", tmp_path, "--probabilities") == 0
    maps = [tifffile.imread(path) for path in sorted((tmp_path / "probabilities").iterdir())]
    masks = [read_mask(Source(path)) for path in sorted(tmp_path.glob("*.png"))]
    assert len(maps) == len(masks) == 5
    for probability, mask in zip(maps, masks, strict=True):
        assert probability.dtype == np.float32
        np.testing.assert_array_equal(np.squeeze(probability) >= 0.5, mask > 0)


def test_a_bad_image_does_not_stop_the_others(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(data / "images", tmp_path / "images")
    bad = sorted((tmp_path / "images").iterdir())[1]
    bad.write_bytes(bad.read_bytes()[:100])
    assert call("predict", run, tmp_path / "images", "--out", tmp_path / "out") == 2
    line = error_of(capsys)
    assert "1 of 5 images failed" in line
    assert bad.name in line
    assert len(list((tmp_path / "out").iterdir())) == 4


def test_originals_and_earlier_masks_are_never_replaced(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in (data / "images").iterdir()}
    assert call("predict", run, data / "images", "--out", data / "images", "--overwrite") == 2
    assert "would be taken for images" in error_of(capsys)
    assert before == {path: path.read_bytes() for path in (data / "images").iterdir()}
    assert call("predict", run, data / "images", "--out", tmp_path / "out") == 0
    capsys.readouterr()
    assert call("predict", run, data / "images", "--out", tmp_path / "out") == 2
    assert "--overwrite" in error_of(capsys)


def test_a_full_disk_while_predicting_keeps_what_is_written(
    run: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replace, calls = os.replace, []

    def fills_up(source: Path, target: Path) -> None:
        calls.append(target)
        if len(calls) > 2:
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fills_up)
    assert call("predict", run, data / "images", "--out", tmp_path / "out") == 2
    assert "No space left" in error_of(capsys)
    assert len(list((tmp_path / "out").iterdir())) == 2


@pytest.mark.parametrize("command", ["predict", "export", "explain"])
def test_weights_that_are_not_finite_are_refused(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    shutil.copytree(run, tmp_path / "run")
    weights = load_file(tmp_path / "run" / "best.safetensors")
    name = sorted(weights)[-1]
    weights[name].view(-1)[0] = torch.nan
    save_file(weights, tmp_path / "run" / "best.safetensors")
    words = ["--to", "torch"] if command == "export" else [data / "images"]
    out = tmp_path / ("out.pt2" if command == "export" else "out")
    assert call(command, tmp_path / "run", *words, "--out", out) == 2
    assert f"'{name}' holds 1 value that is not finite" in error_of(capsys)
    assert not out.exists()


def test_weights_of_another_network_are_refused(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(run, tmp_path / "run")
    made = (tmp_path / "run" / "network.json").read_text()
    (tmp_path / "run" / "network.json").write_text(made.replace("8", "16"))
    assert call("predict", tmp_path / "run", data / "images", "--out", tmp_path / "out") == 2
    assert "another network" in error_of(capsys)
    assert not (tmp_path / "out").exists()


def test_masks_do_not_go_among_the_images(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(data / "images", tmp_path / "images")
    assert call("predict", run, tmp_path / "images", "--out", tmp_path / "images" / "masks") == 2
    assert "taken for images" in error_of(capsys)


def test_probabilities_never_replace_images_or_earlier_ones(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(data / "images", tmp_path / "probabilities")
    assert call("predict", run, tmp_path / "probabilities", "--out", tmp_path, "--probabilities") == 2
    assert "taken for images" in error_of(capsys)
    out = tmp_path / "out"
    (out / "probabilities").mkdir(parents=True)
    name = sorted((data / "images").iterdir())[0].stem
    (out / "probabilities" / f"{name}.tif").write_text("mine")
    assert call("predict", run, data / "images", "--out", out, "--probabilities") == 2
    assert "--overwrite" in error_of(capsys)
    assert (out / "probabilities" / f"{name}.tif").read_text() == "mine"


def test_clean_up_and_files_of_objects_on_request(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--threshold", "0.4", "--min-size", "9", "--max-size", "900", "--fill-holes", "--drop-border"]
    beside = ["--rois", "--geojson", "--numbers"]
    assert call("predict", run, data / "images", "--out", tmp_path / "out", *words, *beside) == 0
    for folder, ending in (("rois", "zip"), ("geojson", "geojson"), ("overlays", "png"), (".", "png")):
        assert len(list((tmp_path / "out" / folder).glob(f"*.{ending}"))) == 5
    values = next(iter(json.loads((tmp_path / "out" / "predict.json").read_text())["cleanup"].values()))
    assert [values[key] for key in ("threshold", "min_size", "max_size", "holes", "border")] == [
        0.4,
        9,
        900,
        True,
        True,
    ]
    capsys.readouterr()
    assert (
        call("evaluate", tmp_path / "out", data / "masks") == 0
    )  # what lies beside masks is in nobody's way


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--threshold", "1"], "'cleanup.threshold': must be above 0 and below 1, found 1.0"),
        (["--max-size", "0"], "'cleanup.max_size': must be from 1 to 10^9, found 0"),
        (["--min-size", "5", "--max-size", "4"], "min_size 5 is above max_size 4"),
    ],
)
def test_clean_up_out_of_range_is_one_line(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert call("predict", run, data / "images", "--out", tmp_path / "out", *words) == 2
    assert message in error_of(capsys)
    assert not (tmp_path / "out").exists()
