"""Maps become probabilities by head, then classes or objects, then the values that the user trained with."""

from __future__ import annotations

import numpy as np

from isthmus.inference.decision import Decision
from isthmus.runs.recipe import make_recipe

DATA = {"channels": 1, "values": {0: 0, 10: 1, 700: 2}, "classes": ["background", "a", "b"]}
CELLS = {"channels": 1, "values": {0: 0, 255: 1}, "classes": ["background", "cell"]}


def decision(data: dict[str, object], **sections: dict[str, object]) -> Decision:
    return Decision.of(make_recipe("bare", {"data": data}, sections))


def test_a_regressed_contour_stays_and_other_heads_become_probabilities() -> None:
    losses = {"logits": {"bce": 1}, "contour": {"contour_l2": 1}, "marker": {"bce": 1}}
    found = decision(CELLS, objective={"heads": losses})
    maps = {name: np.full((1, 1, 2), np.log(3), np.float32) for name in losses}
    got = {name: values[0, 0, 0] for name, values in found.activate_heads(maps).items()}
    np.testing.assert_allclose([got["logits"], got["marker"]], 0.75, rtol=1e-6)
    assert got["contour"] == np.float32(np.log(3))


def test_the_likeliest_class_is_cleaned_up_and_written_in_its_value() -> None:
    found = decision(DATA, cleanup={"min_size": 2})
    maps = {"logits": np.array([[[0, 0, 1, 0]], [[1, 0, 0, 0]], [[0, 1, 0, 1]]], np.float32)}
    assert found.clean_labels(maps).tolist() == [[0, 0, 0, 0]]  # three specks of one pixel
    maps["logits"] = np.array([[[0, 0, 1]], [[0, 0, 0]], [[1, 1, 0]]], np.float32)
    assert found.in_mask_values(found.labels_or_objects(maps)).tolist() == [[700, 700, 0]]


def test_a_regressed_contour_separates_objects_from_a_share_of_its_peak_up() -> None:
    """A body of 12 x 17 pixels with a contour through its middle."""
    losses = {"logits": {"bce": 1}, "contour": {"contour_l2": 1}}
    cells = CELLS | {"instances": True}
    trained = decision(cells, objective={"heads": losses})
    untrained = decision(cells, objective={"heads": losses | {"contour": {}}})
    body, contour = np.zeros((2, 1, 20, 25), np.float32)
    body[:, 4:16, 4:21] = 1
    for height, count in ((0.8, 2), (0.7, 1)):
        contour[:, :, 12] = height
        maps = {"logits": body, "contour": contour}
        assert trained.labels_or_objects(maps).max() == count
        assert untrained.labels_or_objects(maps).max() == 1
