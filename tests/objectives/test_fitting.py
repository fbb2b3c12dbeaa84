"""Input of losses: shapes that are accepted or refused, never broadcast, and pixels that are left out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from isthmus.errors import IsthmusError
from isthmus.objectives import (
    Objective,
    binary_cross_entropy,
    class_weights,
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

from .test_formulas import KINDS, WEIGHTS, case

MAPPED = [difficulty_cross_entropy, distance_cross_entropy, hausdorff]
PLAIN: list[Callable[..., Tensor]] = [focal, soft_dice, soft_iou, focal_tversky]


def losses_of(kind: str) -> dict[str, Callable[..., Tensor]]:
    """Every loss that serves the kind, as `(logits, target, map, ignore=…)`."""
    found = {loss.__name__: loss for loss in MAPPED}
    plain = [*PLAIN, cross_entropy if kind == "softmax" else binary_cross_entropy]
    found |= {loss.__name__: _without_map(loss) for loss in plain}
    if kind in WEIGHTS:
        found["weighted"] = lambda x, y, m, **how: weighted_cross_entropy(x, y, WEIGHTS[kind], **how)
    return found


def _without_map(loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda x, y, m, **how: loss(x, y, **how)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("loss", MAPPED)
def test_a_map_may_have_a_channel_and_is_never_broadcast(
    loss: Callable[..., Tensor], kind: str, dims: int
) -> None:
    """`(N, 1, *spatial)` used to be broadcast over the batch, so every map weighted every sample."""
    logits, target, weights = case(kind, dims)
    expected = loss(logits, target, weights)
    assert loss(logits, target, weights[:, None]) == expected
    wrong = [weights[0], weights[:1], weights[..., :1], weights[:, None, None], torch.tensor(2.0), weights.mT]
    wrong += [torch.stack([weights] * 2, 1)]
    for each in wrong:
        with pytest.raises(IsthmusError, match=r"a map of weights has the shape .* one value for each pixel"):
            loss(logits, target, each)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("loss", MAPPED)
def test_a_map_holds_finite_numbers_from_0(loss: Callable[..., Tensor], kind: str) -> None:
    logits, target, weights = case(kind, 2)
    for value in (float("nan"), -0.5, float("inf")):
        broken = weights.clone()
        broken[1, 2, 3] = value
        with pytest.raises(
            IsthmusError, match=r"a map of weights holds values from .*; give finite numbers from 0"
        ):
            loss(logits, target, broken)
    assert torch.isfinite(loss(logits, target, weights > 1))


@pytest.mark.parametrize("kind", KINDS)
def test_a_truth_of_another_shape_is_refused(kind: str) -> None:
    logits, target, weights = case(kind, 2)
    shapes = [target[0], target[:1], target[..., :2], target[:, None, None]]
    if kind == "softmax":
        shapes += [target[:, None], torch.stack([target] * 2, 1)]
    for name, loss in losses_of(kind).items():
        for wrong in shapes:
            with pytest.raises(IsthmusError, match=r"target|labels"):
                loss(logits, wrong, weights)
        with pytest.raises(IsthmusError, match="a loss needs at least one sample"):
            loss(logits[:0], target[:0], weights[:0])
        assert torch.isfinite(loss(logits, target, weights)), name


@pytest.mark.parametrize("kind", KINDS)
def test_a_truth_holds_labels(kind: str) -> None:
    """Shares of 0.1 used to be foreground, NaN background, 1.7 class 1; class 3 of three ended in an IndexError."""
    logits, target, weights = case(kind, 2)
    for loss in losses_of(kind).values():
        assert loss(logits, target.double(), weights) == loss(logits, target, weights)
        for value, found in (
            (0.5, "values that are not whole numbers"),
            (float("nan"), "NaN or infinity"),
            (float("inf"), "NaN or infinity"),
        ):
            soft = target.double()
            soft[1, 0, 0] = value
            with pytest.raises(IsthmusError, match=f"the target holds {found}"):
                loss(logits, soft, weights)
        known = "the classes 0 to 2" if kind == "softmax" else "0 is background"
        for label in (-1, -100, *((3, 255) if kind == "softmax" else ())):
            strange = target.clone()
            strange[1, 0, 0] = label
            with pytest.raises(IsthmusError, match=f"labels from .*{label}.* {known}.*; repair it"):
                loss(logits, strange, weights)
            if label < 0:
                assert torch.isfinite(loss(logits, strange, weights, ignore=label))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_ignored_is_one_label(kind: str) -> None:
    """1.5 used to ignore nothing silently; the text "255" ended in an AttributeError."""
    logits, target, weights = case(kind, 2)
    for loss in losses_of(kind).values():
        assert torch.isfinite(loss(logits, target, weights, ignore=np.int64(255)))
        for wrong in (1.5, "255", True):
            with pytest.raises(IsthmusError, match=r"ignore is .*; give one label of the target"):
                loss(logits, target, weights, ignore=wrong)


@pytest.mark.parametrize("kind", KINDS)
def test_labels_and_maps_of_any_type(kind: str) -> None:
    logits, target, weights = case(kind, 2)
    whole = weights.round()
    for loss in losses_of(kind).values():
        expected = loss(logits, target, whole)
        for dtype in (torch.uint8, torch.int8, torch.uint16, torch.int32, torch.uint32, torch.float16):
            torch.testing.assert_close(loss(logits, target.to(dtype), whole.to(dtype)), expected)
        with pytest.raises(IsthmusError, match="a loss takes tensors, found ndarray"):
            loss(logits, target.numpy(), whole)
    for loss in MAPPED:
        with pytest.raises(IsthmusError, match="a map of weights is a tensor, found ndarray"):
            loss(logits, target, whole.numpy())


def test_a_softmax_needs_two_maps() -> None:
    logits, target, _ = case("binary", 2)
    with pytest.raises(IsthmusError, match="use binary_cross_entropy"):
        cross_entropy(logits, target)


def test_class_weights_are_as_many_finite_numbers_from_0() -> None:
    logits, target, _ = case("softmax", 2)
    weights = torch.tensor([0.5, 3.0, 2.0], requires_grad=True)
    assert weighted_cross_entropy(logits, target, weights) == weighted_cross_entropy(
        logits, target, (0.5, 3.0, 2.0)
    )
    for wrong in ((1.0, float("nan"), 1.0), (1.0, -1.0, 1.0), (1.0, float("inf"), 1.0)):
        with pytest.raises(IsthmusError, match=r"class weights are .*; give finite numbers from 0"):
            weighted_cross_entropy(logits, target, wrong)
    for counts in ([1, float("nan")], [float("inf"), 1], [], [0, 0], [-1, 5]):
        with pytest.raises(IsthmusError, match="class weights need the pixels of each class"):
            class_weights(counts)


def test_a_contour_that_is_learnt_has_one_map() -> None:
    output, _, contour = case("binary", 3)
    assert contour_l2(output, contour[:, None]) == contour_l2(output, contour)
    for wrong in (contour[0], contour[:1], contour.mT):
        with pytest.raises(IsthmusError, match="target"):
            contour_l2(output, wrong)
    with pytest.raises(IsthmusError, match="the target holds NaN"):
        contour_l2(output, torch.full_like(contour, float("nan")))


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_ignored_pixels_count_as_if_they_were_not_there(kind: str, dims: int) -> None:
    """The first half of an image ignored: the loss and the gradient of the other half alone, and 0 of all."""
    logits, target, weights = case(kind, dims)
    left = logits.shape[-1] // 2
    marked = target.clone()
    marked[..., :left] = 255
    half = [part[..., left:].detach().clone() for part in (logits, target, weights)]
    for name, loss in losses_of(kind).items():
        whole, alone = logits.clone().requires_grad_(), half[0].clone().requires_grad_()
        found, expected = loss(whole, marked, weights, ignore=255), loss(alone, half[1], half[2])
        torch.testing.assert_close(found, expected, msg=name)
        found.backward(), expected.backward()  # type: ignore[no-untyped-call]
        assert whole.grad is not None
        assert alone.grad is not None
        torch.testing.assert_close(whole.grad[..., left:], alone.grad)
        assert not whole.grad[..., :left].any()
        nothing = loss(whole, torch.full_like(target, 255), weights, ignore=255)
        assert float(nothing.detach()) < 1e-5  # the slope of focal_tversky ends there
        nothing.backward()  # type: ignore[no-untyped-call]
        torch.testing.assert_close(loss(logits, target, weights, ignore=255), loss(logits, target, weights))


def test_an_objective_leaves_pixels_out_on_every_head() -> None:
    """Whatever the heads say where the label is 255, the loss is the same; and labels of it are background to maps."""
    heads = {
        "logits": {"ce": 1.0, "dice": 1.0, "difficulty_ce": 1.0, "distance_ce": 1.0, "weighted_ce": 1.0},
        "contour": {"contour_l2": 1.0, "bce": 0.5},
        "marker": {"bce": 1.0, "iou": 1.0},
    }
    from isthmus.objectives import Settings

    settings = Settings(class_weights=(1.0, 2.0, 3.0))
    objective = Objective(heads, classes=3, settings=settings, ignore=255)
    plain = Objective(heads, classes=3, settings=settings)
    rng = np.random.default_rng(0)
    label = np.zeros((16, 16), np.uint8)
    label[2:7, 2:9], label[8:14, 4:12] = 1, 2
    outside = rng.random(label.shape) < 0.3
    marked = np.where(outside, 255, label).astype(np.uint8)
    targets = {name: torch.from_numpy(make(marked))[None] for name, make in objective.targets.items()}
    for name, make in plain.targets.items():
        np.testing.assert_array_equal(targets[name][0], make(np.where(outside, 0, label).astype(np.uint8)))

    maps = {"logits": 3, "contour": 1, "marker": 1}
    outputs = {head: torch.randn(1, count, 16, 16, dtype=torch.float64) for head, count in maps.items()}
    elsewhere = {
        head: torch.where(torch.from_numpy(outside), torch.randn_like(output), output)
        for head, output in outputs.items()
    }
    truth = torch.from_numpy(marked)[None]
    found = objective.parts(outputs, truth, targets)
    for term, value in objective.parts(elsewhere, truth, targets).items():
        torch.testing.assert_close(value, found[term])
    counted = torch.from_numpy(~outside)
    expected = (outputs["contour"][0, 0] - targets["contour"][0])[counted].square().mean()
    torch.testing.assert_close(found["contour.contour_l2"], expected)
    for wrong, several in ((1, False), (2, False), (255, True)):
        with pytest.raises(IsthmusError, match=f"label {wrong} cannot be ignored"):
            Objective({"logits": {"dice": 1.0}}, classes=3, multilabel=several, ignore=wrong)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("loss", [soft_dice, soft_iou, focal_tversky])
def test_nothing_to_overlap_without_smoothing(loss: Callable[..., Tensor], kind: str) -> None:
    """A batch without a pixel that counts used to give 0 / 0, which ended training."""
    logits, target, _ = case(kind, 2)
    logits.requires_grad_()
    found = loss(logits, torch.full_like(target, 255), smooth=0.0, ignore=255)
    found.backward()
    assert 0 <= found.item() < 1e-5
    assert torch.equal(logits.grad, torch.zeros_like(logits))


@pytest.mark.parametrize("weights", [["a", "b"], torch.ones(2, 2), [None, 1.0]])
def test_class_weights_are_numbers(weights: object) -> None:
    logits, target, _ = case("binary", 2)
    with pytest.raises(IsthmusError, match="give a list of numbers from 0"):
        weighted_cross_entropy(logits, target, weights)
