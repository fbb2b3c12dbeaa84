"""The soft Jaccard index pooled over batches, by the formula of the authors' code; what training makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isthmus import training
from isthmus.training.pooled import PooledJaccard

RNG = np.random.default_rng(8)


def jacard(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """The metric as the authors define it, on a whole batch."""
    y, p = y_true.ravel().astype(float), y_pred.ravel().astype(float)
    return float(np.sum(y * p) / np.sum(y + p - y * p))


@pytest.mark.parametrize("batch", [1, 3, 4, 16])
def test_every_batch_is_pooled_and_counts_the_same(batch: int) -> None:
    p, y = RNG.random((7, 5, 6)).astype(np.float32), RNG.random((7, 5, 6)) < 0.3
    pooled = PooledJaccard(batch)
    for case in range(7):
        pooled.add({"cell": p[case]}, {"cell": y[case]})
    batches = [slice(start, start + batch) for start in range(0, 7, batch)]
    assert pooled.value() == pytest.approx(np.mean([jacard(y[b], p[b]) for b in batches]), rel=1e-6)


def test_classes_are_pooled_separately() -> None:
    p, y = RNG.random((2, 3, 9)), RNG.random((2, 3, 9)) < 0.5
    pooled = PooledJaccard(3)
    for case in range(3):
        pooled.add({"a": p[0, case], "b": p[1, case]}, {"a": y[0, case], "b": y[1, case]})
    assert pooled.value() == pytest.approx((jacard(y[0], p[0]) + jacard(y[1], p[1])) / 2)


def test_a_batch_without_foreground_is_right() -> None:
    pooled = PooledJaccard(1)
    pooled.add({"cell": np.zeros(4)}, {"cell": np.zeros(4, bool)})
    pooled.add({"cell": np.full(4, 0.5)}, {"cell": np.zeros(4, bool)})
    assert pooled.value() == 0.5  # 1 and 0


def test_training_can_watch_and_select_by_it(small: Any, tmp_path: Path) -> None:
    recipe = small(
        training={
            "epochs": 6,
            "select": "soft_iou",
            "schedule": "plateau",
            "plateau_rule": "keras",
            "plateau_monitor": "soft_iou",
            "plateau_patience": 1,
            "learning_rate": 0.01,
        }
    )
    folder = training.train(recipe, tmp_path / "run")
    history = folder.read_rows(folder.history)
    soft = [float(row["validation_soft_iou"]) for row in history]
    assert folder.costs().best_epoch == int(np.argmax(soft)) + 1
    rate, best, expected = 0.01, -1.0, []
    for value in soft:  # patience 1: the rate falls with every epoch that is not better by 1e-4
        expected.append(rate)
        rate, best = (rate, value) if value > best + 1e-4 else (rate / 10, best)
    assert [float(row["learning_rate"]) for row in history] == pytest.approx(expected)
