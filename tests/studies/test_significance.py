"""Tests between networks, and what is printed in bold, on differences known by construction."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from isthmus.studies.page import write_study
from isthmus.studies.results import Sample, Value
from isthmus.studies.significance import as_good_as_best
from isthmus.studies.study import Measure
from isthmus.studies.study_folder import StudyFolder

from .known import DICE, NOISE, by_fold, make, rows, table, train_on


def test_identical_networks_are_both_bold_and_never_different(small: Any, tmp_path: Path) -> None:
    folder = make(small(folds=4, measures=[DICE]), tmp_path / "study", by_fold({}))
    write_study(folder)
    assert [row["DC, bold"] for row in rows(folder, "scores")] == ["1", "1"]
    (pair,) = rows(folder, "tests")
    assert (float(pair["difference"]), float(pair["p"]), float(pair["p, Holm"])) == (0, 1, 1)
    assert (float(pair["low"]), float(pair["high"])) == (0, 0)


def test_what_bold_means_is_said_in_both_tables_wherever_they_are_written(small: Any, tmp_path: Path) -> None:
    folder = make(small(folds=4, measures=[DICE], alpha=0.01), tmp_path / "study", by_fold({"U-Net": 0.2}))
    tables = write_study(folder)
    (pair,) = rows(folder, "tests")
    assert (pair["alpha"], pair["shown to differ, bold"]) == ("0.01", "1")
    assert [row["DC, bold"] for row in rows(folder, "scores")] == ["1", "0"]
    at = [name for name, _ in table(tables, "tests").table.columns].index("p, Holm")
    assert table(tables, "tests").table.rows[0][at].strong
    said = {
        "scores": (
            "Bold: the best mean and those not significantly different from it (",
            "alpha 0.01). In the table of pairwise comparisons, bold",
        ),
        "tests": (
            "Bold: p after Holm correction is at most alpha = 0.01, a significant difference. In the table",
        ),
    }
    page = folder.page.read_text()
    for name, sentences in said.items():
        for sentence in sentences:
            assert sentence in table(tables, name).caption
            assert sentence in page
            for suffix in ("md", "tex"):
                assert sentence in (folder.tables / f"{name}.{suffix}").read_text()
    make(small(folds=4, measures=[DICE]), tmp_path / "same", by_fold({}))
    write_study(StudyFolder(tmp_path / "same"))
    assert [row["shown to differ, bold"] for row in rows(StudyFolder(tmp_path / "same"), "tests")] == ["0"]


def better_by(gain: Any) -> Any:
    """Scores by network, fold and repeat: the Sharp U-Net's are higher, by one number a case."""

    def dices(network: str, fold: int, repeat: int) -> dict[str, float]:
        scores = by_fold({})(network, fold, repeat)
        return {
            case: value + (gain[10 * fold + i] if network == "Sharp U-Net" else 0)
            for i, (case, value) in enumerate(scores.items())
        }

    return dices


@pytest.mark.parametrize(("train", "share"), [(30, 1 / 3), (20, 1 / 2), (80, 1 / 8)])
def test_the_corrected_test_takes_the_sizes_of_the_splits(
    small: Any, tmp_path: Path, train: int, share: float
) -> None:
    """Three of four folds, or a protocol with a test set aside: n_test / n_train is the splits', not 1 / (k - 1)."""
    gain = np.random.default_rng(2).normal(0.01, 0.01, 30)

    folder = make(
        small(folds=[0, 1, 2], measures=[DICE], test="corrected"), tmp_path / "study", better_by(gain)
    )
    train_on(folder, train)
    write_study(folder)
    (pair,) = rows(folder, "tests")
    folds = gain.reshape(3, 10).mean(axis=1)
    t = abs(folds.mean()) / math.sqrt((1 / 3 + share) * folds.var(ddof=1))
    assert float(pair["p"]) == pytest.approx(2 * stats.t.sf(t, 2), rel=1e-6)
    assert pair["p"] == pair["p, corrected resampled t"]
    assert (pair["low"], pair["high"]) == ("", "")  # three folds give no interval


def test_of_a_difference_with_a_sign_nothing_is_bold(small: Any) -> None:
    measure = {"name": "Volume difference", "column": "volume_difference"}
    signed, dice = Measure.model_validate(measure), Measure.model_validate(DICE)
    found = {name: Sample((Value("a", 0, 0, value),)) for name, value in (("A", -897.5), ("B", 3.5))}
    study = small(measures=[measure])
    assert as_good_as_best(study, signed, found, 0.25) == set()
    assert "B" in as_good_as_best(study, dice, found, 0.25)


