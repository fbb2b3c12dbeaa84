"""The dense block against a calculation of its own."""

from __future__ import annotations

import pytest
import torch

from isthmus.networks.blocks.dense import Dense

from ..by_hand import unit
from ..variants import fill, image


@pytest.mark.parametrize("dims", [2, 3])
def test_dense_block_chains_and_concatenates(dims):
    block = fill(Dense().build(dims, 3, 9)).eval()
    x = image(2, 3, *(5, 6, 4)[:dims])
    weights = block.state_dict()
    first = unit(weights, "units.0", x)
    second = unit(weights, "units.1", first)
    third = unit(weights, "units.2", second)
    torch.testing.assert_close(block(x), torch.cat([first, second, third], 1))
    assert [y.shape[1] for y in (first, second, third)] == [4, 2, 3]
