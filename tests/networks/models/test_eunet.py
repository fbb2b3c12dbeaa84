"""E-UNet: counts, and the whole network written out by hand."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from isthmus.errors import IsthmusError
from isthmus.networks import create_model
from isthmus.networks.models import eunet  # noqa: F401  (registers the network)

from ..variants import fill, image


@pytest.mark.parametrize(("classes", "expected"), [(3, 8_269_561), (1, 8_269_331), (4, 8_269_676)])
def test_counts(classes, expected):
    with torch.device("meta"):
        network = create_model("eunet", in_channels=4, classes=classes)
    assert sum(p.numel() for p in network.parameters()) == expected


@pytest.mark.parametrize("levels", [2, 4])
def test_is_the_network_of_the_paper(levels):
    widths = (3, 4, 5, 6)[:levels]
    network = fill(create_model("eunet", in_channels=2, classes=3, widths=widths)).eval()
    weights = network.state_dict()
    x = image(1, 2, 16, 8, 24)

    def unit(prefix, x, stride=1):
        kernel = weights[f"{prefix}.0.weight"]
        y = F.conv3d(x, kernel, weights[f"{prefix}.0.bias"], stride=stride, padding=kernel.shape[-1] // 2)
        centred = y - y.mean((2, 3, 4), keepdim=True)
        y = centred / (centred.square().mean((2, 3, 4), keepdim=True) + 1e-5).sqrt()
        scale, shift = (weights[f"{prefix}.1.{n}"].reshape(1, -1, 1, 1, 1) for n in ("weight", "bias"))
        y = y * scale + shift
        return torch.where(y > 0, y, 0.3 * y)

    def twice(x):
        return x.repeat_interleave(2, 2).repeat_interleave(2, 3).repeat_interleave(2, 4)

    bridges = []
    for level in range(levels):
        x = unit(f"downs.{level}", x, 2 if level else 1)
        x = x + unit(f"contexts.{level}.2", unit(f"contexts.{level}.0", x))
        bridges.append(x)
    bridges.pop()
    total = None
    for i in range(levels - 1):
        x = torch.cat([bridges.pop(), unit(f"ups.{i}", twice(x))], 1)
        x = unit(f"localise.{i}.1", unit(f"localise.{i}.0", x))
        head = i - max(0, levels - 4)
        if head >= 0:
            here = F.conv3d(x, weights[f"heads.{head}.weight"], weights[f"heads.{head}.bias"])
            total = here if total is None else twice(total) + here
    found = network(image(1, 2, 16, 8, 24))
    torch.testing.assert_close(found, total, rtol=1e-4, atol=1e-4)


def test_three_levels_are_segmented():
    network = create_model("eunet", classes=2, widths=(3, 4, 5, 6, 7))
    assert [tuple(head.weight.shape[:2]) for head in network.heads] == [(2, 5), (2, 4), (2, 3)]


def test_dropout_takes_whole_channels():
    network = create_model("eunet")
    assert all(
        isinstance(context[1], torch.nn.Dropout3d) and context[1].p == 0.3 for context in network.contexts
    )


def test_refuses_an_image_that_leaves_one_voxel():
    network = create_model("eunet", widths=(3, 4, 5))
    with pytest.raises(IsthmusError, match="one voxel") as error:
        network(torch.zeros(1, 1, 4, 4, 4))
    assert "\n" not in str(error.value)
    assert network(torch.zeros(1, 1, 4, 4, 8)).shape == (1, 1, 4, 4, 8)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"spatial_dims": 2}, "3D only"), ({"widths": (4,)}, "widths"), ({"dropout": "a"}, "dropout")],
)
def test_refuses_in_one_line(options, message):
    with pytest.raises(IsthmusError, match=message) as error:
        create_model("eunet", **options)
    assert "\n" not in str(error.value)
