"""Any block with any skip with any encoder, in 2D and 3D; and what cannot be, refused in one sentence."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from isthmus.errors import IsthmusError
from isthmus.networks import create_model, initialise
from isthmus.networks.blocks.base import BLOCKS, SKIPS
from isthmus.networks.encoders.registry import ENCODERS
from isthmus.networks.models.unet import HEADS, UPS

from .variants import fill, image, narrow_encoders

DIMS = pytest.mark.parametrize("dims", [2, 3])


@DIMS
@pytest.mark.parametrize("skip", list(SKIPS))
@pytest.mark.parametrize("block", list(BLOCKS))
def test_every_block_with_every_skip_learns(block, skip, dims):
    network = initialise(
        create_model(
            "unet", block=block, skip=skip, spatial_dims=dims, in_channels=2, classes=3, widths=(6, 7)
        ),
        seed=1,
    )
    x = image(2, 2, *(8, 6, 4)[:dims])
    labels = (x[:, 0] > 0).long() + (x[:, 1] > 0.5).long()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(8):
        loss = F.cross_entropy(network(x), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.97 * losses[0]


@DIMS
@pytest.mark.parametrize("encoder", list(ENCODERS))
def test_every_encoder_runs_with_blocks_and_skips(encoder, dims):
    """The parts do not know the encoder: one of them with all blocks and skips, the others with three."""
    combinations = list(zip(BLOCKS, itertools.cycle(SKIPS), itertools.cycle(UPS), strict=False))
    for block, skip, up in combinations if encoder == "resnet34" else combinations[:3]:
        with torch.device("meta"), narrow_encoders():
            widths = range(6, 10 if encoder in ("vgg16", "vgg16_bn") else 11)
            network = create_model(
                "unet", block=block, skip=skip, encoder=encoder, up=up, spatial_dims=dims, widths=widths
            )
            size = (3, 1, *(2 * network.divisor, network.divisor, network.divisor)[:dims])
            assert network(torch.empty(size)).shape == size


OPTIONS = {
    "block": st.sampled_from(list(BLOCKS)),
    "skip": st.sampled_from(list(SKIPS)),
    "up": st.sampled_from(UPS),
    "head": st.sampled_from(HEADS),
    "spatial_dims": st.sampled_from([2, 3]),
    "widths": st.lists(st.integers(3, 9), min_size=2, max_size=4),
    "in_channels": st.integers(1, 4),
    "classes": st.integers(1, 4),
}


@given(
    options=st.fixed_dictionaries(OPTIONS),
    images=st.integers(1, 3),
    cells=st.tuples(*[st.integers(1, 3)] * 3),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_random_composition_gives_logits_of_the_size_of_the_image(options, images, cells):
    network = create_model("unet", **options).eval()
    size = [network.divisor * n for n in cells[: options["spatial_dims"]]]
    y = network(image(images, options["in_channels"], *size))
    assert y.shape == (images, options["classes"], *size)
    assert y.isfinite().all()


def reach_by_nan(network, length):
    """Side of the receptive field: what a row of NaN spoils, for every place within a period of the poolings.

    What input row i spoils, input row i + period spoils a period further on.
    """
    period, dims = network.divisor, network.spatial_dims
    start = length // 2 // period * period
    seen_by = {residue: [] for residue in range(period)}
    for row in range(start, start + period):
        x = torch.zeros(1, network.in_channels, length, *(period,) * (dims - 1))
        x[:, :, row] = torch.nan
        with torch.no_grad():
            spoiled = network(x).isnan().flatten(3).any(3)[0, 0].nonzero().flatten()
        assert spoiled.min() > 0
        assert spoiled.max() < length - 1
        for output in range(int(spoiled.min()), int(spoiled.max()) + 1):
            seen_by[output % period].append(row - output)
    return max(max(offsets) - min(offsets) + 1 for offsets in seen_by.values())


@DIMS
@pytest.mark.parametrize(
    ("block", "skip"),
    [
        ("plain", "identity"),
        ("residual", "respath"),
        ("multires", "mlr"),
        ("inception", "sharp"),
        ("inception_factorised", {"name": "high_resolution", "dilations": [1, 9], "level": 1}),
        ({"name": "mldr", "levels": 1, "dilations": [1, 4]}, {"name": "cascade", "dilations": [1, 2, 8]}),
    ],
    ids=str,
)
def test_the_receptive_field_is_how_far_nan_travels(block, skip, dims):
    for up in UPS:
        network = fill(
            create_model("unet", block=block, skip=skip, up=up, spatial_dims=dims, widths=(3, 3, 3))
        ).eval()
        assert network.receptive_field() == reach_by_nan(network, 160)


@pytest.mark.parametrize("encoder", ["vgg16", "resnet34"])
def test_the_receptive_field_of_an_encoder_is_how_far_nan_travels(encoder):
    with narrow_encoders():
        widths = (3,) * (4 if encoder == "vgg16" else 5)
        network = fill(create_model("unet", encoder=encoder, up="nearest", widths=widths)).eval()
    side = network.receptive_field()
    assert reach_by_nan(network, -(-(side + 64) // 32) * 32) == side


def _note(sizes):
    def pack(tensor):
        sizes.append(tensor.nbytes)
        return tensor

    return pack


@pytest.mark.parametrize(
    "options",
    [
        {"block": "mldr", "skip": "mlr", "widths": (3, 4, 5)},
        {"block": {"name": "plain", "norm": "batch", "dropout": 0.3}, "widths": (3, 4, 5)},
        {"norm": "instance", "spatial_dims": 3, "widths": (3, 4)},
        {"encoder": "densenet121", "block": "residual_se", "skip": "respath", "widths": (3,) * 5},
        {"encoder": "vgg16_centre", "skip": "sharp", "widths": (3,) * 5},
        {"encoder": "resnet50", "up": "linear", "widths": (3,) * 5},
    ],
    ids=str,
)
def test_checkpointing_keeps_less_and_changes_nothing(options):
    """Two steps: outputs, gradients, running statistics and counters are equal bit for bit."""
    results = []
    for checkpoint in (False, True):
        with narrow_encoders():
            network = initialise(create_model("unet", checkpoint=checkpoint, **options), seed=3)
        kept, sizes = [], []
        torch.manual_seed(0)
        for phase in range(2):
            x = image(2, 1, *(64,) * (options.get("spatial_dims", 2) - 1), 32, phase=phase)
            with torch.autograd.graph.saved_tensors_hooks(_note(sizes), lambda tensor: tensor):
                y = network(x)
            y.square().mean().backward()
            kept.append(y.detach())
        gradients = {f"gradient of {name}": p.grad for name, p in network.named_parameters()}
        results.append(({"outputs": torch.stack(kept)} | gradients | network.state_dict(), sum(sizes)))
    (plain, more), (recomputed, less) = results
    assert plain.keys() == recomputed.keys()
    for name, tensor in plain.items():
        assert torch.equal(tensor, recomputed[name]), name
    assert less < 0.7 * more


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"depth": 2.5}, "depth (levels of resolution) must be a whole number from 2 to 8, found 2.5"),
        ({"depth": 1}, "from 2 to 8, found 1"),
        ({"depth": 9}, "from 2 to 8, found 9"),
        ({"depth": "5"}, "found '5'"),
        ({"depth": True}, "found True"),
        ({"depth": 3, "widths": [4, 8]}, "depth is 3 but widths has 2 levels"),
        ({"widths": [0, 4]}, "widths must be whole numbers of at least 1, found 0"),
        ({"widths": [4.0, 8]}, "found 4.0"),
        ({"widths": []}, "widths must be a list of whole numbers, found []"),
        ({"widths": [4]}, "at least two levels, found [4]"),
        ({"widths": "abc"}, "widths must be a list of whole numbers, found 'abc'"),
        ({"widths": 32}, "widths must be a list of whole numbers, found 32"),
        ({"up_widths": [4]}, "up_widths needs 4 numbers"),
        ({"up_widths": "abcd"}, "up_widths must be a list"),
        ({"up_widths": [4, 4, 4, 4], "up": "nearest"}, "with up='nearest' leave them out"),
        ({"up": "bilinear"}, "unknown up 'bilinear'"),
        ({"up": None}, "unknown up None"),
        ({"head": "sigmoid"}, "unknown head 'sigmoid'"),
        ({"checkpoint": 1}, "checkpoint must be true or false, found 1"),
        ({"spatial_dims": 1}, "spatial_dims must be 2 or 3, found 1"),
        ({"spatial_dims": "2"}, "spatial_dims must be 2 or 3"),
        ({"in_channels": "3"}, "in_channels must be a whole number of at least 1, found '3'"),
        ({"classes": 0}, "classes must be a whole number of at least 1, found 0"),
        ({"block": "mldrr"}, "unknown block 'mldrr': did you mean 'mldr'"),
        ({"block": 3}, "block must be a name"),
        ({"block": None}, "block must be a name"),
        ({"block": {"norm": "batch"}}, "unknown block ''"),
        ({"block": {"name": 3}}, "block must be a name"),
        (
            {"block": {"name": "mldr", "merg": "sum"}},
            "the block 'mldr' has no option 'merg' (its options: dilations",
        ),
        ({"skip": "shap"}, "unknown skip 'shap': did you mean 'sharp'"),
        ({"skip": "plain"}, "unknown skip 'plain'"),
        ({"skip": {"name": "sharp", "mode": "blur"}}, "unknown mode of the sharp skip 'blur'"),
        ({"skip": {"name": "mlr", "levels": 0}}, "levels of the MLR skip must be a whole number from 1 to 8"),
        ({"skip": {"name": "cascade", "dilations": [1, 0]}}, "dilations of the cascade"),
        ({"skip": {"name": "high_resolution", "level": 5}}, "no bridge on level 5"),
        ({"norm": "layer"}, "unknown norm 'layer'"),
        ({"norm": 1}, "unknown norm 1"),
        ({"activation": "gelu"}, "unknown activation 'gelu'"),
        ({"levels": 2}, "the block 'plain' has no option 'levels' (its options: activation, dropout, norm)"),
        (
            {"block": "mldr", "levels": "2"},
            "levels of the MLDR block must be a whole number from 1 to 8, found '2'",
        ),
        ({"block": "mldr", "levels": 9}, "found 9"),
        ({"block": "mldr", "dilations": []}, "dilations of the MLDR block must be a list"),
        ({"block": "mldr", "dilations": 3}, "dilations of the MLDR block must be a list"),
        ({"block": "mldr", "dilations": "135"}, "dilations of the MLDR block must be a list"),
        ({"block": "mldr", "dilations": [1, "3"]}, "found '3'"),
        ({"block": {"name": "mldr", "post_activation": "no"}}, "must be true or false"),
        ({"block": {"name": "plain", "dropout": 1.0}}, "dropout of the plain block"),
        ({"block": {"name": "plain", "dropout": "0.5"}}, "dropout of the plain block"),
        ({"block": {"name": "multires", "alpha": 0}}, "alpha of the MultiRes block"),
        ({"block": {"name": "residual_se", "reduction": 0}}, "reduction of the residual_se block"),
        ({"block": "inception", "widths": [2, 4]}, "a width of at least 3, found 2"),
        ({"encoder": "resnet18"}, "unknown encoder 'resnet18'"),
        ({"encoder": 34}, "unknown encoder '34'"),
        ({"encoder": "resnet34", "depth": 5}, "the encoder 'resnet34' has its own depth (6 levels)"),
        ({"encoder": "resnet34", "widths": [8, 8]}, "widths must be those of 5 decoder levels, found [8, 8]"),
        ({"encoder": "resnet34", "widths": "abcde"}, "widths must be a list"),
        ({"encoder": "resnet34", "skip": {"name": "high_resolution", "level": 1}}, "no bridge on level 1"),
        (
            {"encoder": "vgg16", "encoder_weights": "w.pth", "spatial_dims": 3},
            "pre-trained weights in 2D only",
        ),
        ({"encoder": "vgg16", "encoder_weights": "w.pth"}, "no file of encoder weights at w.pth"),
        ({"encoder": "vgg16", "encoder_weights": 5}, "found 5"),
        ({"encoder_weights": "w.pth"}, "encoder_weights needs an encoder, one of vgg16"),
        ({"encoders": "vgg16"}, "no option 'encoders': did you mean 'encoder'"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_in_one_sentence(options, says):
    with torch.device("meta"), pytest.raises(IsthmusError) as error:
        create_model("unet", **options)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["unetpp", "ternausnet16"])
@pytest.mark.parametrize(
    "options",
    [
        {"checkpoint": None},
        {"base": 0},
        {"base": 2.5},
        {"deconv": 1},
        {"deep_supervision": "yes"},
        {"depth": 1},
        {"widths": "abc"},
        {"block": "unknown"},
        {"levels": 3},
        {"encoder_weights": "w.pth", "spatial_dims": 3},
        {"spatial_dims": 0},
    ],
    ids=str,
)
def test_the_others_refuse_too(name, options):
    with torch.device("meta"), pytest.raises(IsthmusError) as error:
        create_model(name, **options)
    assert "\n" not in str(error.value)


@DIMS
def test_a_batch_that_leaves_one_pixel_to_normalise_is_refused(dims):
    network = create_model("mildnet", widths=(3, 4, 5), spatial_dims=dims)
    with pytest.raises(IsthmusError, match="one image of size 4 leaves one pixel on the deepest level"):
        network(torch.zeros(1, 1, *(4,) * dims))
    assert network(torch.zeros(2, 1, *(4,) * dims)).shape[0] == 2
    assert network.eval()(torch.zeros(1, 1, *(4,) * dims)).shape[0] == 1
