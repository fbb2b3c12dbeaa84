"""One inspection of every file: everything wrong is reported, and the good cases are kept."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from PIL import Image

from isthmus.data.cases import Case, Dataset, Source
from isthmus.data.catalog import isbi_2012
from isthmus.data.checks.check import check_dataset, conclude
from isthmus.data.checks.inspect import Finding, Inspection, inspect_dataset, open_tolerant
from isthmus.data.checks.problems import collecting, refuse
from isthmus.data.checks.survey import survey
from isthmus.data.csv_files import from_csv
from isthmus.data.masks.values import ValueMap
from isthmus.data.phantoms.cells import write_phantoms
from isthmus.data.sources import from_folder
from isthmus.errors import IsthmusError
from isthmus.io.writing import write_image, write_mask


def rows(found: Inspection) -> dict[str, list[Finding]]:
    """The findings by their subject."""
    table: dict[str, list[Finding]] = {}
    for row in found.findings():
        table.setdefault(row.what, []).append(row)
    return table


def spoil(root: Path) -> None:
    """Spoils eight pairs (im0 … im7): two unreadable files, a wrong size, a wrong value and two missing partners."""
    (root / "images" / "im0.png").write_bytes(b"")
    content = (root / "masks" / "im1.png").read_bytes()
    (root / "masks" / "im1.png").write_bytes(content[: len(content) // 2])
    Image.fromarray(np.zeros((24, 21), np.uint8)).save(root / "masks" / "im2.png")
    (root / "masks" / "im3.png").unlink()
    (root / "images" / "im4.png").unlink()


def test_everything_bad_is_listed_and_the_rest_looked_at(pairs: Any) -> None:
    root = pairs(8)
    spoil(root)
    dataset, problems = open_tolerant(root)
    assert [case.id for case in dataset.cases] == ["im0", "im1", "im2", "im5", "im6", "im7"]
    calls: list[tuple[int, int]] = []
    found = inspect_dataset(dataset, lambda *at: calls.append(at), problems=problems, workers=2)
    assert calls == [(i, 6) for i in range(1, 7)]
    assert not found.usable
    assert [(bad.case, bad.kind) for bad in found.bad] == [
        ("", "pair"),
        ("", "pair"),
        ("im0", "unreadable"),
        ("im1", "unreadable"),
        ("im2", "pair"),
    ]
    errors = [row for row in found.findings() if row.level == "error"]
    parts = (
        "im3.png: an image without a mask",
        "im4.png: a mask without",
        "im0.png",
        "im1.png",
        "21 x 24 but",
    )
    for row, part in zip(errors, parts, strict=True):
        assert part in row.detail
    assert [case.id for case in found.dataset.cases] == ["im5", "im6", "im7"]
    table = rows(found)
    assert table["cases"] == [Finding("fact", "cases", 3, "each a group of its own")]
    assert table["sizes"] == [Finding("fact", "sizes", 1, "20 x 24, 1 channel (3)")]
    assert table["intensities"][0].detail.startswith("uint8, ")


def test_training_can_go_on_without_the_bad_ones(pairs: Any) -> None:
    root = pairs(8)
    spoil(root)
    dataset, _ = open_tolerant(root)
    with pytest.raises(IsthmusError, match="3 problems"):
        check_dataset(dataset)
    checked = check_dataset(dataset, skip_bad=True)
    assert [facts.id for facts in checked.cases] == [case.id for case in checked.dataset.cases]
    assert [facts.id for facts in checked.cases] == ["im5", "im6", "im7"]
    assert [bad.case for bad in checked.bad] == ["im0", "im1", "im2"]
    only_bad = Dataset("x", dataset.cases[:3])
    with pytest.raises(IsthmusError, match="3 problems"):
        check_dataset(only_bad, skip_bad=True)
    found = inspect_dataset(only_bad)
    assert (found.usable, len(found.bad), found.cases) == (False, 3, ())


def test_values_that_fit_no_class_are_bad_where_the_classes_are_known(pairs: Any) -> None:
    root = pairs(4)
    mask = np.zeros((24, 20), np.uint8)
    mask[5] = 77
    Image.fromarray(mask).save(root / "masks" / "im2.png")
    known = Dataset("x", from_folder(root).cases, isbi_2012.ValueMap(((0, 0), (255, 1))), ("none", "cell"))
    checked = check_dataset(known, skip_bad=True)
    assert [(bad.case, bad.kind) for bad in checked.bad] == [("im2", "values")]
    assert [facts.id for facts in checked.cases] == ["im0", "im1", "im3"]
    found = inspect_dataset(known)
    assert [bad.kind for bad in found.bad] == ["values"]
    assert "mask value 77" in rows(found)["mask values"][0].detail
    only_bad = Dataset("x", known.cases[2:3], known.values, known.classes)
    with pytest.raises(IsthmusError, match="mask value 77"):
        check_dataset(only_bad, skip_bad=True)


def test_what_does_not_fit_together_is_told_with_the_bad_files(pairs: Any) -> None:
    root = pairs(4)
    (root / "images" / "im0.png").write_bytes(b"")
    Image.fromarray(np.zeros((24, 20, 3), np.uint8)).save(root / "images" / "im1.png")
    dataset = from_folder(root)
    two = Case("two", dataset.cases[2].images * 2, dataset.cases[2].masks, "two")
    found = inspect_dataset(Dataset("x", (*dataset.cases, two)))
    assert not found.usable
    assert len(found.bad) == 1
    assert "different numbers of channels" in found.problem
    assert rows(found)["together"][0].level == "error"
    assert rows(found)["sizes"][0].count == 3
    assert "class share" not in rows(found)


def test_masks_images_and_groups_are_described(tmp_path: Path) -> None:
    lines = ["image,mask,group"]
    random = np.random.default_rng(0)
    for i, share in enumerate((0, 12, 24, 6)):
        mask = np.zeros((24, 20), np.uint8)
        mask[:share] = 255
        image = random.integers(10, 200, (24, 20), np.uint8) if i else np.full((24, 20), 7, np.uint8)
        Image.fromarray(image).save(tmp_path / f"i{i}.png")
        Image.fromarray(mask).save(tmp_path / f"m{i}.png")
        lines.append(f"i{i}.png,m{i}.png,{'p1' if i < 3 else 'p2'}")
    (tmp_path / "cases.csv").write_text("\n".join(lines))
    found = inspect_dataset(from_csv(tmp_path / "cases.csv"))
    assert found.usable
    assert found.empty == ("i0",)
    table = rows(found)
    assert table["cases"][0].detail == "in 2 groups"
    assert table["of one group"] == [Finding("fact", "of one group", 1, "p1 (3)")]
    assert table["empty masks"] == [Finding("warning", "empty masks", 1, "i0")]
    assert table["images of one value"] == [Finding("warning", "images of one value", 1, "i0")]
    background, foreground = table["class share"]
    assert background.detail == "background: 56.2% of an image on average, 0.0% to 100.0%"
    assert (foreground.count, foreground.detail) == (
        3,
        "foreground: 43.8% of an image on average, 0.0% to 100.0%",
    )


def test_a_class_that_no_mask_holds_is_a_warning(pairs: Any) -> None:
    values = isbi_2012.ValueMap(((0, 0), (255, 1), (128, 2)))
    found = inspect_dataset(Dataset("x", from_folder(pairs(3)).cases, values, ("none", "cell", "rare")))
    assert [(row.level, row.count) for row in rows(found)["class share"]] == [
        ("fact", 3),
        ("fact", 3),
        ("warning", 0),
    ]


def test_objects_are_said_to_be_told_apart(pairs: Any) -> None:
    mask = np.zeros((24, 20), np.uint8)
    mask[:12] = 7
    root = pairs(2, masks=[mask] * 2)
    table = rows(inspect_dataset(from_folder(root), rule="objects"))
    assert table["objects"][0].count == 2
    assert table["class share"][1].detail == "foreground: 50.0% of an image"
    assert "objects" not in rows(inspect_dataset(from_folder(root)))


def test_one_group_is_a_warning(pairs: Any) -> None:
    cases = tuple(Case(c.id, c.images, c.masks, "stack") for c in from_folder(pairs(3)).cases)
    row = rows(inspect_dataset(Dataset("x", cases)))["cases"][0]
    assert row.level == "warning"
    assert "one group (stack)" in row.detail
    row = rows(inspect_dataset(Dataset("x", cases[:1])))["cases"][0]
    assert row.level == "warning"
    assert row.detail.startswith("the last fifth of it validates")


def test_copies_and_pictures_coded_again(tmp_path: Path) -> None:
    write_phantoms(tmp_path, 6, 96, seed=1)
    images, masks = tmp_path / "images", tmp_path / "masks"
    shutil.copy(images / "phantom-000.png", images / "copy.png")
    with Image.open(images / "phantom-001.png") as image:
        image.save(images / "again.jpg", quality=80)
        image.save(images / "third.tif")
    for name, of in (("copy", 0), ("again", 1), ("third", 1)):
        shutil.copy(masks / f"phantom-00{of}.png", masks / f"{name}.png")
    dataset = from_folder(tmp_path)
    found = inspect_dataset(dataset)
    assert found.usable
    assert set(found.copies) == {("copy", "phantom-000"), ("phantom-001", "third")}
    assert found.near == (("again", "phantom-001", "third"),)
    table = rows(found)
    assert table["duplicates"][0].detail == "copy = phantom-000; phantom-001 = third"
    assert table["near-duplicates"][0].detail == "again ~ phantom-001 ~ third"
    one = {"again": "p", "third": "p", "phantom-001": "p"}
    grouped = tuple(Case(c.id, c.images, c.masks, one.get(c.id, c.id)) for c in dataset.cases)
    near = rows(inspect_dataset(Dataset("x", grouped)))["near-duplicates"]
    assert [(row.level, row.count) for row in near] == [("fact", 1)]
    assert len(inspect_dataset(dataset, distance=63).near[0]) == 9


def test_a_layout_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IsthmusError, match="no folder images/"):
        open_tolerant(tmp_path)
    found = inspect_dataset(Dataset("x", ()))
    assert (found.usable, found.problem) == (False, "a data set without cases")
    found = inspect_dataset(Dataset("x", ()), problems=["a.png: an image without a mask"])
    assert [row.detail for row in found.findings()] == ["a.png: an image without a mask"]


def test_names_that_stand_twice_are_looked_at_once(tmp_path: Path, pairs: Any) -> None:
    root = pairs(2)
    (root / "cases.csv").write_text("image,mask,id\n" + "images/im0.png,masks/im0.png,a\n" * 2)
    dataset, problems = open_tolerant(root / "cases.csv")
    assert len(dataset.cases) == 1
    assert len(problems) == 1


def test_problems_are_collected_inside_only() -> None:
    with collecting() as outer:
        refuse(["a"], "x")
        with collecting() as inner:
            refuse(["b", "c"], "x")
        refuse([], "x")
    assert (outer, inner) == (["a"], ["b", "c"])
    with pytest.raises(IsthmusError, match="a"):
        refuse(["a"], "x")


def test_workers_change_nothing(pairs: Any) -> None:
    root = pairs(8)
    spoil(root)
    dataset, problems = open_tolerant(root)
    assert inspect_dataset(dataset, problems=problems, workers=1) == inspect_dataset(
        dataset, problems=problems, workers=4
    )


def test_a_survey_leaves_conclusions_open(pairs: Any) -> None:
    dataset = from_folder(pairs(3))
    found = survey(dataset)
    assert conclude(found) == check_dataset(dataset)
    assert all(facts.shares == () for facts in found.facts.values())
    image = found.facts["im1"]
    assert 0 <= image.low < image.high <= 255
    assert set(image.sha256) == {
        str(s.path) for c in dataset.cases if c.id == "im1" for s in (*c.images, *c.masks)
    }


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0,
    reason="needs a user other than root, who may read everything",
)
def test_a_file_that_may_not_be_read(pairs: Any) -> None:
    root = pairs(3)
    (root / "images" / "im1.png").chmod(0)
    found = inspect_dataset(from_folder(root))
    assert [bad.kind for bad in found.bad] == ["unreadable"]


def test_isbi_says_that_its_groups_are_slices(shared_data: Path) -> None:
    found = inspect_dataset(isbi_2012.read(shared_data / "isbi-2012"), workers=2)
    assert found.usable
    assert "single slices of one stack" in rows(found)["groups"][0].detail
    assert found.copies == ()


def test_copies_in_a_sequence_of_real_frames(shared_data: Path) -> None:
    root = shared_data / "cvc-clinicdb" / "CVC-ClinicDB"
    cases = tuple(
        Case(image.stem, (Source(image),), (Source(root / "Ground Truth" / image.name),), image.stem)
        for image in sorted((root / "Original").iterdir())
    )
    found = inspect_dataset(Dataset("cvc", cases))
    assert found.usable
    assert found.near  # neighbouring frames, taken for groups of their own


def test_what_stops_training_is_told(tmp_path: Path) -> None:
    for kind, pixels in (("images", np.arange(600, dtype=np.uint8)), ("masks", np.arange(600) % 2)):
        (tmp_path / kind).mkdir()
        values = pixels.astype(np.uint8)
        write_image(tmp_path / kind / "flat.png", values.reshape(1, 30, 20))
        nibabel.save(
            nibabel.Nifti1Image(values.reshape(10, 10, 6), np.eye(4)), tmp_path / kind / "deep.nii.gz"
        )
    found = inspect_dataset(from_folder(tmp_path))
    assert not found.usable
    assert found.problem.startswith("images with different numbers of axes: 2 in ")
    with pytest.raises(IsthmusError, match=r"numbers of axes: 2 in .*flat\.png, 3 in .*deep\.nii\.gz"):
        check_dataset(from_folder(tmp_path))


def test_a_mask_of_ignored_pixels_alone_cannot_be_used(pairs: Any) -> None:
    root = pairs(4)
    write_mask(root / "masks" / "im1.png", np.full((24, 20), 9, np.uint8))
    values = ValueMap(((0, 0), (255, 1), (9, 0)))
    found = inspect_dataset(replace(from_folder(root), values=values, ignore=9))
    assert [(bad.case, bad.kind) for bad in found.bad] == [("im1", "values")]
    assert any("value 9 are neither learned nor scored" in row.detail for row in found.findings())
