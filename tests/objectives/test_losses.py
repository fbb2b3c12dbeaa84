"""Losses are found by name; one that is registered serves an objective like those built in."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from isthmus.errors import IsthmusError
from isthmus.objectives import LOSSES, Loss, Objective, list_losses, register_loss
from isthmus.objectives.outputs import foreground


@pytest.fixture(autouse=True)
def only_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LOSSES, "_things", dict(LOSSES))


def absolute(logits: Tensor, target: Tensor, *, ignore: int | None = None) -> Tensor:
    p, y = foreground(logits, target)
    return (p - y).abs().mean()


def height(logits: Tensor, target: Tensor, rows: Tensor, *, ignore: int | None = None) -> Tensor:
    p, _ = foreground(logits, target)
    return (p[:, 0] * rows).sum()


def row_numbers(label: np.ndarray) -> np.ndarray:
    return np.broadcast_to(np.arange(label.shape[0], dtype=np.float32)[:, None], label.shape)


def test_a_registered_loss_is_a_term_of_the_objective() -> None:
    register_loss("absolute", Loss(absolute))
    assert list_losses()[-1] == "absolute"
    objective = Objective({"logits": {"absolute": 2.0}}, classes=1)
    assert objective.targets == {}
    parts = objective.parts(torch.zeros(1, 1, 2, 2), torch.ones(1, 2, 2), {})
    assert {name: float(value) for name, value in parts.items()} == {"logits.absolute": 1.0}  # 2 · |0.5 - 1|


def test_a_loss_brings_a_target_of_its_own() -> None:
    register_loss("height", Loss(height, row_numbers, heads=("logits",)))
    objective = Objective({"logits": {"height": 1.0}}, classes=1)
    label = np.ones((3, 2), np.uint8)
    targets = {name: torch.from_numpy(make(label).copy())[None] for name, make in objective.targets.items()}
    assert list(targets) == ["height"]
    loss = objective(torch.zeros(1, 1, 3, 2), torch.ones(1, 3, 2), targets)
    assert float(loss) == 3.0  # 0.5 · (0 + 0 + 1 + 1 + 2 + 2)


def test_a_target_of_its_own_sees_ignored_pixels_as_background() -> None:
    register_loss("copy", Loss(height, lambda label: label.astype(np.float32)))
    make = Objective({"logits": {"copy": 1.0}}, classes=1, ignore=255).targets["copy"]
    assert make(np.array([[1, 255]], np.uint8)).tolist() == [[1.0, 0.0]]


def test_what_a_loss_cannot_serve_is_refused() -> None:
    register_loss("absolute", Loss(absolute, outputs=("binary",)))
    with pytest.raises(IsthmusError, match="'absolute' cannot serve a softmax over 3 classes"):
        Objective({"logits": {"absolute": 1.0}}, classes=3)


def test_the_nearest_name_is_told() -> None:
    with pytest.raises(
        IsthmusError, match=r"^objective\.heads\.logits: unknown loss 'focl': did you mean 'focal'\?"
    ):
        Objective({"logits": {"focl": 1.0}}, classes=1)


def test_names_are_unique() -> None:
    with pytest.raises(ValueError, match="a loss named 'dice' is registered already"):
        register_loss("dice", Loss(absolute))
    with pytest.raises(ValueError, match="cannot be named 'distance', which is one of our targets"):
        register_loss("distance", Loss(height, row_numbers))
