"""Mask values to classes and back: inferred by stated rules, never silently."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.data.masks.values import ValueMap
from isthmus.errors import IsthmusError

BINARY = ((0, 0), (255, 1))


@pytest.mark.parametrize(
    ("values", "pairs"),
    [
        ({0, 255}, BINARY),
        ({0, 1}, ((0, 0), (1, 1))),
        ({0}, BINARY),
        ({255}, BINARY),
        ({1}, ((0, 0), (1, 1))),
        ({0, 7}, ((0, 0), (7, 1))),
        ({1, 2}, ((1, 0), (2, 1))),
        ({0, 1, 2, 3}, ((0, 0), (1, 1), (2, 2), (3, 3))),
        ({0, 85, 170, 255}, ((0, 0), (85, 1), (170, 2), (255, 3))),
        ({0, 128, 255}, ((0, 0), (128, 1), (255, 2))),
        (
            {*range(21), 255},
            tuple((v, i) for i, v in enumerate([*range(21), 255])),
        ),  # PASCAL VOC with its void
        ({0, 500, 1000}, ((0, 0), (500, 1), (1000, 2))),
    ],
)
def test_label_maps(values: set[int], pairs: Any) -> None:
    assert ValueMap.infer(values) == ValueMap(pairs)
    counts = {value: 100 + value for value in values}
    assert ValueMap.infer(counts) == ValueMap(pairs)


def test_many_values_are_object_numbers_unless_denied() -> None:
    assert ValueMap.infer(range(32)).classes == 32
    objects = ValueMap.infer(range(33))
    assert (objects.rule, objects.classes) == ("objects", 2)
    assert "object numbers" in objects.describe()
    assert ValueMap.infer(range(33), rule="exact").classes == 33
    assert ValueMap.infer({0, 1, 2}, rule="objects").rule == "objects"
    with pytest.raises(IsthmusError, match="257 values"):
        ValueMap.infer(range(257), rule="exact")


@pytest.mark.parametrize(
    "counts",
    [
        {0: 9000, 1: 50, 2: 20, 3: 9, 250: 8, 252: 20, 253: 33, 254: 60, 255: 4000},  # JPEG
        {0: 9000, 1: 5, 254: 3, 255: 4000},
        {**dict.fromkeys(range(256), 20), 0: 90000, 255: 40000},  # resampled
    ],
)
def test_soft_masks_are_cut_in_the_middle(counts: dict[int, int]) -> None:
    soft = ValueMap.infer(counts)
    assert soft.rule == "threshold"
    assert soft.apply(np.array([0, 127, 128, 255])).tolist() == [0, 0, 1, 1]
    assert "128 … 255 → foreground" in soft.describe()
    assert soft.invert(np.array([0, 1])).tolist() == [0, 255]


def test_what_is_not_soft() -> None:
    assert ValueMap.infer(dict.fromkeys(range(251), 10)).rule == "objects"  # as many objects, as large
    assert ValueMap.infer(dict.fromkeys(range(0, 256, 9), 10)).rule == "exact"  # 29 classes, spread


@pytest.mark.parametrize(
    ("dark", "bright"),
    [
        ({0: 75, 100: 25}, {254: 50, 255: 50}),  # below 128 a fifth at most may lie in between
        ({0: 100, 1: 9}, {200: 25, 254: 25, 255: 50}),  # and above
        ({0: 100}, {248: 50, 255: 50}),  # two classes at the top that are 7 apart, as in a spread label map
    ],
)
def test_close_to_soft_but_label_maps(dark: dict[int, int], bright: dict[int, int]) -> None:
    assert ValueMap.infer(dark | bright).rule == "exact"
    between = {value: pixels for value, pixels in (dark | bright).items() if 31 < value < 224}
    smaller = dark | bright | dict.fromkeys(between, 10) | {254: 50}
    assert ValueMap.infer(smaller).rule == "threshold"


def test_no_values_and_negative_ones() -> None:
    with pytest.raises(IsthmusError, match="no masks"):
        ValueMap.infer(set())
    with pytest.raises(IsthmusError, match="-1"):
        ValueMap.infer({-1, 0, 1})
    with pytest.raises(IsthmusError, match=r"b\.tif: mask value -1"):
        ValueMap.infer_masks({"a.tif": {0: 1, 1: 1}, "b.tif": {-1: 2, 0: 3}})


def masks(*values: set[int]) -> dict[str, dict[int, int]]:
    return {f"m{i}.png": dict.fromkeys(found, 10) for i, found in enumerate(values)}


def test_masks_that_count_their_objects() -> None:
    glands = masks(set(range(5)), set(range(10)), {0})
    assert ValueMap.infer_masks(glands).rule == "objects"
    assert ValueMap.infer_masks(glands, rule="exact").classes == 10
    organs = masks({0, 1, 2, 5, 9}, {0, 3, 4, 6, 7, 8})  # gaps: classes
    assert ValueMap.infer_masks(organs).classes == 10
    alike = masks(set(range(10)), set(range(10)))  # every mask to the same end: classes
    assert ValueMap.infer_masks(alike).classes == 10
    assert ValueMap.infer_masks(masks({0, 1}, {0, 1, 2})).classes == 3  # few: classes, and printed


def test_zero_one_among_zero_255() -> None:
    with pytest.raises(
        IsthmusError, match=r"m1\.png: a mask of 0 and 1 among masks of 0 and 255 \(such as m0\.png\)"
    ):
        ValueMap.infer_masks(masks({0, 255}, {0, 1}, {0}))
    assert ValueMap.infer_masks(masks({0, 255}, {0, 1, 255})).classes == 3


@pytest.mark.parametrize(
    "found",
    [
        [{0, 255}] * 5 + [{0, 77, 255}],
        [{0, 255}] * 5 + [{0, 77}],
        [{0, 1}] * 5 + [{0, 1, 77}],
        [{0, 1, 2}] * 29 + [{0, 77}],
        [{0, 255}] * 5 + [{0, 3, 77}],
    ],
)
def test_a_stray_value_fits_no_class(found: list[set[int]]) -> None:
    with pytest.raises(
        IsthmusError, match=rf"m{len(found) - 1}\.png: mask value (77|3) \(10 pixels\) fits no class"
    ):
        ValueMap.infer_masks(masks(*found))


def test_of_two_stray_values_the_smaller_is_named() -> None:
    with pytest.raises(IsthmusError, match=r"m5\.png: mask value 3 \(10 pixels\)"):
        ValueMap.infer_masks(masks(*[{0, 255}] * 5, {0, 3, 77}))


@pytest.mark.parametrize(
    "found",
    [
        [{0, 1}] * 5 + [{0, 2}],  # goes on counting: a rare class
        [{0, 128, 255}] * 2 + [{0, 255}] * 4,  # in several masks: a class
        [{0, 85}, {0, 170}, {0, 255}],  # each in one: no majority to deviate from
        [{0, 128, 255}],
    ],
)
def test_a_rare_class_is_no_stray(found: list[set[int]]) -> None:
    assert ValueMap.infer_masks(masks(*found)).rule == "exact"


def test_jpeg_masks_of_several_levels_are_refused() -> None:
    levels = dict.fromkeys(range(60), 10)
    with pytest.raises(IsthmusError, match=r"m\.jpg: a JPEG mask among masks of 60 values"):
        ValueMap.infer_masks({"m.jpg": levels}, lossy=["m.jpg"])
    assert ValueMap.infer_masks({"m.jpg": {0: 9, 255: 9}}, lossy=["m.jpg"]).pairs == BINARY


def test_apply_names_what_does_not_fit() -> None:
    with pytest.raises(IsthmusError) as caught:
        ValueMap(BINARY).apply(np.array([[0, 255, 7, 7, 9]], np.uint8), "here/m.png")
    assert str(caught.value).startswith(
        "here/m.png: mask values 7, 9 (3 pixels) fit no class (known: 0, 255)"
    )
    with pytest.raises(IsthmusError, match="mask value 300"):
        ValueMap(BINARY, "threshold").apply(np.array([300, 0], np.uint16))


def test_invert_takes_the_smallest_type() -> None:
    assert ValueMap(BINARY).invert(np.array([0, 1])).dtype == np.uint8
    assert ValueMap(((0, 0), (300, 1))).invert(np.array([1])).dtype == np.uint16
    assert ValueMap(((0, 0), (70000, 1))).invert(np.array([1])).dtype == np.uint32


def test_several_values_of_one_class_are_written_as_the_first() -> None:
    whole = ValueMap(((0, 0), (4, 1), (1, 1), (2, 1)))  # a whole tumour of several parts
    assert whole.apply(np.array([0, 1, 2, 4])).tolist() == [0, 1, 1, 1]
    assert whole.invert(np.array([0, 1])).tolist() == [0, 4]


@pytest.mark.parametrize(
    ("pairs", "rule", "says"),
    [
        (((0, 0), (1, 2)), "exact", "number them"),
        (((0, 0),), "exact", "number them"),
        (((0, 0), (0, 1)), "exact", "twice"),
        (((0, 0), (-5, 1)), "exact", "-5"),
        (BINARY, "exect", "did you mean 'exact'"),
        (((0, 0), (1, 1), (2, 2)), "threshold", "two classes"),
    ],
)
def test_maps_that_make_no_sense(pairs: Any, rule: Any, says: str) -> None:
    with pytest.raises(IsthmusError, match=says):
        ValueMap(pairs, rule)


maps = st.builds(
    lambda values, split: ValueMap(tuple((v, min(i, split)) for i, v in enumerate(values))),
    st.lists(st.integers(0, 70000), min_size=2, max_size=12, unique=True),
    st.integers(1, 11),
)


@given(maps, st.lists(st.integers(0, 11), min_size=1, max_size=30))
def test_there_and_back(values: ValueMap, picks: list[int]) -> None:
    labels = np.array([pick % values.classes for pick in picks], np.uint8).reshape(1, -1)
    written = values.invert(labels)
    np.testing.assert_array_equal(values.apply(written), labels)
    assert set(np.unique(written)) <= {value for value, _ in values.pairs}


@given(st.sets(st.integers(0, 255), min_size=1, max_size=256))
def test_an_inferred_map_fits_what_it_was_inferred_from(found: set[int]) -> None:
    values = ValueMap.infer(found)
    labels = values.apply(np.array(sorted(found), np.uint8))
    assert labels.max() < values.classes <= 32
    assert len(values.names()) == values.classes
    if 0 in found:
        assert labels[0] == 0
