"""How far from the training images a number may lie, derived on paper, and what is stored about them."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student

from isthmus.data.likeness.appearance import Appearance, appearance
from isthmus.data.likeness.familiar import Familiar, Spread, image_numbers, mask_numbers, readable
from isthmus.errors import IsthmusError
from isthmus.shapes import shaped


def look(image: np.ndarray[Any, Any]) -> Appearance:
    found = appearance(image)
    assert found is not None
    return found


def familiar(count: int = 12, **options: Any) -> Familiar:
    random = np.random.default_rng(3)
    images = [random.integers(20, 120 + 5 * i, (1, 32, 32), dtype=np.uint8) for i in range(count)]
    found = Familiar.of([look(image) for image in images], **{"groups": count, **options})
    assert found is not None
    return found


def test_limits_are_the_interval_of_the_next_one_or_a_quarter_of_the_range() -> None:
    values = [1.0, 2.0, 3.0, 4.0]
    spread = Spread.of(values)
    assert spread is not None
    reach = student.ppf(1 - 0.0005, 3) * np.std(values, ddof=1) * math.sqrt(1 + 1 / 4)
    assert spread.limits(4, (0.1, math.inf)) == pytest.approx((2.5 - reach - 0.1, 2.5 + reach + 0.1))
    assert spread.limits(4, (0.1, 5.0)) == pytest.approx((1 - 5, 4 + 5))  # what always counts
    wide = Spread(1000, 0.0, 10.0, 5.0, 0.1)  # far from normal: the range decides
    assert wide.limits(1000, (0.1, math.inf)) == pytest.approx((0 - 2.6, 10 + 2.6))


@pytest.mark.parametrize("groups", [1, 2])
def test_of_one_or_two_patients_only_what_always_counts_is_known(groups: int) -> None:
    spread = Spread(50, 1.0, 2.0, 1.5, 0.1)
    assert spread.limits(groups, (0.1, 4.0)) == (1.0 - 4.0, 2.0 + 4.0)
    assert Spread(50, 1.0, 2.0, 1.5, 0.1).limits(50, (0.1, 4.0))[0] > 0


def test_no_number_has_no_spread() -> None:
    assert Spread.of([]) is None
    assert Spread.of([math.nan, math.inf]) is None
    assert Spread.of([math.nan, 2.0]) == Spread(1, 2.0, 2.0, 2.0, 0.0)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30), st.integers(1, 30))
def test_no_training_image_lies_outside(values: list[float], groups: int) -> None:
    spread = Spread.of(values)
    assert spread is not None
    low, high = spread.limits(groups, (0.1, 2.0))
    assert low < min(values) <= max(values) < high


@pytest.mark.parametrize("count", [10, 40])
def test_the_next_one_of_a_normal_or_skewed_kind_rarely_lies_outside(count: int) -> None:
    random = np.random.default_rng(count)
    for draw in (random.normal, random.exponential, random.uniform):
        outside = 0
        for _ in range(2000):
            spread = Spread.of(draw(size=count).tolist())
            assert spread is not None
            low, high = spread.limits(count, (0.0, math.inf))
            outside += not low <= draw() <= high
        assert outside <= 2000 * 0.02


def test_numbers_of_a_ramp() -> None:
    found = image_numbers(look(np.tile(np.arange(101, dtype=np.uint8), (1, 20, 1))), scale=1.0)
    assert found["mean"] == pytest.approx(math.asinh(50) / math.log(2))
    assert found["highlights"] == pytest.approx(math.asinh(99) / math.log(2))
    assert found["contrast"] == pytest.approx(math.log2(99))
    assert found["balance"] == pytest.approx(0)
    assert "channel 2" not in found


def test_channels_are_compared_with_the_first() -> None:
    image = np.stack([np.full((8, 8), value, np.uint8) for value in (200, 100, 50)])
    found = image_numbers(look(image), scale=0.01)
    assert (found["channel 2"], found["channel 3"]) == pytest.approx((-1, -2), abs=1e-3)
    assert image_numbers(look(image[:2]), scale=0.01)["channel 2"] == pytest.approx(-1, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "value"),
    [("mean", -3.0), ("highlights", 240.0), ("contrast", 17.0), ("foreground", 0.3), ("thickness", 8.0)],
)
def test_plain_undoes_what_numbers_did(name: str, value: float) -> None:
    scale = 2.0
    image = np.array([[[value, value + 17.0]]])
    found = {
        "mean": lambda: image_numbers(look(np.full((1, 2, 2), value)), scale)["mean"],
        "highlights": lambda: image_numbers(look(np.full((1, 2, 2), value)), scale)["highlights"],
        "contrast": lambda: math.log2(17.0 / scale + 1),
        "foreground": lambda: mask_numbers(value, 0)["foreground"],
        "thickness": lambda: mask_numbers(0.1, value)["thickness"],
    }[name]()
    assert image.size
    assert readable(name, found, scale) == pytest.approx(value)


def test_nothing_of_a_mask_without_foreground_is_thick() -> None:
    assert set(mask_numbers(0.0, 0.0)) == {"foreground"}


def test_what_is_stored_is_small_and_comes_back() -> None:
    known = familiar(spacings=[(2.0, 0.5)] * 12, shares=[0.1] * 12, thicknesses=[4.0] * 12)
    text = json.dumps(known.to_dict())
    assert len(text) < 4000
    again = shaped(json.loads(text), Familiar, "images.json")
    assert again.to_dict() == known.to_dict()
    assert again.spacing == ((2.0, 0.5), (2.0, 0.5))
    assert again.types == {"uint8": 12}


@pytest.mark.parametrize("content", [None, [], {}, {"images": 3}, "text", 7])
def test_something_else_is_refused(content: Any) -> None:
    with pytest.raises(IsthmusError, match=r"images\.json"):
        shaped(content, Familiar, "images.json")


@given(st.data())
def test_no_change_of_the_stored_text_ends_in_a_traceback(data: st.DataObject) -> None:
    content = familiar(3, spacings=[(1.0, 1.0)] * 3).to_dict()
    key = data.draw(st.sampled_from(sorted(content)))
    content[key] = data.draw(
        st.sampled_from(
            [None, -1, 10**400, "x", [], {}, [[]], {"mean": 3}, {"mean": {"count": "a"}}, math.nan]
        )
    )
    try:
        known = shaped(content, Familiar, "images.json")
    except IsthmusError:
        return
    known.side("mean", 3.0)


def test_without_an_image_nothing_is_known() -> None:
    assert Familiar.of([], groups=0) is None


def test_folds_together_know_what_any_of_them_knows() -> None:
    one, other = familiar(6), familiar(12, spacings=[(1.0, 1.0)] * 12)
    both = one.union(other)
    assert both.spacing is None  # which not all of them know
    for name in one.spreads:
        assert both.spreads[name].low == min(one.spreads[name].low, other.spreads[name].low)
        assert both.spreads[name].high == max(one.spreads[name].high, other.spreads[name].high)
