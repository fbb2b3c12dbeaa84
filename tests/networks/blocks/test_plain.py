"""The plain block."""

from __future__ import annotations

import torch

from isthmus.networks.blocks.plain import Plain


def test_dropout_of_the_plain_block_drops():
    module = Plain(dropout=0.5).build(2, 1, 64)
    assert (module.train()(torch.ones(1, 1, 8, 8)) == 0).float().mean() > 0.6
    once, twice = (module.eval()(torch.ones(1, 1, 8, 8)) for _ in range(2))
    assert torch.equal(once, twice)
