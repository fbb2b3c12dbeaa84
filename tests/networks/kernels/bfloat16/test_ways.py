"""All ways to compute a convolution give the same numbers."""

from __future__ import annotations

import pytest

from isthmus.networks.kernels.bfloat16.check import is_right
from isthmus.networks.kernels.bfloat16.kinds import Kind
from isthmus.networks.kernels.bfloat16.ways import BORDER, CONTIGUOUS, VECTORS, WAYS, ways_for

from .examples import KINDS


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("way", WAYS)
def test_every_way_gives_the_same_numbers(kind: Kind, way: str) -> None:
    if way in ways_for(kind):
        assert is_right(kind, way)
    else:
        assert way in (BORDER, VECTORS, CONTIGUOUS)
