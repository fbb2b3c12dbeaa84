"""Saliency and Grad-CAM against gradients taken by hand, answers derived on paper, and over the whole registry."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from isthmus.errors import IsthmusError
from isthmus.explain import decoder_stages, grad_cam, saliency
from isthmus.explain.maps import combined
from isthmus.networks import create_model

from ..networks.variants import VARIANTS, good_size, image, tiny

WITHOUT = {"dilnet1", "dilnet2", "dilnet3", "fcn8s", "fcn8s_fc", "dcan", "denseseg", "deepmedic"}


def stretch(x: np.ndarray) -> np.ndarray:
    return (x - x.min()) / (x.max() - x.min())


class Line(nn.Module):
    """A network of one's own: two linear decoder stages at 1/2 and at full size, and a 3x3 head."""

    spatial_dims, in_channels, classes, divisor = 2, 1, 1, 2

    def __init__(self) -> None:
        super().__init__()
        self.decoder = nn.ModuleList([nn.Conv2d(1, 2, 1, bias=False), nn.Conv2d(2, 2, 1, bias=False)])
        self.head = nn.Conv2d(2, 1, 3, padding=1, bias=False)
        with torch.no_grad():
            self.decoder[0].weight.copy_(torch.tensor([1.0, -2.0]).reshape(2, 1, 1, 1))
            self.decoder[1].weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 0.5]]).reshape(2, 2, 1, 1))
            self.head.weight.copy_(torch.stack([torch.ones(3, 3), torch.zeros(3, 3)])[None])

    def forward(self, x: Tensor) -> Tensor:
        low = self.decoder[0](F.avg_pool2d(x, 2))
        return self.head(self.decoder[1](F.interpolate(low, scale_factor=2, mode="nearest")))


def test_a_linear_network_on_paper() -> None:
    pixels = np.random.default_rng(0).normal(size=(1, 6, 8)).astype(np.float32)
    # dS/d(last stage): how many 3x3 windows inside the image hold a pixel: 4 in corners, 6 on edges, 9 within
    counts = np.full((6, 8), 9.0)
    counts[[0, -1]] = 6
    counts[:, [0, -1]] = 6
    counts[np.ix_([0, -1], [0, -1])] = 4
    # dS/d(first stage): that, summed over the 2x2 pixels which each of its own becomes
    low = counts.reshape(3, 2, 4, 2).sum(axis=(1, 3))
    enlarged = F.interpolate(torch.tensor(low)[None, None], (6, 8), mode="bilinear")[0, 0].numpy()
    expected = (stretch(counts) + stretch(enlarged)) / 2
    np.testing.assert_allclose(saliency(Line(), pixels), expected, atol=1e-6)
    # dS/dx: the same sums, times 1/4 of the mean and the weight 1 of the first channel, constant in each 2x2
    np.testing.assert_allclose(
        saliency(Line(), pixels, target="input"), stretch(np.kron(low, np.ones((2, 2)))), atol=1e-6
    )
    # Grad-CAM of the last stage: its input is (u, -2u); the mean gradients are (counts.mean(), 0)
    u = np.kron(pixels[0].reshape(3, 2, 4, 2).mean(axis=(1, 3)), np.ones((2, 2)))
    found = grad_cam(Line(), pixels)
    np.testing.assert_allclose(found[1], np.maximum(u, 0) / u.max(), atol=1e-6)
    np.testing.assert_allclose(grad_cam(Line(), -pixels)[1], np.maximum(-u, 0) / (-u).max(), atol=1e-6)


@pytest.mark.parametrize("classes", [1, 3])
@pytest.mark.parametrize("dims", [2, 3])
def test_a_unet_against_its_own_forward_pass_written_out(dims, classes) -> None:
    network = tiny("unet", dims, classes=classes, in_channels=2)
    x = image(1, 2, *(good_size(network)))
    taps = network.encoder(x)
    up = taps.pop()
    joined, outputs = [], []
    for step in range(len(network.decoder)):
        joined.append(torch.cat([network.ups[step](up), taps.pop()], 1))
        up = network.decoder[step](joined[-1])
        outputs.append(up)
    logits = network.head(up)
    assert torch.equal(logits, network(x))
    foreground = logits[:, 1:] if classes > 1 else logits
    size, mode = x.shape[2:], "bilinear" if dims == 2 else "trilinear"
    axes = tuple(range(2, dims + 2))

    stages = []
    for a in outputs:
        (g,) = torch.autograd.grad(foreground.sum(), a, retain_graph=True)
        wide = F.interpolate(g.abs().amax(1, keepdim=True), size, mode=mode)[0, 0].numpy()
        stages.append(np.zeros(wide.shape) if np.ptp(wide) <= 1e-5 * wide.max() else stretch(wide))
    assert not stages[-1].any()  # before a 1x1 head every pixel has the head's weights
    np.testing.assert_allclose(saliency(network, x[0]), np.mean(stages, axis=0), atol=2e-5)

    found = grad_cam(network, x[0])
    assert found.shape == (len(outputs), *size)
    for cam, a in zip(found, joined, strict=True):
        (g,) = torch.autograd.grad(foreground.mean(), a, retain_graph=True)
        expected = F.interpolate(
            torch.relu((g.mean(axes, keepdim=True) * a).sum(1, keepdim=True)), size, mode=mode
        )
        expected = expected[0, 0].detach().numpy()
        np.testing.assert_allclose(cam, expected / max(expected.max(), 1e-30), atol=2e-5)


