"""Images are seen at the scale at which their objects have the size of the training objects."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from isthmus.errors import IsthmusError
from isthmus.inference.diameter import MOST, PASSES, predict_at, refuse_diameter, scaled
from isthmus.inference.options import PredictOptions
from isthmus.inference.predictor import Predictor
from isthmus.metrics.objects import median_diameter
from isthmus.runs.hardware import resolve
from isthmus.runs.recipe import Hardware, Recipe, make_recipe


class Bright(nn.Module):
    """Bright pixels are objects; remembers the sizes of the tiles it saw."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[int, ...]] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen += [tuple(x.shape[2:])] * len(x)
        return 20 * (x.mean(1, keepdim=True) - 0.5)


def recipe(**sections: dict[str, Any]) -> Recipe:
    data = {"channels": 1, "values": {0: 0, 1: 1}, "classes": ["background", "cell"], "instances": True}
    given = {"patch": [256, 256], "normalise": "scale", "diameter": 10.0}
    base: dict[str, Any] = {"data": data, "input": given}
    return make_recipe("bare", base, {key: base.get(key, {}) | value for key, value in sections.items()})


def predictor(**sections: dict[str, Any]) -> tuple[Predictor, Bright]:
    network = Bright()
    hardware = resolve(Hardware(device="cpu", precision="float32"))
    return Predictor.from_networks([network], recipe(**sections), hardware), network


def discs(diameter: int, side: int = 120) -> NDArray[np.uint8]:
    """Four discs, (1, side, side)."""
    rows, columns = np.mgrid[:side, :side]
    middles = [side // 4, side - side // 4]
    lit = np.zeros((side, side), bool)
    for y in middles:
        for x in middles:
            lit |= (rows - y) ** 2 + (columns - x) ** 2 <= (diameter / 2) ** 2
    return np.where(lit, 255, 0).astype(np.uint8)[None]


def test_the_median_diameter_is_that_of_equal_area_or_volume() -> None:
    numbers = np.zeros((9, 20), int)
    numbers[0, :3], numbers[3:8, :5], numbers[3:8, 10:17] = 5, 2, 9
    assert median_diameter(numbers) == pytest.approx((4 * 25 / np.pi) ** 0.5)
    assert median_diameter(np.ones((3, 3, 3), int)) == pytest.approx((6 * 27 / np.pi) ** (1 / 3))
    assert median_diameter(np.zeros((4, 4), int)) is None


@pytest.mark.parametrize(("diameter", "tiles"), [(20.0, 1), (5.0, 9), (11.0, 1), (None, 1)])
def test_the_network_sees_objects_as_large_as_in_training(diameter: float | None, tiles: int) -> None:
    ours, network = predictor(input={"patch": [128, 128]})
    found = predict_at(ours, discs(20), diameter=diameter)
    assert found.mask.shape == (120, 120)
    assert found.mask.max() == 4
    assert median_diameter(found.mask) == pytest.approx(20, rel=0.08)
    assert bool(found.notes) == (diameter in (20.0, 5.0))
    assert len(network.seen) == tiles


def test_it_is_found_by_itself_from_a_first_look() -> None:
    ours, network = predictor()
    found = predict_at(ours, discs(40, 240), diameter="auto")
    assert network.seen == [(256, 256), (256, 256)]  # smaller images are filled up to the size of a patch
    assert found.mask.max() == 4
    assert "objects of 40" in found.notes[0]
    assert "0.25 times its size" in found.notes[0]
    for alike in (discs(10), discs(0)[:, :50] * 0):
        network.seen.clear()
        assert not predict_at(ours, alike, diameter="auto").notes
        assert len(network.seen) == 1


class Pieces(Bright):
    """Cuts what is larger than 15 pixels into squares."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.clone()
        x[:, :, ::16], x[:, :, :, ::16] = 0, 0
        return super().forward(x)


def test_it_looks_again_until_what_is_found_is_as_large_as_it_was_seen() -> None:
    network = Pieces()
    hardware = resolve(Hardware(device="cpu", precision="float32"))
    ours = Predictor.from_networks([network], recipe(), hardware)
    image = np.full((1, 240, 240), 255, np.uint8)
    found = predict_at(ours, image, diameter="auto")
    assert len(network.seen) == PASSES == 3
    seen_first = (
        15 * 2 / np.pi**0.5
    )  # the diameter of a square's area; then, at 10 / 17 of the size, of larger ones
    assert float(found.notes[0].split()[2]) == pytest.approx(seen_first**2 / 10, rel=0.05)


class OnlyAtFirst(Bright):
    """Finds nothing when it looks again."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) - (100.0 if len(self.seen) > 1 else 0.0)


def test_a_second_look_that_finds_nothing_does_not_count() -> None:
    network = OnlyAtFirst()
    hardware = resolve(Hardware(device="cpu", precision="float32"))
    ours = Predictor.from_networks([network], recipe(), hardware)
    found = predict_at(ours, discs(40, 240), diameter="auto")
    assert len(network.seen) == 2
    assert found.mask.max() == 4
    assert not found.notes


@pytest.mark.parametrize(("diameter", "times"), [(0.001, MOST), (1e6, 1 / MOST)])
def test_images_are_not_enlarged_or_reduced_without_end(diameter: float, times: float) -> None:
    ours, _ = predictor()
    found = predict_at(ours, discs(4, 30), diameter=diameter)
    assert f"at {times:.2g} times its size" in found.notes[0]
    assert found.mask.shape == (30, 30)


def test_a_chosen_smallest_size_grows_with_the_objects_and_a_given_one_stays() -> None:
    chosen, _ = predictor(cleanup={"min_size": 6, "chosen": {"min_size": 6}})
    given, _ = predictor(cleanup={"min_size": 8, "chosen": {"min_size": 6}})
    assert scaled(chosen, 2.0).recipe.cleanup.min_size == 24
    assert scaled(given, 2.0).recipe.cleanup.min_size == 8


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"data": {"instances": False}}, "numbers none"),
        ({"input": {"patch": None, "resize": [64, 64]}}, "to one scale"),
        ({"input": {"spacing": [1.0, 1.0]}}, "to one scale"),
        ({"input": {"diameter": None}}, "does not know the diameter"),
    ],
)
def test_where_a_diameter_has_no_meaning_it_is_refused(sections: dict[str, Any], message: str) -> None:
    refuse_diameter(recipe())
    with pytest.raises(IsthmusError, match=message):
        refuse_diameter(recipe(**sections))


@pytest.mark.parametrize("word", [0, -3.0, float("nan"), float("inf"), "wide"])
def test_other_words_are_refused(word: float | str) -> None:
    with pytest.raises(IsthmusError, match="give that of the objects in pixels"):
        PredictOptions(diameter=word)
