"""The page of objectives names every loss and target."""

from __future__ import annotations

from pathlib import Path

from isthmus.objectives import LOSSES, Objective, Settings

PAGE = Path(__file__).parents[2] / "docs" / "objectives.md"


def test_page_names_every_loss_and_target() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert [name for name in LOSSES if f"| `{name}` |" not in page] == []
    heads = {
        "logits": {name: 1.0 for name, loss in LOSSES.items() if "logits" in loss.heads and name != "ce"},
        "contour": {"contour_l2": 1.0, "bce": 1.0},
        "marker": {"bce": 1.0},
        "distance": {"distance_l1": 1.0},
    }
    every = Objective(heads, classes=1, settings=Settings(class_weights=(1, 1))).targets
    assert [name for name in every if f"| `{name}` |" not in page] == []
    assert len(every) == 7