@pytest.mark.parametrize("test", ["wilcoxon", "t", "t-folds", "corrected"])
def test_a_network_that_is_better_by_a_known_amount_is_found(small: Any, tmp_path: Path, test: str) -> None:
    gain = np.random.default_rng(1).normal(0.1, 0.01, 40)

    folder = make(small(folds=4, measures=[DICE], test=test), tmp_path / "study", better_by(gain))
    train_on(folder, 30)
    write_study(folder)
    assert [(row["network"], row["DC, bold"]) for row in rows(folder, "scores")] == [
        ("U-Net", "0"),
        ("Sharp U-Net", "1"),
    ]
    (pair,) = rows(folder, "tests")
    assert (pair["first"], pair["second"], pair["cases"]) == ("Sharp U-Net", "U-Net", "40")
    assert float(pair["difference"]) == pytest.approx(gain.mean())
    assert float(pair["low"]) < gain.mean() < float(pair["high"])
    folds = gain.reshape(4, 10).mean(axis=1)
    corrected = folds.mean() / math.sqrt((1 / 4 + 1 / 3) * folds.var(ddof=1))
    wanted = {
        "wilcoxon": stats.wilcoxon(gain, method="exact").pvalue,
        "t": stats.ttest_1samp(gain, 0).pvalue,
        "t-folds": stats.ttest_1samp(folds, 0).pvalue,
        "corrected": 2 * stats.t.sf(corrected, 3),
    }
    assert float(pair["p"]) == pytest.approx(wanted[test], rel=1e-6)
    assert float(pair["sd of differences"]) == pytest.approx(gain.std(ddof=1))


def test_lower_is_better_for_distances(small: Any, tmp_path: Path) -> None:
    measures = [{"name": "HD", "column": "hausdorff_distance"}]
    folder = make(small(folds=4, measures=measures), tmp_path / "study", by_fold({"U-Net": 0.1}))
    write_study(folder)
    assert [row["HD, bold"] for row in rows(folder, "scores")] == ["1", "0"]
    (pair,) = rows(folder, "tests")
    assert (pair["first"], float(pair["difference"])) == ("U-Net", pytest.approx(-1.0))


def test_many_tests_are_adjusted_by_holm(small: Any, tmp_path: Path) -> None:
    networks = {"A": "unet", "B": "unetpp", "C": "mildnet"}
    rng = np.random.default_rng(5)
    jitter = {name: rng.normal(shift, 0.02, 40) for name, shift in (("A", 0.0), ("B", 0.008), ("C", 0.015))}

    def dices(network: str, fold: int, repeat: int) -> dict[str, float]:
        return {
            f"c{fold}-{i}": float(NOISE[10 * fold + i] + jitter[network][10 * fold + i]) for i in range(10)
        }

    folder = make(small(networks=networks, folds=4, measures=[DICE]), tmp_path / "study", dices)
    write_study(folder)
    found = rows(folder, "tests")
    order = sorted(range(3), key=lambda i: float(found[i]["p"]))
    least = 0.0
    for rank, i in enumerate(order):
        least = max(least, min(1.0, (3 - rank) * float(found[i]["p"])))
        assert float(found[i]["p, Holm"]) == pytest.approx(least)


def test_bold_is_decided_after_holm(small: Any, tmp_path: Path) -> None:
    """p of 0.0391 for both others: different from the best in a single test, but not when two are tested (0.0781)."""
    gaps = [0.1, 0.1, 0.1, 0.1, 0.1, 0.1, -0.04, -0.04]

    def dices(network: str, fold: int, repeat: int) -> dict[str, float]:
        found = {f"c{i}": 0.5 + gap * (1 + i / 100) for i, gap in enumerate(gaps)}
        return found if network == "A" else dict.fromkeys(found, 0.5)

    for networks, bold in (("AB", ["1", "0"]), ("ABC", ["1", "1", "1"])):
        named = dict(zip(networks, ("unet", "unetpp", "mildnet"), strict=False))
        study = small(networks=named, folds=1, recipe={}, measures=[DICE])
        folder = make(study, tmp_path / networks, dices)
        write_study(folder)
        assert stats.wilcoxon(gaps * (1 + np.arange(8) / 100)).pvalue == 0.0390625
        assert [row["DC, bold"] for row in rows(folder, "scores")] == bold
