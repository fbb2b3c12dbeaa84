"""The sum over heads: which loss meets which target, auxiliary heads, and what is refused."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from isthmus.errors import IsthmusError
from isthmus.objectives import (
    LOSSES,
    Objective,
    Settings,
    binary_cross_entropy,
    border_map,
    class_weights,
    contour_l2,
    contour_map,
    cross_entropy,
    default_heads,
    difficulty_cross_entropy,
    difficulty_map,
    hausdorff,
    interior_map,
    soft_dice,
    soft_iou,
)

LABELS = np.zeros((2, 16, 16), np.uint8)
LABELS[0, 3:9, 2:8], LABELS[0, 3:9, 8:14], LABELS[1, 10:, 10:] = 1, 2, 1


def output(maps: int, seed: int, shape: tuple[int, ...] = (16, 16)) -> Tensor:
    return torch.randn(2, maps, *shape, generator=torch.Generator().manual_seed(seed))


def targets_of(objective: Objective, labels: Any) -> dict[str, Tensor]:
    return {
        name: torch.from_numpy(np.stack([make(label) for label in labels]))
        for name, make in objective.targets.items()
    }


def check_sum(objective: Objective, outputs: Any, labels: Any, expected: dict[str, Tensor]) -> None:
    targets, truth = targets_of(objective, labels), torch.from_numpy(labels)
    found = objective.parts(outputs, truth, targets)
    assert list(found) == list(expected)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value)
    torch.testing.assert_close(objective(outputs, truth, targets), torch.stack(list(expected.values())).sum())


def test_hmedn_difficulty_contour_and_pathway() -> None:
    settings = Settings(contour_sigma=1.5, difficulty_sigma=3, difficulty_weight=7, auxiliary_weight=0.5)
    heads = {"logits": {"difficulty_ce": 1.0, "dice": 0.5}, "contour": {"contour_l2": 2.0}}
    objective = Objective(heads, classes=3, settings=settings)
    objective.check(["logits", "contour", "auxiliary"])
    assert list(objective.targets) == ["contour", "difficulty"]
    outputs = {"logits": output(3, 0), "contour": output(1, 1), "auxiliary": output(3, 2)}
    y = torch.from_numpy(LABELS)
    mu = torch.from_numpy(np.stack([difficulty_map(label, 3, 1, 7) for label in LABELS]))
    contour = torch.from_numpy(np.stack([contour_map(label, 1.5) for label in LABELS]))
    expected = {
        "logits.difficulty_ce": difficulty_cross_entropy(outputs["logits"], y, mu),
        "logits.dice": 0.5 * soft_dice(outputs["logits"], y),
        "contour.contour_l2": 2 * contour_l2(outputs["contour"], contour),
        "auxiliary.difficulty_ce": 0.5 * difficulty_cross_entropy(outputs["auxiliary"], y, mu),
        "auxiliary.dice": 0.25 * soft_dice(outputs["auxiliary"], y),
    }
    check_sum(objective, outputs, LABELS, expected)
    del outputs["auxiliary"], expected["auxiliary.difficulty_ce"], expected["auxiliary.dice"]
    check_sum(objective, outputs, LABELS, expected)  # in evaluation


def test_nuclei_learn_body_border_and_interior_of_instances() -> None:
    available = ["logits", "contour", "marker"]
    objective = Objective(default_heads(available, classes=1), classes=1)
    objective.check(available)
    assert list(objective.targets) == ["border", "interior"]
    outputs = {name: output(1, seed) for seed, name in enumerate(available)}
    border = torch.from_numpy(np.stack([border_map(label) for label in LABELS]))
    interior = torch.from_numpy(np.stack([interior_map(label) for label in LABELS]))
    expected = {}
    for name, truth in (("logits", torch.from_numpy(LABELS)), ("contour", border), ("marker", interior)):
        expected[f"{name}.bce"] = binary_cross_entropy(outputs[name], truth)
        expected[f"{name}.iou"] = soft_iou(outputs[name], truth)
    check_sum(objective, outputs, LABELS, expected)


def test_dcan_learns_the_border_at_every_depth() -> None:
    available = ["logits", "contour", "auxiliary_8", "contour_auxiliary_8", "contour_auxiliary_16"]
    objective = Objective(default_heads(available, classes=3), classes=3)
    objective.check(available)
    border = torch.from_numpy(np.stack([border_map(label) for label in LABELS]))
    outputs = {name: output(1 if "contour" in name else 3, seed) for seed, name in enumerate(available)}
    expected = {
        f"{name}.bce" if "contour" in name else f"{name}.ce": (
            binary_cross_entropy(value, border)
            if "contour" in name
            else cross_entropy(value, torch.from_numpy(LABELS))
        )
        for name, value in outputs.items()
    }
    check_sum(objective, outputs, LABELS, expected)


def test_an_auxiliary_head_that_is_named_has_its_own_losses() -> None:
    heads = {"logits": {"bce": 1.0}, "auxiliary_2": {"dice": 3.0}}
    objective = Objective(heads, classes=1, settings=Settings(auxiliary_weight=0.5))
    outputs = {name: output(1, seed) for seed, name in enumerate(("logits", "auxiliary_1", "auxiliary_2"))}
    y = torch.from_numpy(LABELS)
    expected = {
        "logits.bce": binary_cross_entropy(outputs["logits"], y),
        "auxiliary_1.bce": 0.5 * binary_cross_entropy(outputs["auxiliary_1"], y),
        "auxiliary_2.dice": 3 * soft_dice(outputs["auxiliary_2"], y),
    }
    check_sum(objective, outputs, LABELS, expected)
    check_sum(objective, outputs["logits"], LABELS, {"logits.bce": expected["logits.bce"]})


def test_regions_that_overlap_in_volumes() -> None:
    masks = np.zeros((2, 2, 6, 10, 10), np.uint8)
    masks[0, 0, 1:5, 2:8, 2:8] = masks[0, 1, 2:4, 4:6, 4:6] = 1
    heads = {"logits": {"difficulty_ce": 1.0, "hausdorff": 0.1, "iou": 1.0}}
    objective = Objective(heads, classes=2, multilabel=True)
    logits, y = output(2, 0, (6, 10, 10)), torch.from_numpy(masks)
    targets = targets_of(objective, masks)
    assert {name: tuple(target.shape) for name, target in targets.items()} == {
        "distance": (2, 6, 10, 10),
        "difficulty": (2, 6, 10, 10),
    }
    by_mask = sum(difficulty_map(mask, base=0) for mask in masks[0])
    assert np.allclose(targets["difficulty"][0], 1 + by_mask, rtol=1e-6)
    assert (targets["difficulty"][1] == 1).all()  # nothing there
    check_sum(
        objective,
        logits,
        masks,
        {
            "logits.difficulty_ce": difficulty_cross_entropy(logits, y, targets["difficulty"]),
            "logits.hausdorff": 0.1 * hausdorff(logits, y, targets["distance"]),
            "logits.iou": soft_iou(logits, y),
        },
    )


def test_with_one_class_instances_may_stand_in_for_labels() -> None:
    heads = {"logits": {"difficulty_ce": 1.0}, "contour": {"contour_l2": 1.0}}
    objects = np.zeros((30, 30), np.int32)
    objects[5:25, 5:15], objects[5:25, 15:25] = 7, 70000
    for classes, between in ((1, True), (2, True), (3, False)):
        make = Objective(heads, classes=classes).targets
        assert make["contour"](objects)[15, 14] > 0.6
        assert make["contour"]((objects > 0).astype(np.uint8))[15, 14] < 0.1
        assert bool(make["difficulty"](objects)[15, 14] < 26.001) is between  # as classes they count twice
        assert np.array_equal(make["difficulty"](objects > 0), make["difficulty"](1 * (objects > 0)))


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_trains_a_head_that_it_serves(name: str) -> None:
    """Binary, softmax and multilabel; parameters reach the loss; the gradient is finite and not zero."""
    entry = LOSSES[name]
    for form in entry.outputs:
        classes, multilabel = {"binary": (1, False), "softmax": (3, False), "multilabel": (3, True)}[form]
        settings = Settings(class_weights=(1.0, 2.0, 3.0)[: max(2, classes)])
        main = "bce" if form != "softmax" else "ce"
        if "logits" not in entry.heads:
            if form != "binary":
                continue
            heads = {"logits": {main: 0.0}, entry.heads[0]: {name: 1.0}}
        else:
            heads = {"logits": {name: 1.0}}
        objective = Objective(heads, classes=classes, multilabel=multilabel, settings=settings)
        labels = np.stack([k == LABELS for k in (0, 1, 2)], 1).astype(np.uint8) if multilabel else LABELS
        leaves = {
            head: output(classes if head == "logits" else 1, seed).requires_grad_()
            for seed, head in enumerate(heads)
        }
        objective(leaves, torch.from_numpy(labels), targets_of(objective, labels)).backward()  # type: ignore[no-untyped-call]
        gradient = leaves[list(heads)[-1]].grad
        assert gradient is not None
        assert torch.isfinite(gradient).all()
        assert gradient.abs().max() > 0


def test_settings_reach_losses() -> None:
    y, logits = torch.from_numpy(LABELS), output(1, 0)
    changes = {
        "focal": {"focal_gamma": 1.0, "focal_alpha": 0.5},
        "focal_tversky": {"tversky_alpha": 0.4, "tversky_beta": 0.8, "tversky_gamma": 2.0, "smooth": 3.0},
        "dice": {"smooth": 500.0},
        "iou": {"smooth": 500.0},
        "hausdorff": {"hausdorff_alpha": 1.0},
        "distance_ce": {},
    }
    for loss, fields in changes.items():
        usual = Objective({"logits": {loss: 1.0}}, classes=1)
        targets = targets_of(usual, LABELS)
        for key, value in fields.items():
            changed = Objective({"logits": {loss: 1.0}}, classes=1, settings=Settings(**{key: value}))
            assert changed(logits, y, targets) != usual(logits, y, targets), key
    weighted = {"logits": {"weighted_ce": 1.0}}
    double = Objective(weighted, classes=1, settings=Settings(class_weights=(2.0, 2.0)))
    torch.testing.assert_close(double(logits, y, {}), 2 * binary_cross_entropy(logits, y))


def test_target_functions_travel_to_other_processes() -> None:
    for multilabel in (False, True):
        heads = {"logits": {"difficulty_ce": 1.0, "hausdorff": 1.0, "distance_ce": 1.0}}
        objective = Objective(heads, classes=2, multilabel=multilabel)
        sample = np.stack([LABELS[0] == 1, LABELS[0] == 2]) if multilabel else LABELS[0]
        for make in objective.targets.values():
            again = pickle.loads(pickle.dumps(make))
            assert np.array_equal(again(sample), make(sample))


@pytest.mark.parametrize(
    ("heads", "options", "message"),
    [
        ({}, {}, "no loss for the head 'logits'"),
        ({"contour": {"bce": 1}}, {}, "no loss for the head 'logits'"),
        ({"logits": {"dcie": 1}}, {}, "did you mean 'dice'"),
        ({"logits": {"ce": 1}}, {"classes": 1}, "'ce' cannot serve one sigmoid map .* use bce,"),
        ({"logits": {"bce": 1}}, {"classes": 3}, "'bce' cannot serve a softmax over 3 classes .* use ce,"),
        ({"logits": {"ce": 1}}, {"multilabel": True}, "'ce' cannot serve 3 sigmoid maps that may overlap"),
        ({"logits": {"weighted_ce": 1}}, {"multilabel": True}, "'weighted_ce' cannot serve 3 sigmoid"),
        ({"logits": {"contour_l2": 1}}, {}, "'contour_l2' cannot serve .* logits head"),
        ({"logits": {"ce": 1}, "contour": {"ce": 1}}, {}, "heads.contour: 'ce' cannot serve one sigmoid map"),
        (
            {"logits": {"ce": 1}, "marker": {"contour_l2": 1}},
            {},
            "heads.marker: .* use bce, focal, dice, iou",
        ),
        ({"logits": {"ce": 1}, "marker": {"hausdorff": 1}}, {}, "'hausdorff' cannot serve"),
        ({"logits": {"ce": -1}}, {}, "weight of 'ce' must be a number of 0 or more, found -1"),
        ({"logits": {"ce": float("nan")}}, {}, "found nan"),
        ({"logits": {"ce": float("inf")}}, {}, "found inf"),
        ({"logits": {"weighted_ce": 1}}, {}, "needs 3 class weights, background first, found none"),
        (
            {"logits": {"weighted_ce": 1}},
            {"settings": Settings(class_weights=(1, 2))},
            "needs 3 class weights, background first, found 2",
        ),
        (
            {"logits": {"ce": 1}, "markr": {"bce": 1}},
            {},
            "no target is known for the head 'markr': did you .*'marker'",
        ),
    ],
)
def test_an_objective_that_cannot_be_is_refused(
    heads: dict[str, dict[str, float]], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(IsthmusError, match=message) as caught:
        Objective(heads, **({"classes": 3} | options))
    assert "\n" not in str(caught.value)


def test_a_head_that_the_network_lacks_is_refused() -> None:
    objective = Objective({"logits": {"ce": 1}, "contour": {"contour_l2": 1}}, classes=3)
    with pytest.raises(
        IsthmusError, match=r"the network has no head 'contour': choose from logits, auxiliary"
    ):
        objective.check(["logits", "auxiliary"])
    with pytest.raises(ValueError, match="returned no 'contour', found logits"):
        objective(output(3, 0), torch.from_numpy(LABELS), {})
    with pytest.raises(ValueError, match="'contour_l2' of the head 'contour' needs the target 'contour'"):
        objective({"logits": output(3, 0), "contour": output(1, 0)}, torch.from_numpy(LABELS), {})


@pytest.mark.parametrize(
    ("available", "classes", "multilabel", "expected"),
    [
        (["logits"], 1, False, {"logits": {"bce": 1}}),
        (["logits", "auxiliary_1"], 2, False, {"logits": {"ce": 1}}),
        (["logits"], 3, True, {"logits": {"bce": 1}}),
        (["logits"], 1, True, {"logits": {"bce": 1}}),
        (["logits", "contour"], 1, False, {"logits": {"bce": 1}, "contour": {"contour_l2": 1}}),
        (["logits", "marker"], 2, False, {"logits": {"ce": 1, "iou": 1}, "marker": {"bce": 1, "iou": 1}}),
    ],
)
def test_default_heads(
    available: list[str], classes: int, multilabel: bool, expected: dict[str, Any]
) -> None:
    heads = default_heads(available, classes, multilabel)
    assert heads == expected
    Objective(heads, classes=classes, multilabel=multilabel).check(available)


def test_class_weights() -> None:
    assert class_weights([90, 9, 1]) == pytest.approx((100 / 270, 100 / 27, 100 / 3))
    assert class_weights([10**6, 1]) == (pytest.approx(0.5, rel=1e-5), 100)
    assert class_weights([8, 0]) == (0.5, 1)
    weights = class_weights([70, 20, 10])
    assert sum(w * n for w, n in zip(weights, (70, 20, 10), strict=True)) == pytest.approx(100)
    for counts in ([0, 0], [], [5, -1]):
        with pytest.raises(IsthmusError, match="pixels of each class"):
            class_weights(counts)
