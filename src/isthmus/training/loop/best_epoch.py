"""Chooses the best epoch: what an epoch is judged by, which one is the best so far, and when patience runs out."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from torch import Tensor, nn

from isthmus.runs.folder import Best


@dataclass(frozen=True)
class Scored:
    """Means over cases: of the loss; of Dice and IoU over the foreground classes, where there is foreground; the IoU of
    probabilities, pooled over batches of cases (`isthmus.training.pooled`); and the F1 of objects matched by IoU > 0.5,
    NaN where none are separated."""

    loss: float
    dice: float
    iou: float
    soft_iou: float
    objects: float = math.nan

    def value(self, name: str) -> float:
        """Returns one of them by name."""
        return float(getattr(self, name))

    def goodness(self, by: str) -> float:
        """Returns the score to maximise: one of them by name, the loss with its sign changed."""
        return -self.loss if by == "loss" else self.value(by)


@dataclass
class Progress:
    """How far a run has come: everything in the checkpoint besides the tensors of the network and the optimiser."""

    epoch: int = 0  # epochs done
    best_epoch: int = 0
    best: float = -math.inf  # score by which the best epoch is chosen; see Scored.goodness
    best_dice: float = -1.0  # at the best epoch
    best_state: dict[str, Tensor] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0

    def out_of_patience(self, patience: int | None) -> bool:
        """Returns whether training stops because no epoch has been better for a long time."""
        return patience is not None and self.epoch > 0 and self.epoch - self.best_epoch >= patience

    def which(self) -> Best:
        """Returns which epoch's weights are the best, and how good they are."""
        return Best(self.best_epoch, self.best_dice, self.best)

    def keep_if_better(self, scored: Scored, select: str, network: nn.Module) -> bool:
        """Keeps a copy of the weights if the epoch that ended is the best so far, and returns whether it is."""
        if scored.goodness(select) <= self.best:
            return False
        self.best, self.best_dice = scored.goodness(select), scored.dice
        self.best_epoch = self.epoch
        self.best_state = {k: v.detach().to("cpu", copy=True) for k, v in network.state_dict().items()}
        return True