def test_a_class_by_itself() -> None:
    network = tiny("unet", 2, classes=3)
    x = image(3, *good_size(network))
    one, two = (grad_cam(network, x, [c]) for c in (1, 2))
    assert not np.allclose(one, two)
    np.testing.assert_array_equal(grad_cam(network, x), grad_cam(network, x, [1, 2]))
    background = grad_cam(network, x, [0])
    assert not np.allclose(background, one)
    # maps of regions: none is the background, and the first is class 1
    np.testing.assert_array_equal(grad_cam(network, x, [1], multilabel=True), background)
    np.testing.assert_array_equal(
        saliency(network, x, multilabel=True), saliency(network, x, classes=[0, 1, 2])
    )
    single = tiny("unet", 2, classes=1)
    np.testing.assert_array_equal(saliency(single, x), saliency(single, x, classes=[1]))


@pytest.mark.parametrize(("name", "dims"), VARIANTS, ids=[f"{n}-{d}d" for n, d in VARIANTS])
def test_every_network_of_the_registry_is_explained_or_refused_in_a_line(name, dims) -> None:
    network = tiny(name, dims)
    x = image(3, *good_size(network)).numpy()
    size = x.shape[1:]
    given = saliency(network, x, target="input")
    assert given.shape == size
    assert (given.min(), given.max()) == (0, 1)
    if name in WITHOUT:
        for call in (saliency, grad_cam):
            with pytest.raises(IsthmusError, match="no decoder stages") as error:
                call(network, x)
            assert "\n" not in str(error.value)
        return
    found = saliency(network, x)
    assert found.shape == size
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert 0 < found.max() <= 1
    cams = grad_cam(network, x)
    assert cams.shape == (len([s for s in decoder_stages(network) if s.joined]), *size)
    assert cams.min() >= 0
    assert set(cams.reshape(len(cams), -1).max(axis=1)) <= {0.0, 1.0}
    assert cams.any()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mildnet", 4),
        ("sharp_unet", 4),
        ("unetpp", 4),
        ("sharp_unet_resnet50", 4),
        ("sharp_unet_vgg16", 4),
        ("ternausnet16", 5),
    ],
)
def test_four_concatenations_as_in_the_paper(name, expected) -> None:
    with torch.device("meta"):
        network = create_model(name)
    stages = decoder_stages(network)
    assert len([s for s in stages if s.joined is not None]) == expected
    names = {id(module): path for path, module in network.named_modules()}
    assert all(id(s.module) in names for s in stages)


@pytest.mark.parametrize("name", ["unet", "unetpp", "eunet", "ternausnet16", "nuclei_resnet34", "hmedn"])
def test_what_is_joined_is_a_concatenation(name) -> None:
    dims = 3 if name == "eunet" else 2
    network = tiny(name, dims)
    made: set[int] = set()
    cat = torch.cat
    seen = []
    joined = [s.joined for s in decoder_stages(network) if s.joined is not None]
    for module in joined:
        module.register_forward_pre_hook(lambda m, given: seen.append(given[0].data_ptr() in made))
    with pytest.MonkeyPatch.context() as patch:
        kept = []

        def noted(*args, **kwargs):
            kept.append(cat(*args, **kwargs))
            made.add(kept[-1].data_ptr())
            return kept[-1]

        patch.setattr(torch, "cat", noted)
        network(image(1, 3, *good_size(network)))
    assert seen
    assert all(seen)
    assert len(seen) == len(joined)


def test_the_network_is_left_as_it_was() -> None:
    network = tiny("mildnet", 2).train()
    network.encoder.eval()
    for parameter in network.head.parameters():
        parameter.requires_grad_(False)
    next(network.encoder.parameters()).grad = torch.ones_like(next(network.encoder.parameters()))
    before = copy.deepcopy(network.state_dict())
    modes = [m.training for m in network.modules()]
    needed = [p.requires_grad for p in network.parameters()]
    x = image(3, *good_size(network))
    with torch.no_grad():
        first = saliency(network, x)
    grad_cam(network, x)
    assert [m.training for m in network.modules()] == modes
    assert [p.requires_grad for p in network.parameters()] == needed
    assert [p.grad is None for p in network.parameters()].count(False) == 1
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in network.modules())
    np.testing.assert_array_equal(first, saliency(network.eval(), x))  # dropout and statistics play no part
    network.train()
    with pytest.raises(IsthmusError):
        saliency(network, image(1, 8, 8))  # refused inside the network
    assert network.training
    assert not any(m._forward_hooks for m in network.modules())


