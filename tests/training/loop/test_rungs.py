"""The choices of a training time differ in width and batch alone, and only where the user left these open."""

from __future__ import annotations

from typing import Any

import pytest

from isthmus.runs.recipe import make_recipe
from isthmus.training.loop.rungs import rungs, size


def test_volumes_and_objects_keep_all_but_width_and_batch() -> None:
    given = make_recipe("default")
    options = {"in_channels": 2, "classes": 1, "spatial_dims": 3}
    network = given.network.model_copy(update={"options": options, "heads": ["contour", "marker"]})
    resolved = given.model_copy(update={"network": network})
    *faster, last = rungs(given, resolved)
    assert last is resolved
    assert [size(rung) for rung in (*faster, last)] == [
        "width 8 and batches of 2",
        "width 16 and batches of 2",
        "width 32 and batches of 4",
    ]
    for width, rung in zip((8, 16), faster, strict=True):
        widths = [width, 2 * width, 4 * width, 8 * width, 16 * width]
        assert rung.network.options == options | {"widths": widths}
        same = {"network": resolved.network, "training": resolved.training}
        assert rung.model_copy(update=same) == resolved
        assert rung.network.heads == ["contour", "marker"]


@pytest.mark.parametrize(
    ("network", "named"),
    [
        ({"model": "unet"}, "batches of 4"),
        ({"options": {"encoder": "resnet18"}}, "batches of 4"),
        ({"options": {"widths": [4, 8]}}, "width 4 and batches of 4"),
        ({"options": {"depth": 3}}, "width 32 and batches of 4"),
    ],
)
def test_a_network_that_the_user_described_is_the_only_choice(network: dict[str, Any], named: str) -> None:
    given = make_recipe("default", {"network": network})
    assert rungs(given, given) == [given]
    assert size(given) == named


def test_a_batch_is_never_made_larger() -> None:
    given = make_recipe("default")
    single = given.model_copy(update={"training": given.training.model_copy(update={"batch": 1})})
    assert [rung.training.batch for rung in rungs(given, single)] == [1, 1, 1]
