"""Instance normalisation by the statistics of an image that is seen in tiles."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from isthmus.errors import IsthmusError
from isthmus.inference import Predictor
from isthmus.inference.engines.engine import Eager
from isthmus.inference.outputs.classes import Classes
from isthmus.inference.tiling import cutter
from isthmus.inference.tiling.image_statistics import of_image, without
from isthmus.inference.tiling.stream import pieces
from isthmus.networks import create_model
from isthmus.networks.kernels.instance_norm import InstanceNorm
from isthmus.runs.hardware import resolve
from isthmus.runs.recipe import Hardware, make_recipe

DATA = {"channels": 1, "values": {0: 0, 255: 1}, "classes": ["background", "cell"]}


def network(**options: Any) -> nn.Module:
    """A U-Net whose instance normalisation has an effect."""
    torch.manual_seed(0)
    made = create_model("unet_instance", widths=(4, 6), **options).eval()
    for module in made.modules():
        if isinstance(module, InstanceNorm):
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_()
    return made


def predictor(made: nn.Module, side: int, **given: Any) -> Predictor:
    """In float32 on the processor, for tiles of a side."""
    recipe = make_recipe(
        "bare",
        {"data": DATA, "input": {"patch": [side] * made.spatial_dims, "normalise": "scale"}},
        {"network": {"options": {"spatial_dims": made.spatial_dims}}},
    )
    hardware = resolve(Hardware(device="cpu", precision="float32"))
    return Predictor.from_networks(given.pop("networks", [made]), recipe, hardware, **given)


def image(*size: int) -> np.ndarray:
    """Bright on one side, dark on the other: tiles differ."""
    noise = np.random.default_rng(0).normal(0, 20, size)
    ramp = np.linspace(40, 200, size[-1])
    return np.clip(noise + ramp, 0, 255).astype(np.uint8)[None]


def test_sums_are_those_of_all_numbers() -> None:
    layer = InstanceNorm(2)
    first, second = torch.randn(2, 2, 4, 6) + 3, 5 * torch.randn(1, 2, 8, 4)
    probe = torch.randn(1, 2, 3, 3)
    holder = nn.Sequential(layer)
    with of_image([holder], lambda: (holder(first), holder(second))):
        found = holder(probe)
    every = torch.cat([x.movedim(1, -1).reshape(-1, 2) for x in (first, second)])
    mean, std = every.mean(0), every.var(0, correction=0).add(layer.eps).sqrt()
    torch.testing.assert_close(found, (probe - mean.view(1, 2, 1, 1)) / std.view(1, 2, 1, 1))
    assert holder[0] is layer
    assert not layer._forward_pre_hooks


def test_the_network_is_as_before_where_looking_fails() -> None:
    made = network()
    layers = [module for module in made.modules() if isinstance(module, InstanceNorm)]

    def look() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), of_image([made], look):
        pass
    assert [module for module in made.modules() if isinstance(module, InstanceNorm)] == layers
    assert not any(layer._forward_pre_hooks for layer in layers)


@pytest.mark.parametrize(("dims", "size", "side"), [(2, (96, 150), 32), (3, (20, 16, 40), 16)])
def test_tiles_have_no_seams(
    dims: int, size: tuple[int, ...], side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They give the result of the network with the same statistics on the image in one piece."""
    monkeypatch.setitem(cutter.WHOLE, dims, side)
    made = network(spatial_dims=dims)
    picture = image(*size)
    found = predictor(made, side, statistics="image").probabilities(picture)
    whole, scaled = copy.deepcopy(made), torch.from_numpy(picture[None] / np.float32(255))
    tiles = predictor(whole, side).network

    def look() -> None:
        each = tiles.cutter.side_by_side(size)
        for _ in pieces(lambda x: tiles.engine(x)["logits"], [picture / np.float32(255)], each):
            pass

    with torch.no_grad(), of_image([whole], look):
        padding = [n for length in reversed(size) for n in (0, -length % 2)]
        expected = torch.sigmoid(whole(nn.functional.pad(scaled, padding)))
    inside = tuple(slice(0, length) for length in size)
    np.testing.assert_allclose(found, expected[0].numpy()[(slice(None), *inside)], atol=1e-5)
    averaged = predictor(made, side).probabilities(picture)
    assert np.abs(averaged - found).max() > 0.05  # and the tiles' own are others


