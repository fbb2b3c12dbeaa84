"""Predictions of a folder: an image that fails does not stop the others, and an interrupted command resumes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from isthmus.errors import IsthmusError
from isthmus.files import aside
from isthmus.inference import predict as module
from isthmus.inference.predict import PredictOptions, predict_folder
from isthmus.inference.predictor import Predictor
from isthmus.io.writing import write_image

from ..notes import Notes
from .test_export import data_of, run_of


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_of(tmp_path_factory.mktemp("runs") / "run", input={"patch": [32, 32]})


@pytest.fixture(scope="module")
def numbering(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that numbers objects, and so draws pictures of them."""
    path = tmp_path_factory.mktemp("runs") / "numbers"
    return run_of(path, data={"instances": True}, input={"patch": [32, 32]})


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return data_of(tmp_path / "data", cases=4) / "images"


def names(out: Path) -> list[str]:
    return sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())


def test_what_was_broken_off_goes_on_with_what_is_missing(
    run: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, whole = tmp_path / "out", tmp_path / "whole"
    predict_folder(run, images, whole, PredictOptions(probabilities=True))
    predict, calls = Predictor.predict, []

    def stops(self: Predictor, *given: object, **how: bool) -> object:
        calls.append(given)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return predict(self, *given, **how)

    with monkeypatch.context() as patch:
        patch.setattr(Predictor, "predict", stops)
        with pytest.raises(KeyboardInterrupt):
            predict_folder(run, images, out, PredictOptions(probabilities=True))
    assert len(names(out)) == 4
    with pytest.raises(IsthmusError, match="--skip-existing"):
        predict_folder(run, images, out, PredictOptions(probabilities=True))
    (out / "probabilities" / "case-0.tif").unlink()
    before = (out / "case-0.png").stat().st_mtime_ns
    told = Notes()
    written = predict_folder(
        run, images, out, PredictOptions(probabilities=True, skip_existing=True), watch=told
    )
    assert [path.name for path in written] == ["case-2.png", "case-3.png"]
    assert "1 of 4 images is done already; 3 left to do" in told.said
    assert (out / "case-0.png").stat().st_mtime_ns == before
    assert names(out) == names(whole)
    assert all((out / name).read_bytes() == (whole / name).read_bytes() for name in names(whole))


def test_what_is_all_there_loads_no_network(
    run: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict_folder(run, images, tmp_path / "out")
    monkeypatch.setattr(Predictor, "load", None)
    assert predict_folder(run, images, tmp_path / "out", PredictOptions(skip_existing=True)) == []


@pytest.mark.parametrize("left", [0, 3, 40, -5])
def test_half_a_file_counts_as_none(left: int, run: Path, images: Path, tmp_path: Path) -> None:
    first = predict_folder(run, images, tmp_path / "out", PredictOptions(probabilities=True))[0]
    for path in (first, tmp_path / "out" / "probabilities" / "case-1.tif"):
        content = path.read_bytes()
        path.write_bytes(content[:left])
        predict_folder(run, images, tmp_path / "out", PredictOptions(probabilities=True, skip_existing=True))
        assert path.read_bytes() == content


def test_a_file_of_another_kind_or_size_is_no_mask_and_stays(run: Path, images: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "case-0.png").write_text("my notes")
    write_image(out / "case-1.png", np.zeros((1, 5, 7), np.uint8))
    with pytest.raises(IsthmusError, match="2 of 4 images failed") as error:
        predict_folder(run, images, out, PredictOptions(skip_existing=True))
    assert "not written by predict" in error.value.__notes__[0]
    assert "5 x 7 points" in error.value.__notes__[1]
    assert (out / "case-0.png").read_text() == "my notes"
    assert len(names(out)) == 4


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: not enough memory"),
        RuntimeError("conv: bad axes\nmore"),
        ValueError("x"),
        AttributeError("y"),
        OSError(5, "z"),
    ],
)
def test_whatever_fails_costs_no_other_image(
    error: Exception, run: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load, predict = module.load_image, Predictor.predict

    def reads(case: object, *given: object) -> object:
        if case.id == "case-1":  # type: ignore[attr-defined]
            raise error
        return load(case, *given)

    with monkeypatch.context() as patch:
        patch.setattr(module, "load_image", reads)
        with pytest.raises(IsthmusError, match="1 of 4 images failed"):
            predict_folder(run, images, tmp_path / "a")
    assert len(names(tmp_path / "a")) == 3
    calls: list[object] = []

    def computes(self: Predictor, *given: object, **how: bool) -> object:
        calls.append(given)
        if len(calls) == 2:
            raise error
        return predict(self, *given, **how)

    monkeypatch.setattr(Predictor, "predict", computes)
    told = Notes()
    with pytest.raises(IsthmusError, match=r"1 of 4 images failed.*case-1\.tif") as found:
        predict_folder(run, images, tmp_path / "b", watch=told)
    assert "\n" not in str(found.value)
    assert any("case-1.tif" in line for line in told.said)
    assert len(names(tmp_path / "b")) == 3


def test_no_picture_stops_a_mask(
    numbering: Path, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise IsthmusError("cannot be drawn")

    monkeypatch.setattr(module, "overlay", fails)
    with pytest.raises(IsthmusError, match="4 of 4 images failed"):
        predict_folder(numbering, images, tmp_path / "out", PredictOptions(probabilities=True))
    assert names(tmp_path / "out") == [
        *(f"case-{i}.tif" for i in range(4)),
        *(f"probabilities/case-{i}.tif" for i in range(4)),
    ]
    monkeypatch.undo()
    assert (
        predict_folder(
            numbering, images, tmp_path / "out", PredictOptions(probabilities=True, skip_existing=True)
        )
        == []
    )
    assert sum(name.startswith("overlays/") for name in names(tmp_path / "out")) == 4


def test_files_beside_the_images_and_names_that_are_none_are_told(
    run: Path, images: Path, tmp_path: Path
) -> None:
    (images / "notes.docx").write_text("mine")
    (images / "case-0.tif").rename(images / "aux.tif")
    write_image(images / "wrong.tif", np.zeros((2, 24, 24), np.float32))
    with pytest.raises(IsthmusError, match="3 of 6 images failed") as error:
        predict_folder(run, images, tmp_path / "out")
    for part, line in zip(("notes.docx", "'aux' is a device", "wrong"), error.value.__notes__, strict=True):
        assert part in line
    assert names(tmp_path / "out") == [f"case-{i}.png" for i in (1, 2, 3)]


def test_masks_of_the_data_are_never_replaced(run: Path, images: Path) -> None:
    masks = images.parent / "masks"
    before = {path: path.read_bytes() for path in masks.iterdir()}
    for given in (images.parent, images, images / "case-0.tif"):
        with pytest.raises(IsthmusError, match="originals are never replaced"):
            predict_folder(run, given, masks, PredictOptions(overwrite=True))
    assert before == {path: path.read_bytes() for path in masks.iterdir()}


def test_links_in_the_folder_of_masks_lead_nowhere(run: Path, images: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "probabilities").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(IsthmusError, match="a link leads out of"):
        predict_folder(run, images, tmp_path / "out", PredictOptions(probabilities=True))
    assert not names(tmp_path / "elsewhere")


def test_what_a_kill_left_is_swept(run: Path, images: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    left = aside(tmp_path / "out" / "case-0.png")
    left.with_name(left.name.replace(f"-{os.getpid()}.", f"-{2**30}.")).write_text("half")
    predict_folder(run, images, tmp_path / "out", PredictOptions(skip_existing=True))
    assert sorted(os.listdir(tmp_path / "out")) == [f"case-{i}.png" for i in range(4)]


def test_skipping_and_replacing_exclude_each_other(run: Path, images: Path, tmp_path: Path) -> None:
    with pytest.raises(IsthmusError, match="one of them"):
        predict_folder(run, images, tmp_path / "out", PredictOptions(skip_existing=True, overwrite=True))


def test_a_volume_in_a_run_of_pictures_stops_no_other(run: Path, images: Path, tmp_path: Path) -> None:
    import nibabel

    nibabel.save(nibabel.Nifti1Image(np.zeros((40, 36, 12), np.uint8), np.eye(4)), images / "v.nii")
    with pytest.raises(IsthmusError, match=r"v\.nii: a volume of 40 x 36 x 12, but .* trained on pictures"):
        predict_folder(run, images, tmp_path / "out")
    assert len(names(tmp_path / "out")) == 4


def test_masks_do_not_go_among_masks_of_the_data(numbering: Path, images: Path) -> None:
    masks = images.parent / "masks"
    with pytest.raises(IsthmusError, match=r"among files of the data such as case-\d\.png"):
        predict_folder(numbering, images, masks)
    assert {path.suffix for path in masks.iterdir()} == {".png"}
    for path in masks.iterdir():
        path.unlink()
    assert len(predict_folder(numbering, images, masks)) == 4  # to be corrected by hand


def test_masks_may_lie_in_a_folder_of_their_own_beside_the_data(images: Path, tmp_path: Path) -> None:
    images.rename(images.with_name("imgs"))
    run = run_of(tmp_path / "run", data={"source": str(images.parent)}, input={"patch": [32, 32]})
    for given in (images.parent, images.with_name("imgs")):
        out = images.parent / "predictions"
        if given == images.parent:
            with pytest.raises(IsthmusError, match="taken for images"):
                predict_folder(run, given, out)
            continue
        assert len(predict_folder(run, given, out)) == 4
        assert len(predict_folder(run, given, out, PredictOptions(overwrite=True))) == 4


def test_a_folder_below_a_file_is_refused_at_the_start(run: Path, images: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for out in ("file", "file/masks", "file/a/b"):
        told = Notes()
        with pytest.raises(IsthmusError, match="file is a file; give a folder"):
            predict_folder(run, images, tmp_path / out, watch=told)
        assert told.said == []
    assert (tmp_path / "file").read_text() == "mine"
