"""What choosing the best epoch adds, measured across folds and against test cases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isthmus.statistics import optimism_of_selection
from isthmus.studies.page import write_study
from isthmus.studies.tables.selection import _at

from ..known import DICE, by_fold, make, rows


def test_what_the_best_epoch_adds_is_measured_across_folds(small: Any, tmp_path: Path) -> None:
    curves = {0: (0.5, 1.0, 0.5), 1: (0.5, 0.5, 0.75), 2: (0.5, 0.5, 0.75)}  # see optimism_across_folds
    study = small(networks={"U-Net": "unet"}, folds=3, measures=[DICE])
    folder = make(study, tmp_path / "study", by_fold({}), curve=lambda cell: curves[cell.fold])
    write_study(folder)
    (row,) = rows(folder, "optimism")
    assert float(row["clean"]) == 0.5
    assert float(row["gain"]) == pytest.approx((0.5 + 0.25 + 0.25) / 3)


def test_what_the_best_epoch_adds_is_measured_against_test_cases(small: Any, tmp_path: Path) -> None:
    folder = make(
        small(networks={"U-Net": "unet"}, folds=2, measures=[DICE]),
        tmp_path / "study",
        lambda *_: {"a": 0.6, "b": 0.7},
        which="test",
        curve=(0.5, 0.9, 0.8),
    )
    write_study(folder)
    (row,) = rows(folder, "optimism")
    assert (float(row["best epoch"]), float(row["clean"])) == (0.9, pytest.approx(0.65))


@pytest.mark.parametrize(("epoch", "score"), [(3, 0.8), (1, 0.5), (None, 0.9), (7, 0.9)])
def test_the_score_is_that_of_the_epoch_whose_weights_were_kept(epoch: int | None, score: float) -> None:
    """With ``training.keep=latest`` it is not always the highest; where it is not known, the highest is taken."""
    curve = np.array([0.5, 0.9, 0.8])
    assert optimism_of_selection([_at(curve, epoch)], [0.6]).optimistic == score
