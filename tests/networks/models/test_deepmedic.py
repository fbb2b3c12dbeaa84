"""DeepMedic: count, the sizes of the paper, both forms against each other, a path written out by hand."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from isthmus.errors import IsthmusError
from isthmus.networks import create_model
from isthmus.networks.models.deepmedic import DeepMedic

from ..variants import fill, image


def test_count_by_hand():
    with torch.device("meta"):
        network = create_model("deepmedic", in_channels=4, classes=4)
    widths = (30, 30, 40, 40, 40, 40, 50, 50)
    convolutions = sum(27 * a * b for a, b in zip((4, *widths), widths, strict=False))
    before = 3 * sum(widths[:-1])  # scale, shift and slope of what stands before layers 2 to 8
    joined = 100 * 150 + 150 * 150 + 150 * 4 + 3 * (100 + 150 + 150) + 4
    assert sum(p.numel() for p in network.parameters()) == 2 * (convolutions + before) + joined == 663_004


def test_sizes_of_the_paper():
    """An output of 9 needs 25 voxels at full and 19 at a third of the resolution (figure 5 of the paper)."""
    network = create_model("deepmedic", valid=True, widths=(1,) * 8, fully_connected=(2,)).eval()
    given = []
    for path in network.paths:
        path.register_forward_pre_hook(lambda _, args: given.append(tuple(args[0].shape[2:])))
    assert network(torch.zeros(1, 1, 57, 57, 57)).shape == (1, 1, 9, 9, 9)
    assert given == [(25,) * 3, (19,) * 3]


@settings(max_examples=8, deadline=None)
@given(
    size=st.tuples(*(st.integers(5, 7),) * 3),
    strides=st.sampled_from([(1, 3), (1, 3, 9), (1,), (3, 1), (1, 5)]),
)
def test_padding_changes_nothing_away_from_the_border(size, strides):
    options = {"widths": (2, 3, 3, 4), "fully_connected": (3,), "strides": strides, "in_channels": 2}
    padded = fill(DeepMedic(**options)).eval()
    valid = DeepMedic(**options, valid=True).eval()
    valid.load_state_dict(padded.state_dict())
    step = max(strides)
    margin = 4 * step
    sides = [2 * margin + step * -(-side // step) for side in size]
    x = image(1, 2, *sides)
    inside = (..., *(slice(margin, -margin),) * 3)
    torch.testing.assert_close(valid(x), padded(x)[inside])


@pytest.mark.parametrize("size", [(1, 1, 1), (2, 3, 4), (7, 5, 8)])
def test_padded_takes_any_size(size):
    network = DeepMedic(widths=(2, 2), fully_connected=(2,), classes=3).eval()
    assert network(image(1, 1, *size)).shape == (1, 3, *size)


@pytest.mark.parametrize("valid", [False, True])
def test_a_path_adds_what_entered_the_layer_before(valid):
    network = fill(DeepMedic(widths=(3, 4, 4, 5, 6), fully_connected=(2,), strides=(1,), valid=valid)).eval()
    path, x = network.paths[0], image(1, 1, 12, 13, 11)
    weights = path.state_dict()

    def layer(i, x):
        if i:
            mean, var, scale, shift = (
                weights[f"layers.{i}.0.{name}"].reshape(1, -1, 1, 1, 1)
                for name in ("running_mean", "running_var", "weight", "bias")
            )
            x = (x - mean) / (var + 1e-5).sqrt() * scale + shift
            slope = weights[f"layers.{i}.1.weight"].reshape(1, -1, 1, 1, 1)
            x = torch.where(x > 0, x, slope * x)
        kernel = weights[f"layers.{i}.2.weight"] if i else weights["layers.0.weight"]
        return F.conv3d(x, kernel, padding=0 if valid else 1)

    first = layer(0, x)
    second = layer(1, first)
    third = layer(2, second)
    fourth = layer(3, third)
    earlier = second[:, :, 2:-2, 2:-2, 2:-2] if valid else second
    fourth = fourth + F.pad(earlier, (0, 0, 0, 0, 0, 0, 0, 1))
    torch.testing.assert_close(path(x), layer(4, fourth))


def test_the_second_path_reads_every_third_voxel():
    network = fill(DeepMedic(widths=(2,), fully_connected=(2,), strides=(3,))).eval()
    x = image(1, 1, 9, 9, 9)
    changed = x.clone()
    changed[:, :, 0::3] += 1
    changed[:, :, :, 2::3] += 1
    torch.testing.assert_close(network(changed), network(x), rtol=0, atol=0)
    changed[:, :, 4, 4, 4] += 1
    assert not torch.allclose(network(changed), network(x))


def test_receptive_field():
    # eight layers on every third voxel: 2 * 8 * 3 steps between the middle voxels of the outermost triples
    assert create_model("deepmedic", widths=(1,) * 8, fully_connected=(1,)).receptive_field() == 49


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"spatial_dims": 2}, "3D only"),
        ({"widths": ()}, "widths"),
        ({"fully_connected": ()}, "fully_connected"),
        ({"strides": (1, 2)}, "odd"),
        ({"strides": (1, 3, 5), "valid": True}, "divide the largest"),
        ({"dropout": 1}, "dropout"),
        ({"valid": "no"}, "valid"),
    ],
)
def test_refuses_in_one_line(options, message):
    with pytest.raises(IsthmusError, match=message) as error:
        create_model("deepmedic", **options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("side", "message"), [(48, "more than 48"), (58, "nearest.*57x57x57"), (57, None)])
def test_valid_refuses_what_leaves_no_output(side, message):
    network = create_model("deepmedic", valid=True, widths=(1,) * 8, fully_connected=(1,)).eval()
    x = torch.zeros(1, 1, side, side, side)
    if message is None:
        assert network(x).shape[2:] == (9, 9, 9)
    else:
        with pytest.raises(IsthmusError, match=message):
            network(x)
