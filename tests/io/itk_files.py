"""Volumes as ITK holds them."""

from __future__ import annotations

from typing import Any

import pytest

from .volume_files import ZYX


def itk() -> Any:
    """SimpleITK; the test is skipped where it is not installed."""
    return pytest.importorskip("SimpleITK", reason="SimpleITK (extra `io`) is not installed")


def image(voxels: Any = ZYX, steps: tuple[float, ...] = (1, 2, 3)) -> Any:
    """As ITK holds it: left, posterior, superior, so arrays are as the program sees them."""
    made = itk().GetImageFromArray(voxels)
    made.SetSpacing(steps[: made.GetDimension()])
    made.SetOrigin((5, 6, 7)[: made.GetDimension()])
    return made
