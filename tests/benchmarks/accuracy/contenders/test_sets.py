from pathlib import Path

import numpy as np
import pytest
from benchmarks.accuracy.contenders.sets import Data, exported, reduced, scored_ids
from PIL import Image

from isthmus.data.cases import Case
from isthmus.io.images import Source
from isthmus.runs.files import read_csv


def case(name, group):
    return Case(name, (Source(Path(f"{name}.png")),), (), group)


def test_images_are_reduced_by_area_to_the_shorter_side_and_masks_stay_zero_and_one():
    image = np.array([[[0], [10], [20], [30]], [[2], [12], [22], [32]]], np.uint8)
    label = np.array([[0, 0, 3, 3], [0, 3, 3, 3]], np.uint8)
    pixels, mask = reduced(image, label, 1)
    assert pixels.tolist() == [[6, 26]]  # means of 0 10 2 12 and of 20 30 22 32
    assert mask.tolist() == [[0, 1]]  # a quarter and all of four pixels
    untouched, same = reduced(image, label, 2)
    assert untouched.tolist() == [[0, 10, 20, 30], [2, 12, 22, 32]]
    assert same.tolist() == [[0, 0, 1, 1], [0, 1, 1, 1]]


def test_groups_are_never_divided_between_training_and_scoring():
    cases = [case(f"{group}{i}", group) for group in "abcdef" for i in range(3)]
    scored = scored_ids(Data("any", 3), cases)
    assert len(scored) == 6  # two of six groups
    assert all(len({f"{group}{i}" in scored for i in range(3)}) == 1 for group in "abcdef")
    assert scored_ids(Data("any", ["a1"]), cases) == {"a1"}


@pytest.fixture
def gland(tmp_path):
    root = tmp_path / "glas-2015"
    root.mkdir()
    for i in range(4):
        Image.fromarray(np.full((8, 12, 3), 40 * i, np.uint8)).save(root / f"train_{i + 1}.bmp")
        Image.fromarray(np.pad(np.full((4, 4), i + 1, np.uint8), ((2, 2), (4, 4)))).save(
            root / f"train_{i + 1}_anno.bmp"
        )
    return tmp_path


def test_a_set_is_written_once_as_folders_and_the_scored_cases_lie_apart(gland):
    data = Data("glas-2015", ["train_2"], side=4)
    folder = exported(data, gland, gland / "sets" / "glas-2015")
    names = {part: sorted(p.name for p in (folder / part / "images").iterdir()) for part in ("train", "test")}
    assert names == {"train": ["train_1.png", "train_3.png", "train_4.png"], "test": ["train_2.png"]}
    with Image.open(folder / "test" / "masks" / "train_2.png") as mask:
        assert np.asarray(mask).tolist() == [[0] * 6, [0, 0, 1, 1, 0, 0], [0, 0, 1, 1, 0, 0], [0] * 6]
    rows = [row for _, row in read_csv(folder / "train" / "cases.csv").lines]
    assert rows[0] == {"image": "images/train_1.png", "mask": "masks/train_1.png", "group": "train_1"}
    before = (folder / "train" / "cases.csv").stat().st_mtime_ns
    assert exported(data, gland / "gone", folder) == folder
    assert (folder / "train" / "cases.csv").stat().st_mtime_ns == before
