"""A checkpointed part is computed twice and updates its statistics once."""

from __future__ import annotations

import pytest
import torch

from isthmus.networks import create_model
from isthmus.networks.kernels.batch_norm import BatchNorm2d


@pytest.mark.parametrize("momentum", [None, 0.1])
def test_a_part_that_is_computed_again_counts_once(momentum: float | None) -> None:
    results = []
    for checkpoint in (False, True):
        torch.manual_seed(0)
        network = create_model("unet", widths=(3, 5), norm="batch", checkpoint=checkpoint)
        network = network.to(memory_format=torch.channels_last)
        norms = [module for module in network.modules() if isinstance(module, BatchNorm2d)]
        for norm in norms:
            norm.momentum = momentum
        network(torch.randn(2, 1, 16, 16)).square().sum().backward()
        results.append([network.get_buffer(name) for name, _ in network.named_buffers()])
        assert {norm.momentum for norm in norms} == {momentum}
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)