def test_a_frozen_network_is_explained_too() -> None:
    network = tiny("unet", 2)
    x = image(3, *good_size(network))
    expected = saliency(network, x)
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    np.testing.assert_array_equal(saliency(network, x), expected)


def test_any_size_is_padded_and_cut_again() -> None:
    network = tiny("unet", 2)
    x = image(3, 13, 17).numpy()
    padded = np.pad(x, ((0, 0), (1, 2), (1, 2)), mode="reflect")
    assert padded.shape[1:] == (16, 20)
    found = grad_cam(network, x)
    whole = grad_cam(network, padded)[:, 1:14, 1:18]
    for one, other in zip(found, whole, strict=True):
        np.testing.assert_allclose(one, other / max(other.max(), 1e-30), atol=1e-5)


def test_a_constant_map_is_zero_not_noise() -> None:
    assert not saliency(nn.Conv2d(1, 1, 1), np.ones((1, 4, 4)), target="input").any()
    noise = 1 + 1e-6 * np.random.default_rng(0).random((2, 5, 5)).astype(np.float32)
    ramp = np.linspace(0, 1, 25, dtype=np.float32).reshape(5, 5)
    noise[1] = ramp
    np.testing.assert_allclose(combined(noise, "saliency")[0], ramp / 2, atol=1e-6)


class Overwriting(nn.Module):
    """The next layer makes the output of a stage positive in place."""

    def __init__(self) -> None:
        super().__init__()
        self.decoder = nn.ModuleList([nn.Conv2d(1, 1, 1, bias=False)])
        self.head = nn.Conv2d(1, 1, 1, bias=False)
        with torch.no_grad():
            self.decoder[0].weight.fill_(1.0)
            self.head.weight.fill_(3.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(torch.relu_(self.decoder[0](x)))


def test_what_is_explained_is_the_stages_own_output() -> None:
    pixels = np.array([[[-1.0, 2.0], [3.0, -4.0]]])
    expected = [[0, 1], [1, 0]]  # where it is negative the gradient is 0, and 3 elsewhere
    assert saliency(Overwriting(), pixels).tolist() == expected


def test_unetpp_is_read_along_the_path_of_its_last_map() -> None:
    network = tiny("unetpp", 2, widths=(4, 5, 6, 7))
    found = [stage.module for stage in decoder_stages(network)]
    assert found == [network.nodes[name] for name in ("2_1", "1_2", "0_3")]


def test_a_network_inside_another_module_has_its_stages() -> None:
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network, self.divisor, self.classes = tiny("unet", 2, classes=3), 4, 2

        def forward(self, x: Tensor) -> dict[str, Tensor]:
            maps = self.network(x)
            return {"logits": maps[:, :2], "contour": maps[:, 2:]}

    both, x = Both().eval(), image(3, 8, 12)
    assert decoder_stages(both) == decoder_stages(both.network)
    np.testing.assert_array_equal(grad_cam(both, x), grad_cam(both.network, x, [1]))


def test_as_captum_computes_them() -> None:
    attr = pytest.importorskip("captum.attr", reason="captum, an independent Grad-CAM, is not installed")
    network = tiny("unet", 2, classes=1)
    x = image(1, 3, *good_size(network))
    total = lambda batch: network(batch).mean((1, 2, 3), keepdim=False)[:, None]  # noqa: E731
    for stage, cam in zip(decoder_stages(network), grad_cam(network, x[0]), strict=True):
        layer = attr.LayerGradCam(total, stage.joined)
        expected = layer.attribute(x, target=0, relu_attributions=True, attribute_to_layer_input=True)
        wide = attr.LayerAttribution.interpolate(expected, x.shape[2:], "bilinear")[0, 0].detach().numpy()
        np.testing.assert_allclose(cam, wide / max(wide.max(), 1e-30), atol=1e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda n: saliency(n, np.zeros((3, 8, 8)), target="encoder"), "'decoder' or 'input'"),
        (lambda n: saliency(n, np.zeros((8, 8))), "one image .channels, H, W."),
        (lambda n: saliency(n, np.zeros((1, 3, 8, 8))), "found shape .1, 3, 8, 8."),
        (lambda n: saliency(n, np.zeros((2, 8, 8))), "takes 3 channels"),
        (lambda n: saliency(n, np.full((3, 8, 8), np.nan)), "NaN"),
        (lambda n: grad_cam(n, np.zeros((3, 8, 8)), [3]), "no class 3 among 3 maps; name 0 to 2"),
        (lambda n: grad_cam(n, np.zeros((3, 8, 8)), [0], multilabel=True), "name 1 to 3"),
        (lambda n: grad_cam(n, np.zeros((3, 8, 8)), []), "classes is empty"),
        (lambda n: grad_cam(n, np.zeros((3, 8, 8)), [True]), "whole numbers"),
        (lambda n: saliency(nn.Conv2d(1, 1, 3), np.zeros((1, 8, 8))), "Conv2d has no decoder stages"),
    ],
)
def test_a_mistake_is_one_line(call, message) -> None:
    with pytest.raises(IsthmusError, match=message) as error:
        call(tiny("unet", 2))
    assert "\n" not in str(error.value)
