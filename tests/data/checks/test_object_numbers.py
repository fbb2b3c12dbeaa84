"""Values that look like object numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from isthmus.data.checks.inspect import inspect_dataset
from isthmus.data.sources import from_folder


@pytest.mark.parametrize(
    ("held", "told"),
    [
        ([[7, 14, 21], [7, 14, 21, 28], [7, 14, 21, 28, 35, 42, 49, 56]], True),  # a step between the numbers
        ([[3, 8, 20], [5, 9, 30], [4, 11, 25]], True),  # numbers that go on from mask to mask
        ([[7, 14, 21]] * 3, False),  # the same in all
        ([[1, 5], [1, 9], [1, 5, 9]], False),
        (
            [[1, 3, 5, 7, 9, 11], [1, 3, 5, 7, 9], [3, 5, 7, 9, 11]],
            False,
        ),  # organs, of which some are missing
    ],
)
def test_object_numbers_with_gaps_are_told(pairs: Any, held: list[list[int]], told: bool) -> None:
    masks = []
    for values in held:
        mask = np.zeros((24, 20), np.uint8)
        for place, value in enumerate(values):
            mask[3 * place : 3 * place + 2, 4:9] = value
        masks.append(mask)
    found = inspect_dataset(from_folder(pairs(len(masks), masks=masks)))
    assert found.usable
    assert any(row.what == "object numbers?" for row in found.findings()) == told
    masks[0][20:22, 12] = held[0][-1]  # a second piece
    again = inspect_dataset(from_folder(pairs(len(masks), masks=masks)))
    assert not any(row.what == "object numbers?" for row in again.findings())
