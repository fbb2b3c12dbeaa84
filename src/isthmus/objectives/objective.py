"""The objective of training: losses by head, with the targets that they need.

A recipe maps each head to losses and their weights. An `Objective` checks these against the network's heads,
provides the functions that make the targets of a sample (they run in the loader's threads, after augmentation) and
adds up the terms.

| head | target |
| --- | --- |
| `logits`, `auxiliary…` | the labels |
| `contour`, `contour_auxiliary…` | the map `contour` for `contour_l2`, the mask `border` for other losses |
| `marker` | the mask `interior` |
| `distance` | the map `object_distance` |
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from functools import partial
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from isthmus.errors import IsthmusError, nearest
from isthmus.objectives.entropy import finite_weights
from isthmus.objectives.losses import LOSSES, Head, MakeTarget
from isthmus.objectives.settings import Normalise, Settings
from isthmus.objectives.targets import (
    Floats,
    border_map,
    contour_map,
    difficulty_map,
    difficulty_of,
    distance_map,
    edges,
    interior_map,
    object_distance_map,
    proximity_map,
    union,
)

Heads = Mapping[str, Mapping[str, float]]


MASKS = {"contour": "border", "marker": "interior"}
"""The target of a kind of head, if the loss needs no other."""

OUTSIDE = -1
"""The value of ignored pixels in the target of a contour, a marker or a distance."""


class Objective:
    """A weighted sum of losses over the heads of a network.

    Args:
        heads: head -> name of a loss -> its weight, as in ``{"logits": {"ce": 1}, "contour": {"contour_l2": 1}}``.
        classes: number of maps of the logits: 1 (a sigmoid), or K of 2 or more (a softmax, background included); with
            `multilabel` K sigmoids.
        multilabel: labels are one mask for each class, which may overlap.
        settings: parameters of losses and targets.
        ignore: the label of pixels that enter no loss of any head, and are background for the targets. None: every
            pixel counts.

    Auxiliary heads, named ``auxiliary…`` or ``contour_auxiliary…``, have the losses of ``logits`` and ``contour``,
    with their terms multiplied by `Settings.auxiliary_weight`, unless `heads` names them. In evaluation a network
    has no auxiliary heads, and they are left out.

    Raises:
        IsthmusError: an unknown loss, a head without a target, a weight that is not a number of 0 or more, a loss
            that cannot serve the head or the number of classes.

    >>> import torch
    >>> objective = Objective({"logits": {"bce": 1.0, "dice": 0.5}}, classes=1)
    >>> terms = objective.parts(torch.zeros(1, 1, 2, 2), torch.ones(1, 2, 2), {})
    >>> {name: round(float(value), 4) for name, value in terms.items()}
    {'logits.bce': 0.6931, 'logits.dice': 0.1429}
    """

    def __init__(
        self,
        heads: Heads,
        *,
        classes: int,
        multilabel: bool = False,
        settings: Settings | None = None,
        ignore: int | None = None,
    ) -> None:
        self.heads = {head: dict(losses) for head, losses in heads.items()}
        self.classes, self.multilabel = classes, multilabel
        self.settings = settings or Settings()
        self.ignore = ignore
        if ignore is not None and (multilabel or 0 <= ignore < max(2, classes)):
            raise IsthmusError(
                f"label {ignore} cannot be ignored: "
                + ("the masks may overlap" if multilabel else f"it is one of the {max(2, classes)} classes")
            )
        if not self.heads.get("logits"):
            raise IsthmusError(
                "the objective has no loss for the head 'logits', which draws the masks; give one"
            )
        for head, losses in self.heads.items():
            if kind_of(head) is None:
                raise IsthmusError(
                    f"no target is known for the head '{head}': "
                    f"{nearest(head, [*get_args(Head), 'auxiliary', 'contour_auxiliary'])}"
                )
            for loss, weight in losses.items():
                self._check_loss(head, loss, weight)

    def _check_loss(self, head: str, loss: str, weight: float) -> None:
        where = f"objective.heads.{head}"
        LOSSES.find(loss, where)
        if not (math.isfinite(weight) and weight >= 0):
            raise IsthmusError(
                f"{where}: the weight of '{loss}' must be a number of 0 or more, found {weight}"
            )
        kind, output = kind_of(head), self._output(head)
        fits = [name for name, entry in LOSSES.items() if kind in entry.heads and output in entry.outputs]
        if loss not in fits:
            what = {
                "binary": "one sigmoid map",
                "softmax": f"a softmax over {self.classes} classes",
                "multilabel": f"{self.classes} sigmoid maps that may overlap",
            }[output]
            raise IsthmusError(
                f"{where}: '{loss}' cannot serve {what} of a {kind} head; use {', '.join(fits)}"
            )
        if loss == "weighted_ce":
            weights, needed = self.settings.class_weights, max(2, self.classes)
            if weights is None or len(weights) != needed:
                found = "none" if weights is None else len(weights)
                raise IsthmusError(
                    f"{where}: 'weighted_ce' needs {needed} class weights, background first, found {found}; "
                    "set objective.class_weights"
                )
            finite_weights(weights)

    def _output(self, head: str) -> str:
        if kind_of(head) != "logits" or (self.classes == 1 and not self.multilabel):
            return "binary"
        return "multilabel" if self.multilabel else "softmax"

    def check(self, available: Collection[str]) -> None:
        """Refuses a head that the network does not have; `available` are its outputs in training mode."""
        for head in self.heads:
            if head not in available:
                raise IsthmusError(
                    f"objective.heads: the network has no head '{head}': {nearest(head, available)}"
                )

    @property
    def targets(self) -> dict[str, MakeTarget]:
        """Functions that make the targets of the losses, by name; `{}` if labels are enough.

        Each takes the labels `(*spatial)` of **one** sample and returns float32 `(*spatial)`. With one foreground
        class the labels may be an instance map, so that touching objects are separated. `border`, `interior`,
        `contour`, `object_distance`, `distance` and `proximity` also take instance maps of several classes, while
        `difficulty` needs the classes. With `multilabel` the argument is one mask for each class, `(K, *spatial)`.
        """
        needed = {self._target(head, loss) for head, losses in self.heads.items() for loss in losses}
        made = {name: make for name, make in self._all_targets().items() if name in needed}
        if self.ignore is None:
            return made
        return {name: partial(_without_ignored, make, self.ignore) for name, make in made.items()}

    def _target(self, head: str, loss: str) -> str | None:
        """Returns the name of the target of a loss; a target that the loss brings has the name of the loss."""
        target = LOSSES[loss].target
        return loss if callable(target) else target or MASKS.get(kind_of(head) or "")

    def _all_targets(self) -> dict[str, MakeTarget]:
        s = self.settings
        options = (s.difficulty_sigma, s.difficulty_base, s.difficulty_weight, s.difficulty_normalise)
        own = {loss: LOSSES[loss].target for losses in self.heads.values() for loss in losses}
        simple: dict[str, MakeTarget] = {
            "contour": partial(contour_map, sigma=s.contour_sigma),
            "border": border_map,
            "interior": interior_map,
            "object_distance": partial(object_distance_map, spacing=s.object_spacing),
            "distance": distance_map,
            "proximity": proximity_map,
            **{loss: make for loss, make in own.items() if callable(make)},
        }
        if self.multilabel:
            difficulty: MakeTarget = partial(_difficulty_from_masks, options=options)
            return {name: partial(_from_masks, make) for name, make in simple.items()} | {
                "difficulty": difficulty
            }
        names = ("sigma", "base", "weight", "normalise")
        keywords: dict[str, Any] = dict(zip(names, options, strict=True))
        return simple | {"difficulty": partial(difficulty_map, **keywords, objects=self.classes <= 2)}

    def __call__(
        self, outputs: Tensor | Mapping[str, Tensor], labels: Tensor, targets: Mapping[str, Tensor]
    ) -> Tensor:
        """Computes the loss, a scalar in float32 or better.

        Args:
            outputs: outputs of the network, by head; a single tensor is ``logits``.
            labels: class indices `(N, *spatial)`, or masks `(N, K, *spatial)` with `multilabel`.
            targets: targets by name, each `(N, *spatial)`, made by the functions of `targets`.
        """
        total, *more = self.parts(outputs, labels, targets).values()
        for term in more:
            total = total + term
        return total

    def parts(
        self, outputs: Tensor | Mapping[str, Tensor], labels: Tensor, targets: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """Computes the weighted terms of the loss by ``head.loss``; arguments as in `__call__`."""
        outputs = {"logits": outputs} if isinstance(outputs, Tensor) else outputs
        for head in self.heads:
            if head not in outputs and "auxiliary" not in head:
                raise ValueError(f"the network returned no '{head}', found {', '.join(outputs)}")
        outside = None if self.ignore is None else labels == self.ignore
        terms: dict[str, Tensor] = {}
        for head, output in outputs.items():
            for loss, weight in self._losses(head).items():
                entry, name = LOSSES[loss], self._target(head, loss)
                if name is not None and name not in targets:
                    raise ValueError(f"'{loss}' of the head '{head}' needs the target '{name}'")
                parameters = {key: getattr(self.settings, value) for key, value in entry.parameters.items()}
                if kind_of(head) == "logits":
                    truth, parameters["ignore"] = [labels], self.ignore
                    truth += [] if name is None else [targets[name]]
                else:
                    truth = [targets[name or ""]]
                    if outside is not None:
                        truth, parameters["ignore"] = (
                            [truth[0].masked_fill(outside.reshape(truth[0].shape), OUTSIDE)],
                            OUTSIDE,
                        )
                terms[f"{head}.{loss}"] = weight * entry.function(output, *truth, **parameters)
        return terms

    def _losses(self, head: str) -> dict[str, float]:
        if head in self.heads or "auxiliary" not in head:
            return self.heads.get(head, {})
        main = self.heads.get(kind_of(head) or "", {})
        return {loss: weight * self.settings.auxiliary_weight for loss, weight in main.items()}


def kind_of(head: str) -> str | None:
    """Returns the kind of a head: `logits`, `contour`, `marker` or `distance`; None for an unknown name.

    >>> kind_of("auxiliary_8"), kind_of("contour_auxiliary_8"), kind_of("saliency")
    ('logits', 'contour', None)
    """
    if head in get_args(Head):
        return head
    for prefix, kind in (("auxiliary", "logits"), ("contour_auxiliary", "contour")):
        if head.startswith(prefix):
            return kind
    return None


def _without_ignored(make: MakeTarget, ignore: int, label: NDArray[Any]) -> Floats:
    """Makes a target in which ignored pixels are background."""
    return make(np.where(label == ignore, label.dtype.type(0), label))


def _from_masks(make: MakeTarget, masks: NDArray[Any]) -> Floats:
    """Makes a target of overlapping masks `(K, *spatial)`."""
    return make(union(masks))


def _difficulty_from_masks(masks: NDArray[Any], options: tuple[float, float, float, Normalise]) -> Floats:
    return difficulty_of((edges(mask) for mask in masks), *options, shape=masks.shape[1:])
