"""nnU-Net's raw layout: read, written and read again; its splits both ways."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from PIL import Image

from isthmus.data.cases import Case, Dataset, Source, load
from isthmus.data.checks.check import check_dataset
from isthmus.data.layouts.nnunet import read, write
from isthmus.data.masks.values import ValueMap
from isthmus.data.new_images import images_in
from isthmus.data.sources import open_dataset
from isthmus.data.splits.folds import kfold
from isthmus.data.splits.protocols import splits as divide
from isthmus.errors import IsthmusError

RANDOM = np.random.default_rng(0)
AFFINE = np.array(
    [[0, -2.0, 0, 5], [0, 0, 3, 6], [1, 0, 0, 7], [0, 0, 0, 1]]
)  # runs superior, left, anterior
LABELS = {"background": 0, "liver": 1, "tumour": 2}


def raw(root: Path, n: int = 3, channels: int = 2, **changes: Any) -> Path:
    """A data set in nnU-Net's layout, written with nibabel."""
    for folder in ("imagesTr", "labelsTr", "imagesTs"):
        (root / folder).mkdir(parents=True)
    for i in range(n):
        for c in range(channels):
            voxels = RANDOM.integers(-1000, 1000, (4, 5, 6), dtype=np.int16)
            nibabel.save(
                nibabel.Nifti1Image(voxels, AFFINE), root / "imagesTr" / f"liver_{i:03d}_{c:04d}.nii.gz"
            )
        labels = RANDOM.integers(0, 3, (4, 5, 6), dtype=np.uint8)
        nibabel.save(nibabel.Nifti1Image(labels, AFFINE), root / "labelsTr" / f"liver_{i:03d}.nii.gz")
    description = {
        "channel_names": {str(c): "CT" for c in range(channels)},
        "labels": LABELS,
        "numTraining": n,
        "file_ending": ".nii.gz",
    } | changes
    (root / "dataset.json").write_text(json.dumps({k: v for k, v in description.items() if v is not None}))
    return root


def refusal(root: Path) -> str:
    with pytest.raises(IsthmusError) as caught:
        read(root)
    return str(caught.value)


def test_read(tmp_path: Path) -> None:
    dataset = open_dataset(raw(tmp_path / "Dataset003_Liver"))
    assert dataset.name == "Dataset003_Liver"
    assert [case.id for case in dataset.cases] == ["liver_000", "liver_001", "liver_002"]
    assert dataset.classes == ("background", "liver", "tumour")
    assert {case.spacing for case in dataset.cases} == {(1, 3, 2)}
    image, label = load(dataset.cases[1], dataset)
    assert (image.shape, label.shape) == ((2, 4, 6, 5), (4, 6, 5))
    assert check_dataset(dataset).channels == 2


def test_written_and_read_again(tmp_path: Path) -> None:
    first = read(raw(tmp_path / "Dataset003_Liver"))
    splits = kfold(first.cases, 3)
    root = tmp_path / "new" / "Dataset004_Copy"
    write(first, root, channel_names=("CT", "PET"), splits=splits)
    again = open_dataset(root)
    assert (again.classes, [case.id for case in again.cases]) == (
        first.classes,
        [case.id for case in first.cases],
    )
    for before, after in zip(first.cases, again.cases, strict=True):
        assert after.spacing == before.spacing
        for ours, theirs in zip(load(before, first), load(after, again), strict=True):
            np.testing.assert_array_equal(ours, theirs)
        for old, new in zip((*before.images, *before.masks), (*after.images, *after.masks), strict=True):
            old_file, new_file = nibabel.load(old.path), nibabel.load(new.path)
            np.testing.assert_array_equal(old_file.affine, new_file.affine)
            np.testing.assert_array_equal(np.asarray(old_file.dataobj), np.asarray(new_file.dataobj))
    description = json.loads((root / "dataset.json").read_text())
    assert description["channel_names"] == {"0": "CT", "1": "PET"}
    assert (description["labels"], description["numTraining"]) == (LABELS, 3)
    assert [split.validation for split in divide("nnunet", again.cases)] == [
        split.validation for split in splits
    ]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["Dataset004_Copy"]  # nothing aside


