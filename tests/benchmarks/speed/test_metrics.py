"""The benchmark of metrics runs at toy size, with and without its peers, which agree with ours."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from benchmarks.frame.benchmark import Settings
from benchmarks.frame.command import run
from benchmarks.speed.metric_scenes import Scene, scenes

from benchmarks.speed import metrics


@pytest.mark.filterwarnings("ignore")  # the peers' own
def test_it_runs_at_toy_size() -> None:
    seconds, memory = run("speed.metrics", Settings(toy=True), only="masks of 32 x 32, 5 classes")
    assert seconds["values"]["isthmus"] > 0
    peers = seconds["facts"]["largest_difference"]
    assert peers.keys() == seconds["values"].keys() - {"isthmus"} == memory["values"].keys() - {"isthmus"}
    assert "MONAI" not in peers or peers["MONAI"]["hausdorff"] < 1


def test_objects_are_measured_at_toy_size() -> None:
    (row,) = run("speed.metrics", Settings(toy=True), only="nuclei")
    assert row["facts"]["objects"] == {"prediction": 20, "truth": 20}


def test_every_scene_has_a_name_of_its_own() -> None:
    names = [scene.name for scene in scenes(toy=True)]
    assert len(set(names)) == len(names) == 10


def test_a_peer_that_is_missing_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "surface_distance", None)
    made = run("speed.metrics", Settings(toy=True), only="sparse noise")
    assert all("surface-distance" not in row["values"] for row in made)
    assert capsys.readouterr().out.count("surface-distance is left out") == len(made)


def test_ours_is_right_where_the_answer_is_known() -> None:
    prediction, truth = np.zeros((2, 8, 8), np.uint8)
    prediction[2, 2], truth[2, 5] = 1, 1
    assert metrics.ours(Scene("points", [prediction], [truth]))() == [(3.0, 3.0, 3.0)]
