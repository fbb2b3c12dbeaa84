"""The rules that choose cases, on pictures whose scores are known on paper."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.studies.gallery import selection_rules as rules
from isthmus.studies.gallery.selection_rules import RULES, ReducedCase, reduced_case

SIZE = 40


def see(tones: Any, truth: Any, predicted: Mapping[str, Any] | None = None, **more: Any) -> ReducedCase:
    return ReducedCase(np.asarray(tones, np.float64), np.asarray(truth, np.uint8), predicted or {}, **more)


def halves(left: float, right: float, height: int = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """Tones of two halves; the left half is the truth."""
    truth = np.zeros((height, SIZE), np.uint8)
    truth[:, : SIZE // 2] = 1
    return np.where(truth, left, right), truth


def square(side: int = SIZE) -> np.ndarray:
    truth = np.zeros((side, side), np.uint8)
    truth[4:12, 4:12] = 1
    return truth


def test_two_tones_are_as_far_apart_as_their_border_is_clear() -> None:
    for tones, contrast in (((1.0, 0.0), 1.0), ((0.0, 1.0), 1.0), ((0.5, 0.45), 0.05), ((0.3, 0.3), 0.0)):
        seen = see(*halves(*tones))
        assert rules.clear_boundary(seen) == pytest.approx(contrast)
        assert rules.obscure_boundary(seen) == (0.0 if contrast >= 0.1 else 1.0)


def test_a_border_that_vanishes_half_way_is_obscure_from_where_its_contrast_is_below_a_tenth() -> None:
    """Contrast 0.4 above row 30, none below. j rows below, weights of deviation 2 leave 0.4 P(k < -j): 0.16 in row 30,
    0.4 x 0.224 = 0.09 in row 31, so 29 of 60 rows are faint."""
    tones, truth = halves(0.4, 0.0, 60)
    tones[30:] = 0.0
    assert rules.obscure_boundary(see(tones, truth)) == pytest.approx(29 / 60)


def test_each_of_several_classes_has_its_border() -> None:
    _, truth = halves(0, 0)
    both = np.where(truth == 1, 1, 2)
    assert rules.clear_boundary(see(np.where(both == 1, 0.2, 0.6), both)) == pytest.approx(0.4)


def test_inconsistent_foreground_is_the_spread_of_its_tones() -> None:
    truth = np.ones((4, 4), np.uint8)
    tones = np.where(np.arange(4) < 2, 0.2, 0.8) * np.ones((4, 1))
    assert rules.inconsistent_foreground(see(tones, truth)) == pytest.approx(0.3)
    by_class = np.where(tones < 0.5, 1, 2)
    assert rules.inconsistent_foreground(see(tones, by_class)) == pytest.approx(0.0)
    one_of_two = np.where(np.arange(4) < 2, 1, 2) * np.ones((4, 1), int)
    tones[:, :2] = [0.0, 1.0]  # squares of 8 pixels: 0.25 each, of the others nothing
    assert rules.inconsistent_foreground(see(tones, one_of_two)) == pytest.approx(math.sqrt(0.125))


@pytest.mark.parametrize("dark", [False, True])
def test_outliers_are_background_that_looks_like_foreground(dark: bool) -> None:
    truth = square()
    tones = truth.astype(float)
    tones[30, 10:15] = 0.9  # five that count
    tones[20, 20:30] = 0.5  # just half way
    tones[13, 4:12] = 1.0  # too near the truth
    assert rules.outliers(see(1 - tones if dark else tones, truth)) == pytest.approx(5 / 1600)


def test_what_a_noisy_background_holds_anyway_is_no_outlier() -> None:
    """Tones 0, t and 2 t have the median t and the median distance t. Of t = 0.2, 3 robust deviations are 0.8896; of
    t = 0.1 they are 0.4448, but half the way to the foreground is 0.45."""
    truth = square()
    for tone, pixel, counts in ((0.2, 1.0, False), (0.1, 0.54, False), (0.1, 0.56, True)):
        tones = np.indices(truth.shape).sum(axis=0) % 3 * tone
        tones[truth == 1] = 1.0
        tones[30, 10] = pixel
        assert rules.outliers(see(tones, truth)) == pytest.approx(counts / 1600)


def test_the_share_of_the_foreground() -> None:
    truth = np.zeros((4, 4), np.uint8)
    truth[:3] = 2
    assert rules.foreground_share(see(truth, truth)) == 0.75


def test_under_and_over_segmentation_are_means_over_networks() -> None:
    truth = np.array([[1, 1, 1, 1, 0, 0, 0, 0]])
    half, double = np.array([[1, 1, 0, 0, 0, 0, 0, 0]]), np.ones((1, 8), int)
    one = see(truth, truth, {"a": half})
    assert (rules.under_segmentation(one), rules.over_segmentation(one)) == (0.5, -0.5)
    assert rules.over_segmentation(see(truth, truth, {"a": double})) == 0.5
    assert rules.under_segmentation(see(truth, truth, {"a": half, "b": double})) == 0.0
    shifted = np.roll(truth, 2)  # two missed, two false
    assert rules.under_segmentation(see(truth, truth, {"a": shifted})) == 0.0
    nothing = np.zeros_like(truth)
    assert rules.over_segmentation(see(truth, nothing, {"a": half})) == 1.0
    assert rules.over_segmentation(see(truth, nothing, {"a": nothing})) == 0.0


def test_effective_classes() -> None:
    for labels, count in (
        ([1, 1, 2, 2], 2.0),
        ([1, 1, 0, 0], 1.0),
        ([1, 2, 3, 3], 2**1.5),
        ([0, 0, 0, 0], 0.0),
    ):
        assert rules.several_classes(see([labels], [labels])) == pytest.approx(count)


def test_a_class_that_is_not_there_and_is_predicted() -> None:
    truth = np.zeros((4, 4), np.uint8)
    truth[0] = 1
    wrong = truth.copy()
    wrong[1, :3] = 2
    seen = see(truth, truth, {"a": wrong, "b": truth}, classes=(1, 2))
    assert rules.absent_class(seen) == pytest.approx(3 / 32)
    assert rules.absent_class(see(truth, wrong, {"a": wrong}, classes=(1, 2))) == 0.0


def test_networks_apart_are_told_by_their_dice() -> None:
    truth = np.array([[1, 1, 1, 1, 0, 0]])
    part, none = np.array([[1, 1, 0, 0, 1, 1]]), np.zeros((1, 6), int)  # Dice 0.5 and 0
    predicted = {"all": truth, "half": part, "none": none}
    assert rules.dice_difference(see(truth, truth, predicted)) == 1.0
    assert rules.dice_difference(see(truth, truth, predicted, pairs={"half": "none"})) == 0.5
    assert rules.dice_difference(see(truth, truth, predicted, pairs={"half": "none", "none": "all"})) == 1.0
    assert math.isnan(rules.dice_difference(see(truth, truth, {"all": truth})))
    assert math.isnan(rules.dice_difference(see(truth, truth, predicted, pairs={"half": "not trained yet"})))


def test_without_any_foreground_rules_about_it_say_nothing() -> None:
    nothing = np.zeros((8, 8), np.uint8)
    seen = see(np.ones((8, 8)), nothing, {"a": nothing, "b": nothing})
    scores = {rule.name: rule.score(seen) for rule in RULES}
    undefined = {"clear-boundary", "obscure-boundary", "inconsistent-foreground", "outliers"}
    assert {name for name, score in scores.items() if math.isnan(score)} == undefined
    assert not any(score > rule.threshold for rule, score in zip(RULES, scores.values(), strict=True))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["flip", "turn", "negative"]))
def test_scores_do_not_depend_on_how_a_picture_lies(seed: int, how: str) -> None:
    """Nor, apart from exchanging tones 0 and 1, do they depend on whether it is a negative."""
    rng = np.random.default_rng(seed)
    tones, maps = rng.random((12, 17)), rng.integers(0, 3, (3, 12, 17))
    change = {"flip": np.flipud, "turn": np.rot90, "negative": lambda a: a}[how]
    one = see(tones, maps[0], {"a": maps[1], "b": maps[2]}, classes=(1, 2))
    other = see(
        1 - tones if how == "negative" else change(tones),
        change(maps[0]),
        {"a": change(maps[1]), "b": change(maps[2])},
        classes=(1, 2),
    )
    for rule in RULES:
        assert rule.score(one) == pytest.approx(rule.score(other), nan_ok=True, abs=1e-9), rule.name


def test_a_large_picture_is_reduced_and_its_tones_are_stretched() -> None:
    image = np.zeros((600, 300, 3), np.uint16)
    image[:, 150:] = 60_000  # whose sum over channels does not fit 16 bits
    truth = (image[..., 0] > 0).astype(np.uint8)
    seen = reduced_case(image, truth, {"a": truth})
    assert seen.tones.shape == seen.truth.shape == seen.predicted["a"].shape == (256, 128)
    assert set(np.unique(seen.tones)) == {0.0, 1.0}
    np.testing.assert_array_equal(seen.tones, seen.truth)
    ramp = np.tile(np.arange(201.0), (3, 1))
    tones = reduced_case(ramp, np.zeros((3, 201), np.uint8), {}).tones
    np.testing.assert_allclose(tones[0, [0, 1, 100, 199, 200]], [0, 0, 0.5, 1, 1], atol=1e-6)
    assert not reduced_case(np.full((5, 5), 7), np.zeros((5, 5), np.uint8), {}).tones.any()


def test_every_rule_has_a_name_of_its_own_and_says_in_a_line_what_it_does() -> None:
    assert len({rule.name for rule in RULES}) == len({rule.title for rule in RULES}) == len(RULES)
    assert all(rule.description.endswith(".") and len(rule.description) < 200 for rule in RULES)
