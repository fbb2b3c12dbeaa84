"""Chooses the best epoch: what an epoch is judged by, which one is kept so far, and when patience runs out."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor, nn

from isthmus.runs.folder import Best
from isthmus.runs.recipe.training import Training


@dataclass(frozen=True)
class Scored:
    """Means over cases: of the loss; of Dice and IoU over the foreground classes, where there is foreground; the IoU of
    probabilities, pooled over batches of cases (`isthmus.training.pooled`); and the F1 of objects matched by IoU > 0.5,
    NaN where none are separated. ``cases`` are the numbers whose mean chooses the epoch, larger being better, in the
    same order after every epoch; empty where there is no such mean."""

    loss: float
    dice: float
    iou: float
    soft_iou: float
    objects: float = math.nan
    cases: tuple[float, ...] = ()

    def value(self, name: str) -> float:
        """Returns one of them by name."""
        return float(getattr(self, name))

    def goodness(self, by: str) -> float:
        """Returns the score to maximise: one of them by name, the loss with its sign changed."""
        return -self.loss if by == "loss" else self.value(by)


def not_clearly_below(cases: Sequence[float], best: Sequence[float]) -> bool:
    """Returns whether scores are below others of the same cases by no more than the standard error of the difference.

    That is the rule by which Breiman et al. (1984, Classification and Regression Trees, section 3.4.3) choose among
    models that a validation cannot tell apart. One case tells nothing about the error, and gives False.

    >>> not_clearly_below([0.5, 1.0], [0.75, 0.875]), not_clearly_below([0.5, 0.75], [0.75, 0.875])
    (True, False)
    """
    if len(cases) < 2:
        return False
    differences = [high - low for low, high in zip(cases, best, strict=True)]
    return statistics.fmean(differences) <= statistics.stdev(differences) / math.sqrt(len(differences))


@dataclass
class Progress:
    """How far a run has come: everything in the checkpoint besides the tensors of the network and the optimiser.

    The epoch that is kept is that with the highest score or, with ``training.keep=latest``, the latest one that the
    validation cannot tell from it.
    """

    epoch: int = 0  # epochs done
    best_epoch: int = 0  # the one that is kept
    best: float = -math.inf  # its score; see Scored.goodness
    best_dice: float = -1.0  # of the epoch that is kept
    best_state: dict[str, Tensor] = field(default_factory=dict)
    top_epoch: int = 0  # the epoch with the highest score
    top: float = -math.inf
    top_cases: tuple[float, ...] = ()
    history: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if not self.top_epoch:  # a checkpoint of an earlier version
            self.top_epoch, self.top = self.best_epoch, self.best

    def out_of_patience(self, patience: int | None) -> bool:
        """Returns whether training stops because no epoch has had a higher score for a long time."""
        return patience is not None and self.epoch > 0 and self.epoch - self.top_epoch >= patience

    def which(self) -> Best:
        """Returns which epoch's weights are kept, and how good they are."""
        return Best(self.best_epoch, self.best_dice, self.best)

    def keep_if_better(self, scored: Scored, training: Training, network: nn.Module) -> bool:
        """Keeps a copy of the weights if the epoch that ended is the one to keep so far, and returns whether it is."""
        goodness = scored.goodness(training.select)
        if goodness > self.top:
            self.top_epoch, self.top, self.top_cases = self.epoch, goodness, scored.cases
        elif training.keep == "best" or not not_clearly_below(scored.cases, self.top_cases):
            return False
        self.best, self.best_dice = goodness, scored.dice
        self.best_epoch = self.epoch
        self.best_state = {k: v.detach().to("cpu", copy=True) for k, v in network.state_dict().items()}
        return True
