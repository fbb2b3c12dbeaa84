"""What choosing the best epoch on the scored fold adds: by hand, and for pure noise, where all of it is optimism."""

from __future__ import annotations

import math

import numpy as np
import pytest

from isthmus.errors import IsthmusError
from isthmus.statistics import optimism_across_folds, optimism_of_selection


def test_against_the_test_score_of_the_chosen_weights() -> None:
    found = optimism_of_selection([[0.5, 0.9, math.nan], [0.6, 0.5, 0.8]], np.array([0.8, 0.75]))
    assert found.by_run == pytest.approx((0.1, 0.05))
    assert (found.optimistic, found.clean, found.gain) == pytest.approx((0.85, 0.775, 0.075))


def test_against_test_curves_the_same_cases_are_compared() -> None:
    validation = [[0.5, 0.9, 0.8], [0.6, 0.5, 0.8]]
    test = [[0.4, 0.6, 0.7], [0.5, 0.3, 0.5]]
    found = optimism_of_selection(validation, test)  # chosen: epochs 1 and 2; best: 2 and 0
    assert found.by_run == pytest.approx((0.1, 0.0))
    assert (found.optimistic, found.clean) == pytest.approx((0.6, 0.55))
    assert optimism_of_selection(test, test).gain == 0  # what chose itself is not clean, and shows nothing


def test_where_lower_is_better_a_gain_is_still_flattering() -> None:
    loss = optimism_of_selection([[3.0, 1.0, 2.0]], [1.5], higher_is_better=False)
    assert (loss.optimistic, loss.clean, loss.gain) == (1, 1.5, 0.5)
    curves = np.random.default_rng(0).normal(size=(4, 9))
    up, down = optimism_across_folds(curves), optimism_across_folds(-curves, higher_is_better=False)
    assert (up.optimistic, up.clean) == pytest.approx((-down.optimistic, -down.clean))
    assert up.by_run == pytest.approx(down.by_run)


def test_across_folds_by_hand() -> None:
    curves = [[0.1, 0.9, 0.5], [0.2, 0.3, 0.8], [0.4, 0.6, 0.7]]
    # others' means: for 0 (.3, .45, .75) epoch 2; for 1 (.25, .75, .6) epoch 1; for 2 (.15, .6, .65) epoch 2
    found = optimism_across_folds(curves)
    assert found.clean == pytest.approx((0.5 + 0.3 + 0.7) / 3)
    assert found.by_run == pytest.approx((0.4, 0.5, 0.0))


def test_of_pure_noise_all_is_optimism() -> None:
    noise = np.random.default_rng(1).normal(size=(400, 30))
    found = optimism_across_folds(noise)
    assert found.clean == pytest.approx(0, abs=3 / math.sqrt(400))
    assert found.optimistic == pytest.approx(2.04, abs=0.1)  # mean of the largest of 30 normal numbers
    assert found.gain == pytest.approx(found.optimistic - found.clean)


def test_curves_that_agree_have_none() -> None:
    curve = [0.1, 0.5, 0.7, 0.6]
    assert optimism_across_folds([curve, curve, curve]).gain == 0


def test_a_fold_that_stopped_early_keeps_its_last_score() -> None:
    short = optimism_across_folds([[0.5, 0.6], [0.3, 0.4, 0.9]])
    assert short == optimism_across_folds([[0.5, 0.6, 0.6], [0.3, 0.4, 0.9]])
    gaps = optimism_across_folds([[0.5, math.nan, 0.6], [0.3, math.nan, 0.9]])
    assert gaps == optimism_across_folds([[0.5, 0.6], [0.3, 0.9]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: optimism_across_folds([[0.5, 0.6]]), "at least two"),
        (lambda: optimism_across_folds([]), "no validation curves"),
        (lambda: optimism_across_folds([[0.5], []]), "run 1 holds no finite"),
        (lambda: optimism_across_folds([[0.5], [math.nan]]), "run 1 holds no finite"),
        (lambda: optimism_across_folds([[math.nan, 0.5], [0.5, math.nan, 0.5]][:0:-1]), "at least two"),
        (lambda: optimism_of_selection([[0.5]], []), "1 validation curves for 0"),
        (lambda: optimism_of_selection([[0.5]], [math.nan]), "score every run"),
        (lambda: optimism_of_selection([[0.5, 0.6]], [[0.5]]), "2 epochs of validation and 1"),
    ],
)
def test_what_has_no_best_epoch_is_refused(call, message) -> None:
    with pytest.raises(IsthmusError, match=message):
        call()
