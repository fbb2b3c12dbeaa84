"""Leaks between the sides of a split are found, refused and named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image

from isthmus.data.cases import Case, Dataset
from isthmus.data.checks.check import Checked, check_dataset
from isthmus.data.csv_files import from_csv
from isthmus.data.phantoms.cells import write_phantoms
from isthmus.data.sources import from_folder
from isthmus.data.splits.folds import Split
from isthmus.data.splits.leaks import check_split
from isthmus.data.splits.protocols import splits
from isthmus.errors import IsthmusError


def named(*groups: str) -> list[Case]:
    return [Case(f"c{i:03d}", (), (), group) for i, group in enumerate(groups)]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight phantoms; `copy` is the first as BMP, `again` the second as JPEG, each a group of its own."""
    root = tmp_path_factory.mktemp("leaky")
    write_phantoms(root, 8, 96, seed=5)
    with Image.open(root / "images" / "phantom-000.png") as image:
        image.convert("RGB").save(root / "images" / "copy.bmp")
    with Image.open(root / "images" / "phantom-001.png") as image:
        image.save(root / "images" / "again.jpg", quality=85)
    shutil.copy(root / "masks" / "phantom-000.png", root / "masks" / "copy.png")
    shutil.copy(root / "masks" / "phantom-001.png", root / "masks" / "again.png")
    return root


@pytest.fixture(scope="module")
def checked(pictures: Path) -> Checked:
    return check_dataset(from_folder(pictures))


def guard(checked: Checked, split: Split, **options: object) -> tuple[str, ...]:
    hashes = {facts.id: facts.pixels for facts in checked.cases}
    perceptual = {facts.id: facts.perceptual for facts in checked.cases}
    return check_split(split, checked.dataset.cases, hashes, perceptual, **options)  # type: ignore[arg-type]


def without(checked: Checked, *validation: str) -> Split:
    return Split(
        tuple(f.id for f in checked.cases if f.id not in validation), validation, notes=("so it is",)
    )


def test_a_copy_under_another_group_is_refused(checked: Checked) -> None:
    split = without(checked, "copy", "phantom-004")
    with pytest.raises(
        IsthmusError, match=r"phantom-000 in train and copy in validation are the same picture; .*allow_leak"
    ):
        guard(checked, split)
    notes = guard(checked, split, allow_leak=True)
    assert notes == (
        "so it is",
        "leak, allowed by the recipe: phantom-000 in train and copy in validation are the same picture",
    )
    assert guard(checked, without(checked, "copy", "phantom-000")) == ("so it is",)


def test_a_copy_is_found_between_any_two_sides(checked: Checked) -> None:
    rest = tuple(facts.id for facts in checked.cases if facts.id not in ("copy", "phantom-000"))
    for split, says in (
        (Split(rest, ("copy",), ("phantom-000",)), "copy in validation and phantom-000 in test"),
        (Split(("copy", *rest[1:]), rest[:1], ("phantom-000",)), "copy in train and phantom-000 in test"),
    ):
        with pytest.raises(IsthmusError, match=says):
            guard(checked, split)


def test_a_picture_coded_again_is_a_note(checked: Checked) -> None:
    split = without(checked, "again")
    said, note = guard(checked, split)
    assert said == "so it is"
    assert note.startswith("near-duplicates in train and validation")
    assert "phantom-001 and again" in note
    assert guard(checked, without(checked, "phantom-005")) == ("so it is",)


def test_the_distance_of_near_duplicates_can_be_set(checked: Checked) -> None:
    split = without(checked, "phantom-005")
    assert len(guard(checked, split, distance=63)) == 2
    perceptual = {"a": 0b11, "b": 0b0, "c": 2**40 - 1}
    data = [Case(name, (), (), name) for name in "abc"]
    two = Split(("a", "c"), ("b",))
    assert check_split(two, data, None, perceptual, distance=1) == ()
    assert "a and b (2)" in check_split(two, data, None, perceptual, distance=2)[0]


def test_a_group_on_both_sides_is_refused_with_its_cases() -> None:
    data = named("p1", "p1", "p2", "p2", "p2")
    with pytest.raises(
        IsthmusError,
        match=r"group 'p1' in train \(c000\) and in validation \(c001\); group 'p2' in train \(c002, c003\)",
    ):
        check_split(Split(("c000", "c002", "c003"), ("c001", "c004")), data)
    with pytest.raises(IsthmusError, match="c000 in train and in test"):
        check_split(Split(("c000",), ("c004",), ("c000",)), data)
    within = Split(("c000",), ("c001",), independent=False, notes=("not independent",))
    assert check_split(within, data) == ("not independent",)


def test_copies_are_refused_within_one_group_as_well(checked: Checked) -> None:
    split = without(checked, "copy")
    dependent = Split(split.train, split.validation, independent=False)
    with pytest.raises(IsthmusError, match="same picture"):
        guard(checked, dependent)
    assert guard(checked, Split(without(checked, "again").train, ("again",), independent=False)) == ()


def test_long_lists_are_cut() -> None:
    data = named(*["g"] * 30, *["h"] * 30)
    with pytest.raises(IsthmusError, match=r"c000, c002, c004, c006, c008, … \(15\)"):
        check_split(Split(tuple(c.id for c in data[::2]), tuple(c.id for c in data[1::2])), data)


def test_a_group_given_to_copies_mends_the_split(pictures: Path) -> None:
    lines = ["image,mask,group"]
    for image in sorted((pictures / "images").iterdir()):
        group = {"copy": "phantom-000", "again": "phantom-001"}.get(image.stem, image.stem)
        lines.append(f"images/{image.name},masks/{image.stem}.png,{group}")
    (pictures / "cases.csv").write_text("\n".join(lines), encoding="utf-8")
    dataset: Dataset = from_csv(pictures / "cases.csv")
    checked = check_dataset(dataset)
    for seed in range(5):
        for split in splits("kfold", dataset.cases, seed=seed):
            assert guard(checked, split) == ()