def test_closer_to_one_piece_than_averaged_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cutter.WHOLE, 2, 32)
    made = network()
    picture = np.random.default_rng(0).integers(0, 256, (1, 96, 160), dtype=np.uint8)  # alike all over
    whole, averaged, ours = (
        predictor(made, side, statistics=statistics).probabilities(picture)
        for side, statistics in ((160, "tile"), (32, "tile"), (32, "image"))
    )
    assert np.abs(ours - whole).mean() < np.abs(averaged - whole).mean()


def test_an_image_of_one_tile_and_a_network_without_statistics_are_seen_once() -> None:
    torch.manual_seed(0)
    plain = create_model("unet", widths=(2, 4)).eval()
    for made, side in ((network(), 64), (plain, 16)):
        calls: list[int] = []
        given = predictor(made, side, statistics="image")
        other = predictor(made, side)
        np.testing.assert_array_equal(given.labels(image(64, 64)), other.labels(image(64, 64)))
        made.register_forward_hook(lambda *_, seen=calls: seen.append(1))
        given.labels(image(48, 64))
        once = len(calls)
        other.labels(image(48, 64))
        assert len(calls) == 2 * once


def test_fused_networks_and_several_do_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cutter.WHOLE, 2, 32)
    made, picture = [network(), network()], image(64, 96)
    with torch.no_grad():
        made[1].head.bias += 1.0
    plain = predictor(made[0], 32, statistics="image", networks=made)
    fused = Eager.fused(made, plain.network.hardware)
    ready = predictor(made[0], 32, statistics="image", networks=made, engine=fused)
    np.testing.assert_allclose(ready.probabilities(picture), plain.probabilities(picture), atol=1e-5)


def test_slices_are_images_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cutter.WHOLE, 2, 32)
    made = network(in_channels=3)
    recipe = make_recipe(
        "bare", {"data": DATA, "input": {"patch": [32, 32], "normalise": "scale", "slices": 3}}
    )
    hardware = resolve(Hardware(device="cpu", precision="float32"))
    given = Predictor.from_networks([made], recipe, hardware, statistics="image")
    volume = np.concatenate([image(48, 64), 255 - image(48, 64), image(48, 64)])[None]
    found = given.probabilities(volume)
    with_others = given.probabilities(volume[:, :2])
    np.testing.assert_allclose(
        found[:, 0], with_others[:, 0], atol=1e-6
    )  # the third is no neighbour of the first


def test_an_image_that_memory_has_room_for_goes_through_in_one_piece() -> None:
    made, picture = network(), image(96, 160)
    found = predictor(made, 32, statistics="image").probabilities(picture)
    expected = predictor(made, 160).probabilities(picture)
    with torch.no_grad():
        whole = torch.sigmoid(made(torch.from_numpy(picture[None] / np.float32(255))))[0]
    np.testing.assert_allclose(found, whole.numpy(), atol=1e-6)
    assert expected.shape == found.shape


def test_the_network_is_as_before_where_prediction_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """This holds although the exception, and with it the frames that it passed through, is kept."""
    monkeypatch.setitem(cutter.WHOLE, 2, 32)
    made = network()
    layers = [module for module in made.modules() if isinstance(module, InstanceNorm)]
    given = predictor(made, 32, statistics="image")
    monkeypatch.setattr(Classes, "activate", lambda *_: 1 / 0)
    for call in (given.probabilities, given.labels):
        with pytest.raises(ZeroDivisionError) as kept:
            call(image(96, 160))
        assert [module for module in made.modules() if isinstance(module, InstanceNorm)] == layers
        assert kept.value.__traceback__


def test_another_engine_is_refused() -> None:
    given = predictor(network(), 16, statistics="image", engine=lambda batch: {"logits": batch})
    with pytest.raises(IsthmusError, match="'image' need engine 'torch'"):
        given.labels(np.zeros((1, 1100, 20), np.uint8))


def test_without_takes_the_statistics_out_of_a_copy() -> None:
    made = network()
    assert not any(isinstance(module, InstanceNorm) for module in without(made).modules())
    assert any(isinstance(module, InstanceNorm) for module in made.modules())
