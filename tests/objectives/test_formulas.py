"""Every loss against its formula written pixel by pixel, and its gradient against finite differences."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from isthmus.errors import IsthmusError
from isthmus.objectives import (
    binary_cross_entropy,
    contour_l2,
    cross_entropy,
    difficulty_cross_entropy,
    distance_cross_entropy,
    focal,
    focal_tversky,
    hausdorff,
    soft_dice,
    soft_iou,
    weighted_cross_entropy,
)

SPATIAL = {2: (3, 4), 3: (2, 3, 2)}
KINDS = ("binary", "softmax", "multilabel")
WEIGHTS = {"binary": (0.5, 3.0), "softmax": (0.5, 3.0, 2.0)}
Case = tuple[Tensor, Tensor, Tensor]  # logits, target, a map of each pixel


def case(kind: str, dims: int, seed: int = 0) -> Case:
    """Two samples with random logits in float64."""
    source = torch.Generator().manual_seed(seed)
    maps = 1 if kind == "binary" else 3
    logits = torch.randn(2, maps, *SPATIAL[dims], generator=source, dtype=torch.float64) * 2
    shape = logits.shape if kind == "multilabel" else logits[:, 0].shape
    target = torch.randint(0, 3 if kind == "softmax" else 2, shape, generator=source)
    return logits, target, torch.rand(logits[:, 0].shape, generator=source, dtype=torch.float64) * 3


def pixels(logits: Tensor, target: Tensor, kind: str) -> list[dict[str, Any]]:
    """One entry for each value of the target: its -log p, p of foreground by class, its place."""
    found = []
    for place in torch.cartesian_prod(*(torch.arange(n) for n in target.shape)).tolist():
        if kind == "softmax":
            n, *at = place
            powers = [math.exp(float(logits[(n, k, *at)])) for k in range(logits.shape[1])]
            share = [power / sum(powers) for power in powers]
            true = int(target[tuple(place)])
            classes = {k: (share[k], float(true == k)) for k in range(1, len(share))}
            sure = share[true]
        else:
            n, *at = place if kind == "binary" else (place[0], *place[2:])
            k = 0 if kind == "binary" else place[1]
            p = 1 / (1 + math.exp(-float(logits[(n, k, *at)])))
            true = int(target[tuple(place)])
            classes = {k: (p, float(true))}
            sure = p if true else 1 - p
        found.append({"at": (n, *at), "true": true, "sure": sure, "classes": classes})
    return found


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def overlap(entries: list[dict[str, Any]], score: Callable[[float, float, float], float]) -> float:
    """The mean over classes of a score of TP, FP, FN."""
    each = []
    for k in {k for entry in entries for k in entry["classes"]}:
        pairs = [entry["classes"][k] for entry in entries if k in entry["classes"]]
        hits = sum(p * y for p, y in pairs)
        each.append(score(hits, sum(p for p, _ in pairs) - hits, sum(y for _, y in pairs) - hits))
    return mean(each)


def log(entry: dict[str, Any]) -> float:
    return -math.log(entry["sure"])


LOSSES: dict[str, tuple[Callable[..., Tensor], Callable[..., float]]] = {
    "difficulty": (difficulty_cross_entropy, lambda e, m: mean([float(m[p["at"]]) * log(p) for p in e])),
    "distance": (distance_cross_entropy, lambda e, m: mean([(1 + float(m[p["at"]])) * log(p) for p in e])),
    "focal": (
        lambda x, y, m: focal(x, y, 2.0, 0.3),
        lambda e, m: mean([(0.3 if p["true"] else 0.7) * (1 - p["sure"]) ** 2 * log(p) for p in e]),
    ),
    "dice": (
        lambda x, y, m: soft_dice(x, y),
        lambda e, m: overlap(e, lambda tp, fp, fn: 1 - (2 * tp + 1) / (2 * tp + fp + fn + 1)),
    ),
    "iou": (
        lambda x, y, m: soft_iou(x, y),
        lambda e, m: overlap(e, lambda tp, fp, fn: 1 - (tp + 1) / (tp + fp + fn + 1)),
    ),
    "focal_tversky": (
        lambda x, y, m: focal_tversky(x, y),
        lambda e, m: overlap(e, lambda tp, fp, fn: (1 - (tp + 1) / (tp + 0.7 * fn + 0.3 * fp + 1)) ** 0.75),
    ),
    "hausdorff": (
        hausdorff,
        lambda e, m: mean(
            [(p - y) ** 2 * float(m[q["at"]]) ** 2 for q in e for p, y in q["classes"].values()]
        ),
    ),
}


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", LOSSES)
def test_value_and_gradient(name: str, kind: str, dims: int) -> None:
    logits, target, weights = case(kind, dims)
    loss, formula = LOSSES[name]
    found = loss(logits, target, weights)
    assert found.dtype == torch.float64
    assert found.ndim == 0
    assert float(found) == pytest.approx(formula(pixels(logits, target, kind), weights), rel=1e-12)
    assert torch.autograd.gradcheck(lambda x: loss(x, target, weights), logits.requires_grad_())


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_plain_cross_entropy(kind: str, dims: int) -> None:
    logits, target, _ = case(kind, dims)
    loss = cross_entropy if kind == "softmax" else binary_cross_entropy
    expected = mean([log(entry) for entry in pixels(logits, target, kind)])
    assert float(loss(logits, target)) == pytest.approx(expected, rel=1e-12)
    assert torch.autograd.gradcheck(lambda x: loss(x, target), logits.requires_grad_())


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("kind", WEIGHTS)
def test_weighted_cross_entropy_divides_by_the_number_of_pixels(kind: str, dims: int) -> None:
    logits, target, _ = case(kind, dims)
    weights = WEIGHTS[kind]
    expected = mean([weights[entry["true"]] * log(entry) for entry in pixels(logits, target, kind)])
    assert float(weighted_cross_entropy(logits, target, weights)) == pytest.approx(expected, rel=1e-12)
    assert torch.autograd.gradcheck(
        lambda x: weighted_cross_entropy(x, target, weights), logits.requires_grad_()
    )


@pytest.mark.parametrize("dims", [2, 3])
def test_contour_l2_takes_the_output_as_it_is(dims: int) -> None:
    output, _, contour = case("binary", dims)
    expected = mean(
        [(a - b) ** 2 for a, b in zip(output.flatten().tolist(), contour.flatten().tolist(), strict=True)]
    )
    assert float(contour_l2(output, contour)) == pytest.approx(expected, rel=1e-12)
    assert torch.autograd.gradcheck(lambda x: contour_l2(x, contour), output.requires_grad_())


def test_focal_without_focus_is_cross_entropy() -> None:
    logits, target, _ = case("softmax", 2)
    torch.testing.assert_close(focal(logits, target, gamma=0, alpha=None), cross_entropy(logits, target))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", LOSSES)
def test_half_precision_is_computed_in_single(name: str, kind: str) -> None:
    logits, target, weights = case(kind, 2)
    half = logits.bfloat16()
    found = LOSSES[name][0](half, target, weights.float())
    assert found.dtype == torch.float32
    expected = LOSSES[name][0](half.double(), target, weights)
    torch.testing.assert_close(found, expected.float(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("loss", [soft_dice, soft_iou, focal_tversky])
def test_a_class_absent_from_the_batch_costs_what_is_predicted_of_it(loss: Callable[..., Tensor]) -> None:
    """Four pixels of class 1 of 2, met exactly: class 1 costs nothing, class 2 by how much there is of it."""
    target = torch.ones(1, 2, 2, dtype=torch.long)
    right = torch.tensor([-50.0, 50.0, -50.0], dtype=torch.float64)[:, None, None].expand(3, 2, 2)
    assert float(loss(right[None], target)) == pytest.approx(0, abs=1e-5)
    third = torch.zeros(1, 3, 2, 2, dtype=torch.float64)  # a third each: 4/3 pixels of the absent class
    false = {
        soft_dice: 4 / 3 / (4 / 3 + 1),
        soft_iou: 4 / 3 / (4 / 3 + 1),
        focal_tversky: (0.4 / 1.4) ** 0.75,
    }
    present = {
        soft_dice: 1 - (8 / 3 + 1) / (4 / 3 + 4 + 1),
        soft_iou: 1 - (4 / 3 + 1) / (4 + 1),
        focal_tversky: (1 - (4 / 3 + 1) / (4 / 3 + 0.7 * 8 / 3 + 1)) ** 0.75,
    }
    assert float(loss(third, target)) == pytest.approx((false[loss] + present[loss]) / 2)


@pytest.mark.parametrize("size", [1.0, 200.0])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", LOSSES)
def test_background_alone_and_saturated_logits_stay_finite(name: str, kind: str, size: float) -> None:
    maps = 1 if kind == "binary" else 3
    for sign in (-1, 1):
        logits = torch.full((1, maps, 4, 4), sign * size)
        if kind == "softmax":
            logits[:, 0] *= -1  # background wins where the foreground is low
        logits.requires_grad_()
        target = torch.zeros(logits.shape if kind == "multilabel" else logits[:, 0].shape, dtype=torch.long)
        loss = LOSSES[name][0](logits, target, torch.ones(1, 4, 4))
        loss.backward()  # type: ignore[no-untyped-call]
        assert torch.isfinite(loss)
        assert loss >= 0
        assert logits.grad is not None
        assert torch.isfinite(logits.grad).all()
        if sign < 0 and size > 1:
            assert float(loss.detach()) == pytest.approx(0, abs=1e-5)


def test_labels_above_one_are_foreground_of_a_single_map() -> None:
    logits, target, _ = case("binary", 2)
    for loss in (binary_cross_entropy, soft_dice, focal):
        assert loss(logits, target * 7) == loss(logits, target)
    assert weighted_cross_entropy(logits, target * 7, (1, 2)) == weighted_cross_entropy(
        logits, target, (1, 2)
    )


def test_shapes_that_do_not_fit_are_refused() -> None:
    two, labels = torch.zeros(1, 2, 4, 4), torch.zeros(1, 4, 4, dtype=torch.long)
    with pytest.raises(ValueError, match="one map of logits, found 2"):
        binary_cross_entropy(two, labels)
    with pytest.raises(ValueError, match=r"target \(1, 5, 4\): expected"):
        soft_dice(two, torch.zeros(1, 5, 4))
    with pytest.raises(ValueError, match="the contour head has one map"):
        contour_l2(two, torch.zeros(1, 4, 4))
    with pytest.raises(IsthmusError, match="2 classes need as many weights, found 3"):
        weighted_cross_entropy(two, labels, (1, 1, 1))
    with pytest.raises(ValueError, match="takes labels"):
        weighted_cross_entropy(two, torch.zeros(1, 2, 4, 4), (1, 1))
