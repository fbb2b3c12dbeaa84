"""Input: lists, arrays and tensors alike, and one line for anything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from isthmus import statistics
from isthmus.errors import IsthmusError

FIRST, SECOND = [0.5, 0.75, 0.875, 0.625, 0.25], [0.375, 0.75, 0.8125, 0.5, 0.125]  # whole in bfloat16
FOLDS = [0.0, 0.0, 1.0, 1.0, 2.0]


def by_case(values: Any) -> dict[str, Any]:
    return dict(zip("abcde", values, strict=True))


OF_ROWS: list[Callable[[Any, Any], Any]] = [
    statistics.paired_t,
    statistics.wilcoxon,
    lambda a, b: statistics.corrected_resampled_t(a, b, train=4, test=1),
    lambda a, _: statistics.holm(a),
    statistics.cohens_dz,
    statistics.rank_biserial,
    statistics.probability_of_superiority,
    lambda a, _: statistics.bootstrap(a, resamples=50),
    lambda a, _: statistics.over_cases(a),
    lambda a, _: statistics.over_folds(a, FOLDS),
    lambda a, _: statistics.over_repeats(a, FOLDS),
    lambda a, _: statistics.fold_means(a, FOLDS).tolist(),
    lambda a, b: statistics.differences(a, b).tolist(),
    lambda a, b: statistics.optimism_of_selection([a, b], [a, b]),
    lambda a, b: statistics.optimism_across_folds([a, b]),
    lambda a, b: statistics.compare(by_case(a), by_case(b)),
    lambda a, b: statistics.compare_all({"x": by_case(a), "y": by_case(b)}),
    lambda a, b: statistics.not_different_from_best({"x": by_case(a), "y": by_case(b)}),
]
OF_LABELS: list[Callable[[Any], Any]] = [
    lambda labels: statistics.over_cases(FIRST, labels),
    lambda labels: statistics.over_folds(FIRST, labels),
    lambda labels: statistics.over_repeats(FIRST, labels),
    lambda labels: statistics.fold_means(FIRST, labels).tolist(),
    lambda labels: statistics.bootstrap(FIRST, groups=labels, resamples=50),
]
OF_NUMBERS: list[Callable[[Any], Any]] = [
    lambda x: statistics.power(10, x, 1.0),
    lambda x: statistics.power(10, 1.0, x),
    lambda x: statistics.cases_needed(x, 1.0),
    lambda x: statistics.detectable_difference(10, x),
    lambda x: statistics.sd_of_difference(x, 1.0, x),
]


@pytest.mark.parametrize("score", OF_ROWS)
def test_rows_of_scores_may_be_tensors(score: Callable[[Any, Any], Any]) -> None:
    torch = pytest.importorskip("torch")
    expected = repr(score(FIRST, SECOND))
    for kind in (torch.bfloat16, torch.float32, torch.float64):
        tensors = [torch.tensor(values, dtype=kind, requires_grad=True) for values in (FIRST, SECOND)]
        assert repr(score(*tensors)) == expected
        assert repr(score(*([*tensor] for tensor in tensors))) == expected  # lists of tensors
    assert repr(score(np.array(FIRST), np.array(SECOND))) == expected


@pytest.mark.parametrize("score", OF_LABELS)
def test_labels_may_be_tensors(score: Callable[[Any], Any]) -> None:
    torch = pytest.importorskip("torch")
    assert repr(score(torch.tensor(FOLDS))) == repr(score(np.array(FOLDS))) == repr(score(FOLDS))


@pytest.mark.parametrize("score", OF_NUMBERS)
def test_numbers_may_be_tensors(score: Callable[[Any], Any]) -> None:
    torch = pytest.importorskip("torch")
    assert repr(score(torch.tensor(0.5, dtype=torch.bfloat16, requires_grad=True))) == repr(score(0.5))
    assert repr(score(torch.tensor([0.5]))) == repr(score(0.5))


@pytest.mark.parametrize("score", OF_ROWS)
def test_what_are_no_rows_of_numbers_is_one_line(score: Callable[[Any, Any], Any]) -> None:
    torch = pytest.importorskip("torch")
    wrong = [["one"] * 5, torch.ones(5, 5), torch.ones(5, device="meta"), [[1, 2]] * 5, [1j] * 5]
    for values in wrong:
        with pytest.raises(IsthmusError) as caught:
            score(values, values)
        assert "\n" not in str(caught.value)


def test_scores_without_cases_are_one_line() -> None:
    for wrong in (FIRST, np.array(FIRST), 0.5):
        with pytest.raises(
            IsthmusError, match=r"'first' is a \w+, not a mapping; give each network's score by case"
        ):
            statistics.compare(wrong, wrong)  # type: ignore[arg-type]
        with pytest.raises(IsthmusError, match="not a mapping"):
            statistics.pair(wrong)  # type: ignore[arg-type]
