"""Bar charts keep the whole bar visible, whatever its sign."""

from __future__ import annotations

from typing import Any

import pytest

from isthmus.studies.figures import charts


@pytest.mark.parametrize(
    ("means", "low", "high"), [([1.0, 3.0], 0, 3), ([-9.0, 2.0], -9, 2), ([-4.0, -2.0], -4, 0)]
)
def test_the_axis_holds_every_bar(
    monkeypatch: pytest.MonkeyPatch, means: list[float], low: float, high: float
) -> None:
    limits: list[tuple[float, float]] = []

    def drawn(figure: Any, title: str) -> str:
        limits.append(figure.axes[0].get_ylim())
        return title

    monkeypatch.setattr(charts, "as_svg", drawn)
    assert charts.bars("Volumes", ["A", "B"], [("data", means, [0.1, 0.1])], "voxels") is not None
    ((bottom, top),) = limits
    assert bottom <= low <= high <= top
    assert bottom < top