def pictures(root: Path, colours: int, depth: Any = np.uint8) -> Dataset:
    root.mkdir(exist_ok=True)
    cases = []
    for i in range(2):
        pixels = RANDOM.integers(0, 200, (7, 9, 3)[: 2 + (colours > 1)]).astype(depth)
        if depth == np.uint8:
            Image.fromarray(pixels).save(root / f"{i}.png")
        else:
            import tifffile

            tifffile.imwrite(root / f"{i}.tif", pixels)
        Image.fromarray(((pixels.reshape(7, 9, -1)[..., 0] > 90) * 255).astype(np.uint8)).save(
            root / f"{i}_m.png"
        )
        image = root / (f"{i}.png" if depth == np.uint8 else f"{i}.tif")
        cases.append(Case(f"p/{i}", (Source(image),), (Source(root / f"{i}_m.png"),), str(i), (0.5, 0.25)))
    return Dataset("pictures", tuple(cases), ValueMap(((0, 0), (255, 1))), ("background", "cell"))


@pytest.mark.parametrize("colours", [1, 3])
def test_pictures_become_png(tmp_path: Path, colours: int) -> None:
    first = pictures(tmp_path, colours)
    root = tmp_path / "Dataset001_Cells"
    write(first, root)
    assert sorted(path.name for path in (root / "imagesTr").iterdir()) == ["p_0_0000.png", "p_1_0000.png"]
    names = json.loads((root / "dataset.json").read_text())["channel_names"]
    assert len(names) == colours
    again = read(root)
    for before, after in zip(first.cases, again.cases, strict=True):
        for ours, theirs in zip(load(before, first), load(after, again), strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_pictures_that_png_cannot_hold(tmp_path: Path) -> None:
    first = pictures(tmp_path, 1, np.float32)
    root = tmp_path / "Dataset001_Cells"
    write(first, root)
    again = read(root)
    assert again.cases[0].spacing == (1, 0.5, 0.25)
    image, label = load(again.cases[0], again)
    ours, mask = load(first.cases[0], first)
    np.testing.assert_array_equal(image[:, 0], ours)
    np.testing.assert_array_equal(label[0], mask)


def test_writing_leaves_nothing_half(tmp_path: Path) -> None:
    first = read(raw(tmp_path / "Dataset003_Liver"))
    first.cases[2].masks[0].path.write_bytes(b"broken")
    with pytest.raises(IsthmusError, match="damaged"):
        write(first, tmp_path / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["Dataset003_Liver"]
    with pytest.raises(IsthmusError, match="exists already"):
        write(first, tmp_path / "Dataset003_Liver")
    same = Dataset("x", (Case("a/b", (), (), "a"), Case("a_b", (), (), "b")), ValueMap(((0, 0), (1, 1))))
    with pytest.raises(IsthmusError, match="whose ids differ in / only"):
        write(same, tmp_path / "new")
    good = read(raw(tmp_path / "Dataset005_Liver"))
    with pytest.raises(IsthmusError, match="1 channel names for 2 channels"):
        write(good, tmp_path / "new", channel_names=("CT",))
    assert not (tmp_path / "new").exists()


def test_regions_and_listed_cases(tmp_path: Path) -> None:
    regions = {"background": 0, "whole tumour": [1, 2, 3], "core": [2, 3], "enhancing": 3}
    root = raw(tmp_path / "a", labels=regions, regions_class_order=[1, 2, 3])
    assert read(root).classes == ("background", "class 1", "class 2", "class 3")
    assert read(root).regions == {"whole tumour": (1, 2, 3), "core": (2, 3), "enhancing": (3,)}
    assert read(raw(tmp_path / "c")).regions == {}
    listed = {"one": {"images": ["imagesTr/liver_000_0000.nii.gz"], "label": "labelsTr/liver_000.nii.gz"}}
    root = raw(tmp_path / "b", dataset=listed)
    assert [(case.id, len(case.images)) for case in read(root).cases] == [("one", 1)]


def test_the_label_ignore_is_no_class(tmp_path: Path) -> None:
    """It is read, shown as background, marked for training and scoring, and written again."""
    root = raw(tmp_path / "x", labels={"background": 0, "liver": 1, "ignore": 2})
    dataset = check_dataset(read(root)).dataset
    assert (dataset.classes, dataset.ignore) == (("background", "liver"), 2)
    assert dataset.values is not None
    assert dict(dataset.values.pairs) == {0: 0, 1: 1, 2: 0}
    held = load(dataset.cases[0], replace(dataset, values=ValueMap(((0, 0), (1, 1), (2, 2)))))[1]
    np.testing.assert_array_equal(load(dataset.cases[0], dataset)[1], held == 1)
    marked = load(dataset.cases[0], dataset, marked=True)[1]
    np.testing.assert_array_equal(marked, np.where(held == 2, 255, held))
    write(dataset, tmp_path / "Dataset001_again")
    again = read(tmp_path / "Dataset001_again")
    assert (again.classes, again.ignore) == (dataset.classes, 2)
    np.testing.assert_array_equal(load(again.cases[0], again, marked=True)[1], marked)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"labels": None}, "no 'labels'"),
        ({"file_ending": None}, "no 'file_ending'"),
        ({"file_ending": ".xyz"}, "unknown file format '.xyz'"),
        ({"labels": ["a", "b"]}, "is not a table"),
        ({"labels": {"background": 0, "ignore": 1}}, "is not a table"),
        (
            {"labels": {"background": 0, "a": 1, "ignore": 1}},
            "'ignore' is 1; give it a value above 0 of its own",
        ),
        ({"labels": {"background": 0, "a": 1, "ignore": [2]}}, "give it a value above 0 of its own"),
        ({"labels": {"background": 0, "a": 1.5}}, "has the value 1.5"),
        ({"dataset": {"a": "b"}}, "table of named values"),
        ({"channel_names": {"0": "a", "1": "b", "2": "c"}}, "liver_000_0002.nii.gz: no such file"),
    ],
)
def test_descriptions_that_are_wrong(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    assert reason in refusal(raw(tmp_path / "x", **changes))


def test_files_that_are_missing_or_left_over(tmp_path: Path) -> None:
    root = raw(tmp_path / "x")
    (root / "labelsTr" / "liver_000.nii.gz").unlink()
    (root / "imagesTr" / "liver_001_0001.nii.gz").unlink()
    (root / "imagesTr" / "liver_002.nii.gz").write_bytes(b"")
    text = refusal(root)
    for part in (
        "an image without",
        "liver_001_0001.nii.gz: no such file",
        "liver_002.nii.gz: names no channel",
    ):
        assert part in text
    (root / "dataset.json").write_text("{")
    assert "not valid JSON" in refusal(root)


def test_images_to_segment_have_their_channels(tmp_path: Path) -> None:
    root = raw(tmp_path / "Dataset001_X")
    for path in sorted((root / "imagesTr").iterdir())[:4]:
        path.rename(root / "imagesTs" / path.name)
        (root / "labelsTr" / path.name.replace("_0000", "")).unlink(missing_ok=True)
    cases = images_in(root / "imagesTs")
    assert [(case.id, len(case.images), case.masks) for case in cases] == [
        ("liver_000", 2, ()),
        ("liver_001", 2, ()),
    ]
    assert [(case.id, len(case.images), case.masks) for case in images_in(root)] == [("liver_002", 2, ())]
    (root / "imagesTs" / "liver_001_0001.nii.gz").unlink()
    with pytest.raises(IsthmusError, match=r"liver_001_0001\.nii\.gz: no such file; case liver_001 needs it"):
        images_in(root / "imagesTs")


def test_another_program_s_dataset_json(pairs: Any) -> None:
    root = pairs(3)
    (root / "dataset.json").write_text("{}")
    assert len(open_dataset(root).cases) == 3
    assert len(images_in(root)) == 3
