"""Channels-last networks stay so in training, in both directions, whatever the number of channels."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from isthmus.networks import create_model
from isthmus.networks.kernels.memory_layout import in_layout, is_ambiguous, memory_layout

# operations that make no map; a concatenation's backward pass copies out of each pixel
PASSED_OVER = (
    "view",
    "permute",
    "as_strided",
    "slice",
    "split",
    "transpose",
    "detach",
    "expand",
    "select",
    "squeeze",
    "clone",
)


class Layouts(TorchDispatchMode):
    """Names the operations whose results are large maps that are not channels-last."""

    def __init__(self) -> None:
        super().__init__()
        self.others: set[str] = set()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        for one in result if isinstance(result, tuple | list) else [result]:
            if (
                isinstance(one, Tensor)
                and one.ndim == 4
                and one.shape[1] > 1
                and one.shape[2:].numel() >= 16 * 16
                and not any(word in str(function) for word in PASSED_OVER)
                and memory_layout(one) != torch.channels_last
            ):
                self.others.add(str(function))
        return result


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ["unet", "mildnet", "multiresunet", "sharp_unet", "unetpp"])
def test_no_map_is_laid_out_otherwise(name: str, channels: int) -> None:
    scale = {"depth": 2} if name == "multiresunet" else {"widths": (6, 10)}
    network = create_model(name, in_channels=channels, **scale).to(memory_format=torch.channels_last)
    x = torch.randn(2, channels, 32, 32).contiguous(memory_format=torch.channels_last)
    with Layouts() as seen:
        network(x).square().mean().backward()
    assert not seen.others


def test_a_contiguous_network_takes_the_batch_as_it_is() -> None:
    network, x = create_model("unet", widths=(4, 8)), torch.randn(1, 1, 16, 16)
    assert network.accepted(x) is x


@pytest.mark.parametrize("name", ["unet", "mildnet", "multiresunet", "unetpp"])
def test_the_answer_is_the_same_in_both_layouts(name: str) -> None:
    torch.manual_seed(0)
    network = create_model(name).eval()
    x = torch.randn(1, network.in_channels, 32, 32)
    with torch.no_grad():
        expected = network(x)
        found = network.to(memory_format=torch.channels_last)(x)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_layout_of_a_single_channel() -> None:
    x = torch.randn(2, 1, 4, 6)
    assert is_ambiguous(x)
    last = in_layout(x, torch.channels_last)
    assert last.stride() == (24, 1, 6, 1)
    assert torch.equal(last, x)
    assert last.data_ptr() == x.data_ptr()
    volume = in_layout(torch.randn(2, 1, 4, 6, 8), torch.channels_last_3d)
    assert volume.stride() == (192, 1, 48, 8, 1)
    assert in_layout(x, torch.contiguous_format) is x
