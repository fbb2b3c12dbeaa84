"""The predictor repeats the training's input exactly and maps probabilities back before it decides."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from isthmus.inference.outputs.classes import Classes
from isthmus.inference.predictor import Predictor
from isthmus.runs.hardware import resolve
from isthmus.runs.recipe import Hardware, make_recipe


class Brightness(nn.Module):
    """A logit that is the mean over channels of what the network sees."""

    def __init__(self, maps: int = 1) -> None:
        super().__init__()
        self.maps = maps
        self.seen: list[tuple[int, ...]] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen.append(tuple(x.shape))
        y = x.mean(1, keepdim=True)
        return y if self.maps == 1 else torch.cat([y * (i - 1) for i in range(self.maps)], 1)


def predictor(network: nn.Module, **sections: dict[str, object]) -> Predictor:
    data = {
        "channels": 1,
        "values": {0: 0, 255: 1},
        "classes": ["background", "cell"],
        **sections.pop("data", {}),
    }
    recipe = make_recipe("bare", {"data": data}, sections)
    hardware = resolve(Hardware(device="cpu", precision="float32"))
    return Predictor.from_networks([network], recipe, hardware)


def test_native_scale_keeps_every_pixel() -> None:
    image = np.random.default_rng(0).integers(0, 256, (1, 37, 41), dtype=np.uint8)
    expected = (image[0].astype(np.float64) - image.mean()) / image.std()
    got = predictor(Brightness(), input={"patch": 16}).probabilities(image)
    np.testing.assert_allclose(got[0], 1 / (1 + np.exp(-expected)), atol=1e-5)


@pytest.mark.parametrize("size", [(5, 9), (16, 9), (3, 16)])
def test_an_image_smaller_than_the_patch_goes_through_at_the_patch_s_size(size: tuple[int, int]) -> None:
    network = Brightness()
    image = np.random.default_rng(0).integers(0, 256, (1, *size), dtype=np.uint8)
    got = predictor(network, input={"patch": 16}).probabilities(image)
    assert network.seen == [(1, 1, 16, 16)]
    expected = (image[0].astype(np.float64) - image.mean()) / image.std()
    np.testing.assert_allclose(got[0], 1 / (1 + np.exp(-expected)), atol=1e-5)


def test_resized_images_go_through_at_the_recipe_s_size_and_come_back() -> None:
    network = Brightness()
    image = np.zeros((1, 60, 100), np.uint8)
    image[:, :30] = 255
    mask = predictor(network, input={"resize": [32, 48]}).mask(image)
    assert network.seen == [(1, 1, 32, 48)]
    assert mask.shape == (60, 100)
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask[:29], 255)
    np.testing.assert_array_equal(mask[31:], 0)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("found", [1, 3])
def test_grey_and_colour_are_brought_to_what_was_trained_on(channels: int, found: int) -> None:
    network = Brightness()
    image = np.random.default_rng(0).integers(0, 256, (found, 16, 16), dtype=np.uint8)
    predictor(network, data={"channels": channels}, input={"patch": 16}).labels(image)
    assert network.seen[0][1] == channels


def test_several_networks_are_averaged_by_logit() -> None:
    class Constant(nn.Module):
        def __init__(self, value: float) -> None:
            super().__init__()
            self.value = value

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.full_like(x, self.value)

    one = predictor(Constant(1.0), input={"patch": 16})
    both = Predictor.from_networks([Constant(1.0), Constant(-3.0)], one.recipe, one.network.hardware)
    got = both.probabilities(np.zeros((1, 8, 8), np.uint8))
    np.testing.assert_allclose(got, 1 / (1 + np.exp(1.0)), rtol=1e-6)


def test_several_classes_are_written_in_their_values() -> None:
    data = {"values": {0: 0, 10: 1, 700: 2}, "classes": ["background", "a", "b"]}
    image = np.array([[[0, 255]]], np.uint8).repeat(8, 1).repeat(4, 2)
    mask = predictor(Brightness(3), data=data, input={"patch": 8}).mask(image)
    assert mask.dtype == np.uint16
    assert set(np.unique(mask)) == {0, 700}


def test_probabilities_sum_to_one_and_decisions_follow_them() -> None:
    logits = np.random.default_rng(0).normal(size=(4, 5, 6)).astype(np.float32)
    four, two = Classes(["background", "a", "b", "c"]), Classes(["background", "a"])
    probabilities = four.activate(logits)
    np.testing.assert_allclose(probabilities.sum(0), 1, atol=1e-6)
    np.testing.assert_array_equal(four.decide(probabilities), logits.argmax(0))
    np.testing.assert_array_equal(two.decide(two.activate(logits[:1])), (logits[0] > 0).astype(np.uint8))


@pytest.mark.parametrize("given", [{"patch": (8, 8)}, {"patch": (64, 64)}, {"resize": (16, 16)}])
@pytest.mark.parametrize("names", [("background", "cell"), ("background", "a", "b")])
@pytest.mark.parametrize("votes", [(0.0,), (2.0, -2.0)])
def test_what_is_undecided_is_background(
    given: dict[str, object], names: tuple[str, ...], votes: tuple[float, ...]
) -> None:
    """Probabilities that are exactly equal: in tiles, whole, resized; of one network, and of folds that disagree."""

    class Vote(nn.Module):
        def __init__(self, vote: float) -> None:
            super().__init__()
            self.vote = vote

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            maps = 1 if len(names) == 2 else len(names)
            return torch.full((len(x), maps, *x.shape[2:]), self.vote)

    image = np.random.default_rng(0).integers(0, 255, (1, 40, 24), dtype=np.uint8)
    data = {"classes": list(names), "values": {index: index for index in range(len(names))}}
    one = predictor(Vote(votes[0]), data=data, input=given)
    found = Predictor.from_networks([Vote(vote) for vote in votes], one.recipe, one.network.hardware)
    assert not found.mask(image).any()
    assert not found.predict(image, maps=True).mask.any()


def test_a_dictionary_of_heads_gives_its_logits() -> None:
    class Heads(nn.Module):
        def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"logits": x, "contour": -x}

    assert predictor(Heads(), input={"patch": 8}).labels(np.eye(8, dtype=np.uint8)[None] * 9).sum() == 8


def test_auto_takes_bytes_by_their_scale_and_the_rest_by_the_image() -> None:
    """This is for a recipe that no data has resolved; the recipe of a run states which of the two."""
    image = np.random.default_rng(0).integers(0, 256, (1, 32, 32), dtype=np.uint8)
    ready = predictor(Brightness(), input={"patch": 32, "normalise": "auto"})
    scaled, wider = ready.probabilities(image)[0], ready.probabilities(image.astype(np.uint16))[0]
    np.testing.assert_allclose(scaled, 1 / (1 + np.exp(image[0] / -255.0)), atol=1e-5)
    by_image = (image[0].astype(np.float64) - image.mean()) / image.std()
    np.testing.assert_allclose(wider, 1 / (1 + np.exp(-by_image)), atol=1e-5)


def test_outside_the_region_of_interest_it_is_background_for_certain() -> None:
    class Corner:
        def locate(self, image: np.ndarray, region: object) -> tuple[tuple[slice, ...], str]:
            return (slice(0, 8), slice(0, 8)), ""

    found = predictor(Brightness(), input={"patch": 8}, roi={"size": [8, 8]})
    found.localiser = Corner()
    probabilities = found.probabilities(np.full((1, 12, 16), 9, np.uint8))
    outside = np.ones((12, 16), bool)
    outside[:8, :8] = False
    assert probabilities[0][outside].max() < 1e-4
    assert probabilities[0][~outside].min() > 0.1  # 0.5 where the network sees a constant image
