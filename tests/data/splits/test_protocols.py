"""The papers' numbers of cases, what each protocol says of itself, and leaks that must be found."""

from __future__ import annotations

import csv
import random
import shutil
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from isthmus.data.cases import Case, Dataset
from isthmus.data.checks.check import Checked, check_dataset
from isthmus.data.csv_files import from_csv
from isthmus.data.phantoms.cells import write_phantoms
from isthmus.data.sources import from_folder
from isthmus.data.splits.folds import Split
from isthmus.data.splits.protocols import (
    EPOCH,
    ONE_SPLIT,
    PAPER_DATA,
    PROTOCOLS,
    SHARES,
    PaperData,
    check_split,
    images,
    splits,
)
from isthmus.errors import IsthmusError


def named(*groups: str) -> list[Case]:
    return [Case(f"c{i:03d}", (), (), group) for i, group in enumerate(groups)]


# groups of 1 to 3 cases, enough of them that five folds can be made of what the test set leaves
many = st.lists(st.integers(1, 3), min_size=12, max_size=24).map(
    lambda sizes: [f"g{i}" for i, size in enumerate(sizes) for _ in range(size)]
)
dividing = st.sampled_from(sorted(set(PROTOCOLS) - {"within-case", "nnunet"}))


@given(dividing, many, st.integers(0, 99), st.randoms(use_true_random=False), st.booleans())
def test_no_protocol_separates_a_group(
    protocol: str, groups: list[str], seed: int, random_: random.Random, stratified: bool
) -> None:
    data = named(*groups)
    share = {case.id: random_.random() for case in data} if stratified else None
    found = splits(protocol, data, seed=seed, foreground=share)
    for split in found:
        assert check_split(split, data) == split.notes
        sides = [name for ids in split.sides().values() for name in ids]
        assert sorted(sides) == [case.id for case in data]
        assert split.scored == (split.test or split.validation)
    assert splits(protocol, random_.sample(data, len(data)), seed=seed, foreground=share) == found
    assert len({(split.repeat, split.fold) for split in found}) == len(found)


@given(many, st.integers(0, 99))
def test_every_case_validates_once_per_repeat(groups: list[str], seed: int) -> None:
    data = named(*groups)
    everything = [case.id for case in data]
    for protocol in ("kfold", "multiresunet", "sharp"):
        validated = defaultdict(list)
        for split in splits(protocol, data, seed=seed):
            validated[split.repeat] += split.validation
        assert [sorted(ids) for ids in validated.values()] == [everything] * (5 if protocol == "sharp" else 1)
    inner = splits("mildnet", data, seed=seed)
    assert len({split.test for split in inner}) == 1
    assert sorted([i for split in inner for i in split.validation] + list(inner[0].test)) == everything


def test_names_and_notes() -> None:
    data = images(40)
    sharp = splits("sharp", data)
    assert [(s.repeat, s.fold) for s in sharp] == [(r, f) for r in range(5) for f in range(5)]
    assert len({frozenset(s.validation for s in sharp if s.repeat == r) for r in range(5)}) == 5
    assert all(EPOCH in split.notes for split in sharp)
    code = splits("sharp-code", data, seed=3)
    assert len({(split.train, split.validation) for split in code}) == 1
    assert [split.repeat for split in code] == [0, 1, 2, 3, 4]
    assert len(code[0].validation) == 8
    assert all(ONE_SPLIT in split.notes for split in code)
    assert [split.fold for split in splits("multiresunet", data)] == [0, 1, 2, 3, 4]
    assert splits("multiresunet", data)[0].notes == (EPOCH,)
    assert "one test set" in splits("mildnet", data)[0].notes[0]
    assert [split.independent for split in splits("within-case", named(*"aaaaa"))] == [False] * 5
    assert splits("holdout", data)[0].notes == ()
    with pytest.raises(IsthmusError, match="no protocol 'mildent'; did you mean 'mildnet'"):
        splits("mildent", data)
    with pytest.raises(IsthmusError, match="5 folds of 3 groups"):
        splits("mildnet", named(*"aabbccddd"))


def test_the_shares_of_hmedn() -> None:
    def counts(name: str, n: int) -> list[int]:
        (split,) = splits("hmedn", images(n), shares=SHARES[name])
        return [len(ids) for ids in split.sides().values()]

    assert counts("multi-organ-ct", 339) == [180, 59, 100]
    assert counts("nuclei-3627", 3627) == [2000, 627, 1000]
    assert counts("brats", 285) == [171, 43, 71]  # 60, 15 and 25 % are 171, 42.75 and 71.25
    assert splits("hmedn", images(100)) == splits("hmedn", images(100), shares=(0.6, 0.15, 0.25))
    for shares in ([0.5, 0.5], [1, 0, 1], [1, 2, float("inf")], [1, 2, float("nan")]):
        with pytest.raises(IsthmusError, match="three numbers above 0"):
            splits("hmedn", images(100), shares=shares)


# table 2 of MILDNet: images of each fold times the patches of an image, and those of the test set
MILDNET = {
    "isic-2018": ([363, 363, 363, 363, 364], 778),
    "isbi-2012": ([16, 16, 16, 16, 20], 36),
    "lgg-mri": ([160, 160, 160, 160, 161], 343),
    "glas-2015": ([253, 253, 253, 253, 253], 550),
    "dsb-2018": ([94, 94, 94, 94, 93], 201),
}


@pytest.mark.parametrize("row", PAPER_DATA["mildnet"], ids=lambda row: row.name)
def test_as_many_samples_as_mildnet_prints(row: PaperData) -> None:
    folds, test = MILDNET[row.name]
    found = splits("mildnet", images(row.images))
    assert sorted(len(split.validation) * row.pieces for split in found) == sorted(folds)
    assert {len(split.test) * row.pieces for split in found} == {test}


def test_the_tables_of_the_papers(shared_data: Path) -> None:
    """The rows above and `PAPER_DATA` against the tables as they were copied from the papers."""
    folder = shared_data.parent / "spec" / "results"
    if not folder.is_dir():
        pytest.skip("needs ../shared beside the project: the tables of the papers")

    def rows(name: str) -> list[dict[str, str]]:
        with (folder / name).open(encoding="utf-8") as file:
            return list(csv.DictReader(file))

    printed = {row["dataset"]: row for row in rows("mildnet-table1.csv")}
    for data in PAPER_DATA["mildnet"]:
        assert int(printed[data.title]["mean"]) == data.images
        assert printed[data.title]["note"].endswith(f"majority size {data.size}")
        counts = [row for row in rows("mildnet-table2.csv") if row["dataset"] == data.title]
        folds = [int(row["mean"]) for row in counts if row["model"].startswith("Fold")]
        (test,) = [int(row["mean"]) for row in counts if row["model"] == "Test set"]
        assert (folds, test) == MILDNET[data.name]
    printed = {row["dataset"]: row for row in rows("multiresunet-table2.csv")}
    for data in PAPER_DATA["multiresunet"]:
        note = printed[data.title]["note"]
        assert note == f"original {data.size}; input {data.input}"
        if data.name != "brats":  # printed as "210 HGG + 75 LGG"
            assert int(printed[data.title]["mean"]) == data.images


# planted leaks


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
