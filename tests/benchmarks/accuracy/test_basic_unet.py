"""MONAI's network takes and gives what ours do."""

from __future__ import annotations

import pytest
import torch

from benchmarks.accuracy import basic_unet
from isthmus.networks import create_model, list_models


@pytest.mark.parametrize("dims", [2, 3])
def test_it_is_made_by_name_and_gives_logits(dims: int) -> None:
    pytest.importorskip("monai")
    basic_unet.register()
    basic_unet.register()  # once more changes nothing
    assert "monai_basic_unet" in list_models()
    network = create_model("monai_basic_unet", spatial_dims=dims, classes=2, widths=(2, 2, 4, 4, 8, 2)).eval()
    with torch.no_grad():
        assert network(torch.zeros(1, 1, *(32,) * dims)).shape == (1, 2, *(32,) * dims)
