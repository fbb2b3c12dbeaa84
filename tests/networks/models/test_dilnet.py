"""The receptive fields of DilNet by the gradient."""

from __future__ import annotations

import pytest
import torch

from isthmus.networks import create_model


@pytest.mark.parametrize(("name", "paper"), [("dilnet1", 121), ("dilnet2", 97), ("dilnet3", 85)])
def test_receptive_field_of_the_dilated_networks_by_gradient(name, paper):
    network = create_model(name, width=1).eval()
    assert network.receptive_field() == paper
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(1)
    x = torch.ones(1, 1, 139, 3, dtype=torch.float64, requires_grad=True)
    network.double()(x)[0, 0, 69, 1].backward()
    rows = x.grad[0, 0].abs().amax(1).nonzero().flatten()
    assert int(rows.max() - rows.min()) + 1 == paper
