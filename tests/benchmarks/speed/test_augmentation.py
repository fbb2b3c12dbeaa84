"""The benchmark of augmentation runs at toy size."""

from __future__ import annotations

import pytest
from benchmarks.frame.benchmark import Settings
from benchmarks.frame.command import run

from benchmarks.speed import augmentation


@pytest.mark.filterwarnings("ignore")  # Albumentations': that a newer release exists
def test_it_runs_at_toy_size() -> None:
    (row,) = run("speed.augmentation", Settings(toy=True), only="affine ones merged by hand, no elastic")
    assert row["clock"] == "processor"
    assert {augmentation.OURS, augmentation.FLOAT} <= row["values"].keys()


def test_every_transform_on_means_every_one() -> None:
    assert {t.p for t in augmentation.ours("HMEDN, every transform on").transforms} == {1.0}
    assert augmentation.ours("MILDNet") is augmentation.MILDNET
    without = augmentation.ours("MILDNet, every transform on, no elastic").transforms
    assert not any(isinstance(t, augmentation.Elastic) for t in without)
