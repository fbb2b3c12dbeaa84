"""Means and deviations over cases, folds and repeats, all done by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.errors import IsthmusError
from isthmus.statistics import fold_means, over_cases, over_folds, over_repeats

# two repeats of two folds: three cases in fold 0, one in fold 1
VALUES = [0.6, 0.7, 0.8, 0.9, 0.5, 0.6, 0.7, 1.0]
FOLDS = [0, 0, 0, 1, 0, 0, 0, 1]
REPEATS = [0, 0, 0, 0, 1, 1, 1, 1]
CASES = ["a", "b", "c", "d", "a", "b", "c", "d"]


def test_over_cases() -> None:
    found = over_cases(VALUES[:4])
    assert (found.mean, found.n) == (pytest.approx(0.75), 4)
    assert found.sd == pytest.approx(math.sqrt(0.05 / 3))
    assert over_cases(VALUES[:4], ddof=0).sd == pytest.approx(math.sqrt(0.05 / 4)) == np.std(VALUES[:4])
    twice = over_cases(VALUES, CASES)  # a .55, b .65, c .75, d .95: each case once
    assert (twice.mean, twice.n) == (pytest.approx(0.725), 4)
    assert twice.sd == pytest.approx(np.std([0.55, 0.65, 0.75, 0.95], ddof=1))


def test_over_folds_each_counts_alike() -> None:
    found = over_folds(VALUES[:4], FOLDS[:4])  # .7 and .9, where the cases' mean is .75
    assert (found.mean, found.n) == (pytest.approx(0.8), 2)
    assert found.sd == pytest.approx(math.sqrt(2) * 0.1)
    both = over_folds(VALUES, FOLDS, REPEATS)  # .7 .9 .6 1.0
    assert (both.mean, both.n) == (pytest.approx(0.8), 4)
    assert both.sd == pytest.approx(np.std([0.7, 0.9, 0.6, 1.0], ddof=1))
    assert fold_means(VALUES, FOLDS, REPEATS) == pytest.approx([0.7, 0.9, 0.6, 1.0])


def test_over_repeats() -> None:
    found = over_repeats(VALUES, REPEATS)  # means over cases: .75 and .7
    assert (found.mean, found.n) == (pytest.approx(0.725), 2)
    assert found.sd == pytest.approx(0.05 / math.sqrt(2))
    folds = over_repeats(VALUES, REPEATS, FOLDS)  # means of the folds' means: .8 and .8
    assert folds.mean == pytest.approx(0.8)
    assert folds.sd == pytest.approx(0, abs=1e-15)


def test_one_alone_has_no_deviation() -> None:
    for found in (over_cases([0.5]), over_folds([0.5, 0.7], [3, 3]), over_cases([0.5], ddof=0)):
        assert found.n == 1
        assert math.isnan(found.sd)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: over_cases([]), "at least one"),
        (lambda: over_cases([0.5, math.nan]), "NaN"),
        (lambda: over_cases([0.5, math.inf]), "infinity"),
        (lambda: over_cases([0.5, 0.5], ["a"]), "1 cases were given for 2"),
        (lambda: over_folds([0.5], [0, 1]), "2 folds were given for 1"),
        (lambda: over_repeats([0.5], [0], [0, 1]), "2 folds were given for 1"),
    ],
)
def test_what_has_no_mean_is_refused(call, message) -> None:
    with pytest.raises(IsthmusError, match=message):
        call()


@given(st.lists(st.tuples(st.floats(-9, 9), st.integers(0, 3), st.integers(0, 2)), min_size=1), st.randoms())
def test_order_does_not_matter(rows, random) -> None:
    shuffled = random.sample(rows, len(rows))
    results = []
    for each in (rows, shuffled):
        values, folds, repeats = zip(*each, strict=True)
        found = [over_cases(values), over_folds(values, folds, repeats), over_repeats(values, repeats, folds)]
        results.append([x for f in found for x in (f.mean, f.sd, f.n)])
    assert results[0] == pytest.approx(results[1], nan_ok=True)
