"""Objects by number: from files of one object each, from numbers, from connected pieces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from isthmus.data.cases import Case, Dataset, Source, load, load_instances
from isthmus.data.checks.check import check_dataset
from isthmus.data.checks.inspect import inspect_dataset
from isthmus.data.masks import objects
from isthmus.data.masks.objects import components, each_in_one_piece, renumber, stack
from isthmus.data.masks.values import ValueMap
from isthmus.data.sources import from_folder, open_dataset
from isthmus.errors import IsthmusError

BINARY = ValueMap(((0, 0), (255, 1)))


def made(folder: Path, values: ValueMap, *masks: NDArray[Any]) -> tuple[Case, Dataset]:
    """A case with these masks, a file each."""
    Image.fromarray(np.zeros(masks[0].shape, np.uint8)).save(folder / "image.png")
    sources = []
    for i, mask in enumerate(masks):
        tifffile.imwrite(folder / f"mask{i}.tif", mask)
        sources.append(Source(folder / f"mask{i}.tif"))
    case = Case("case", (Source(folder / "image.png"),), tuple(sources), "case")
    return case, Dataset("made", (case,), values, ("background", "cell"))


def test_a_file_for_each_object(tmp_path: Path) -> None:
    rows = np.zeros((5, 4, 6), np.uint8)
    rows[0, 0] = rows[1, 1] = rows[3, 1, 3:] = rows[4, 3] = (
        255  # the third is empty, the fourth overlaps the second
    )
    image, numbers = load_instances(*made(tmp_path, BINARY, *rows))
    assert image.shape == (1, 4, 6)
    assert numbers.dtype == np.uint16
    assert numbers.tolist() == [[1] * 6, [2] * 3 + [3] * 3, [0] * 6, [4] * 6]


def test_an_object_that_others_cover_leaves_no_gap() -> None:
    assert stack([np.array([True, False]), np.array([True, True])]).tolist() == [1, 1]


def test_numbers_are_kept_without_gaps(tmp_path: Path) -> None:
    mask = np.array([[0, 7, 7], [0, 3, 70000]], np.int32)
    case, dataset = made(tmp_path, ValueMap(((0, 0), (1, 1)), "objects"), mask)
    assert load_instances(case, dataset)[1].tolist() == [[0, 2, 2], [0, 1, 3]]


def test_pieces_of_the_foreground(tmp_path: Path) -> None:
    mask = np.array([[255, 0, 0, 255], [0, 255, 0, 255], [0, 0, 0, 0], [255, 255, 0, 0]], np.uint8)
    image, numbers = load_instances(*made(tmp_path, BINARY, mask), channels=3)
    assert image.shape == (3, 4, 4)
    assert numbers.tolist() == [[1, 0, 0, 2], [0, 3, 0, 2], [0, 0, 0, 0], [4, 4, 0, 0]]  # corners do not join
    assert components(np.eye(3, dtype=bool)[None] & np.eye(3, dtype=bool)[:, None]).max() == 3


def test_pieces_of_several_classes_are_no_objects(tmp_path: Path) -> None:
    case, dataset = made(tmp_path, ValueMap(((0, 0), (1, 1), (2, 2))), np.array([[0, 1, 2]], np.uint8))
    with pytest.raises(IsthmusError, match=r"masks of 2 classes .*data\.value_rule=objects"):
        load_instances(case, dataset)


def test_a_value_of_no_class_and_another_size_are_refused(tmp_path: Path) -> None:
    case, dataset = made(tmp_path, BINARY, np.array([[0, 255, 9]], np.uint8))
    with pytest.raises(IsthmusError, match=r"mask0\.tif: mask value 9"):
        load_instances(case, dataset)
    case, dataset = made(tmp_path, BINARY, np.zeros((2, 3), np.uint8), np.zeros((3, 2), np.uint8))
    with pytest.raises(IsthmusError, match=r"mask1\.tif: the mask is 2 x 3"):
        load_instances(case, dataset)


def test_more_objects_than_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    full = np.arange(2**16 + 1).reshape(1, -1)
    few, many = renumber(full[:, :-1]), renumber(full)
    assert (few.dtype, int(few.max())) == (np.uint16, 65535)
    assert (many.dtype, int(many.max())) == (np.int32, 65536)
    assert components(np.arange(2 * 10**5) % 2 > 0).max() == 10**5
    monkeypatch.setattr(objects, "MOST", 2)
    with pytest.raises(IsthmusError, match=r"m\.tif: 3 objects, more than the 2"):
        renumber(np.array([0, 4, 5, 6]), "m.tif")
    with pytest.raises(IsthmusError, match="3 objects"):
        components(np.array([1, 0, 1, 0, 1]) > 0)


def test_in_one_piece() -> None:
    assert each_in_one_piece(np.array([[1, 0], [0, 1]], np.uint8))  # by the corner
    assert not each_in_one_piece(np.array([[1, 0, 3]], np.uint8))  # no 2
    assert not each_in_one_piece(np.array([[1, 2, 1]], np.uint8))
    assert not each_in_one_piece(np.zeros((2, 2), np.uint8))


def test_nuclei_of_a_real_picture(shared_data: Path) -> None:
    dataset = open_dataset("dsb-2018", shared_data / "dsb-2018")
    case = min(dataset.cases, key=lambda case: abs(len(case.masks) - 12))
    image, label = load(case, dataset)
    again, numbers = load_instances(case, dataset)
    np.testing.assert_array_equal(image, again)
    np.testing.assert_array_equal(numbers > 0, label > 0)
    assert set(np.unique(numbers)) == set(range(len(case.masks) + 1))
    assert dataset.instances


def test_glands_of_a_real_picture(shared_data: Path) -> None:
    dataset = open_dataset("glas-2015", shared_data / "glas-2015")
    numbers = load_instances(dataset.cases[0], dataset)[1]
    with Image.open(dataset.cases[0].masks[0].path) as file:
        np.testing.assert_array_equal(numbers, np.asarray(file))


# masks that count few objects


def cells(*numbers: int) -> list[NDArray[np.uint8]]:
    """Masks with so many square cells each."""
    masks = []
    for count in numbers:
        mask = np.zeros((24, 20), np.uint8)
        for i in range(count):
            mask[4 * i : 4 * i + 3, 2:7] = i + 1
        masks.append(mask)
    return masks


def test_few_objects_are_pointed_out_and_taken_where_the_user_says_so(pairs: Any) -> None:
    root = pairs(4, masks=cells(2, 5, 3, 0))
    checked = check_dataset(from_folder(root))
    assert checked.values.classes == 6
    assert not checked.dataset.instances
    remark = [line for line in checked.summary_lines() if line.startswith("note")]
    assert remark == [
        "note: masks count to 2 … 5, each value in one piece: read as 5 classes; if they number objects, set "
        "data.value_rule=objects"
    ]
    row = next(row for row in inspect_dataset(from_folder(root)).findings() if row.what == "object numbers?")
    assert (row.level, row.detail) == ("warning", remark[0].removeprefix("note: "))
    checked = check_dataset(from_folder(root), rule="objects")
    assert checked.dataset.instances
    assert checked.values.rule == "objects"
    assert not checked.summary_lines()
    found = inspect_dataset(from_folder(root), rule="objects")
    assert "object numbers?" not in {row.what for row in found.findings()}


@pytest.mark.parametrize(
    "masks",
    [
        cells(5, 5, 5),  # all to one end: classes
        [mask * np.uint8(2) for mask in cells(1, 2, 3)],  # gaps
        [*cells(3, 5), np.tile(np.arange(3, dtype=np.uint8), (24, 7))[:, :20]],  # scattered
        cells(1, 2, 2),  # too few to tell
    ],
)
def test_classes_are_not_taken_for_objects(pairs: Any, masks: list[NDArray[np.uint8]]) -> None:
    assert check_dataset(from_folder(pairs(len(masks), masks=masks))).summary_lines() == []


def test_a_rule_that_the_data_set_denies(pairs: Any) -> None:
    cases = from_folder(pairs(3, masks=cells(2, 2, 2))).cases
    known = Dataset("x", cases, ValueMap(((0, 0), (1, 1), (2, 2))), ("background", "a", "b"))
    with pytest.raises(IsthmusError, match="'objects' is for two classes, not 3"):
        check_dataset(known, rule="objects")
    binary = Dataset("x", cases, ValueMap(((0, 0), (1, 1))), ("background", "cell"))
    assert check_dataset(binary, rule="objects").dataset.instances
