"""The split of the nuclei, and scores of objects whose answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.boundaries import nuclei, nuclei_objects
from isthmus.runs.recipe import make_recipe


def test_no_image_is_on_two_sides(shared_data: Path) -> None:
    test, choosing = nuclei_objects.split_of(shared_data / "dsb-2018")
    assert (len(set(test)), len(set(choosing))) == (40, 8)
    assert not set(test) & set(choosing)


@pytest.mark.parametrize("name", nuclei_objects.RUNS)
def test_every_run_is_a_recipe(name: str, shared_data: Path) -> None:
    assert make_recipe("default", nuclei_objects.sections(name, shared_data / "dsb-2018")).data.instances


def test_touching_nuclei_in_one_object_are_not_told_apart() -> None:
    truth, found = np.array([[1, 2, 2, 3, 0, 4]]), np.array([[1, 2, 2, 2, 0, 0]])
    assert nuclei_objects.touching(truth, found) == {"touching": 2.0, "parted": 1.0}


def test_counts_are_summed_and_scores_are_means_of_what_is_defined() -> None:
    row = dict.fromkeys((*nuclei_objects.METRICS, *nuclei_objects.COUNTS), 1.0)
    found = nuclei.summary({"a": row, "b": row | {"dice": float("nan"), "object_f1": 0.0}})
    assert (found["dice"], found["object_f1"], found["truth_objects"]) == (1.0, 0.5, 2.0)
