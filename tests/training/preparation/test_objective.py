"""The objective of a training is filled in from its training cases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from isthmus.training.preparation.prepare import prepare
from isthmus.watch import Silent


def test_class_weights_are_inverse_to_the_pixels_of_the_training_cases_alone(
    small: Any, phantoms: Path
) -> None:
    losses = {"heads": {"logits": {"weighted_ce": 1.0}}}
    prepared = prepare(small(objective=losses), Silent())
    masks = [np.asarray(Image.open(phantoms / "masks" / f"{name}.png")) for name in prepared.split.train]
    share = float(np.mean([mask > 0 for mask in masks]))
    assert prepared.recipe.objective.class_weights == pytest.approx((1 / (2 * (1 - share)), 1 / (2 * share)))
