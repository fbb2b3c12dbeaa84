"""The benchmark's plain networks compute what ours do."""

from __future__ import annotations

import pytest
import torch
from benchmarks.speed.plain_networks import NETWORKS, PlainNet

from isthmus.networks import create_model


@pytest.mark.parametrize("name", NETWORKS)
def test_the_plain_layers_compute_what_ours_do(name: str) -> None:
    torch.manual_seed(0)
    plain, ours = PlainNet(name, widths=(4, 8)), create_model(name, widths=(4, 8))
    with torch.no_grad():
        for theirs, own in zip(plain.parameters(), ours.parameters(), strict=True):
            assert theirs.shape == own.shape
            own.copy_(theirs)
    x = torch.randn(2, 1, 16, 16)
    torch.testing.assert_close(plain(x), ours(x))
