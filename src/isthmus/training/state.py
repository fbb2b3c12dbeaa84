"""Holds what training changes from step to step, and saves and restores it bit for bit."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from isthmus.errors import IsthmusError
from isthmus.networks.checks import require_finite
from isthmus.runs.folder import Best, RunFolder
from isthmus.runs.recipe import Recipe, validate
from isthmus.training import checkpoint
from isthmus.training.average import Average
from isthmus.training.rate import Rate
from isthmus.training.score import Scored


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

    def is_better(self, scored: Scored, select: str, network: nn.Module) -> bool:
        """Returns whether the epoch that ended is the best so far, and keeps a copy of its weights if it is."""
        if scored.goodness(select) <= self.best:
            return False
        self.best, self.best_dice = scored.goodness(select), scored.dice
        self.best_epoch = self.epoch
        self.best_state = {k: v.detach().to("cpu", copy=True) for k, v in network.state_dict().items()}
        return True


@dataclass
class State:
    """The parts of a checkpoint."""

    network: nn.Module
    average: Average | None
    optimiser: torch.optim.Optimizer
    rate: Rate
    progress: Progress = field(default_factory=Progress)

    @property
    def scored(self) -> nn.Module:
        """The network that is scored and saved: with the mean of the weights if there is one."""
        return self.average.network if self.average else self.network

    def save(self, folder: RunFolder, recipe: Recipe) -> None:
        """Replaces the run's checkpoint."""
        content: dict[str, Any] = {
            "network": self.network.state_dict(),
            "average": self.average.network.state_dict() if self.average else {},
            "optimiser": self.optimiser.state_dict(),
            "rate": self.rate.state(),
            "progress": dict(vars(self.progress)),
            "recipe": _identity(recipe),
        }
        checkpoint.save(folder.checkpoint, content)

    def restore(self, folder: RunFolder, recipe: Recipe) -> None:
        """Restores the run's checkpoint.

        Raises:
            IsthmusError: it is damaged, belongs to another recipe, or holds weights that are not finite.
        """
        content = checkpoint.load(folder.checkpoint)
        if not _same(content.get("recipe"), recipe):
            raise IsthmusError(
                f"{folder.checkpoint} was written with another recipe than {folder.recipe_path}; restore the recipe, "
                "or delete the checkpoint to train from the start"
            )
        try:
            self.network.load_state_dict(content["network"])
            if self.average:
                self.average.network.load_state_dict(content["average"])
            self.optimiser.load_state_dict(content["optimiser"])
            self.rate.restore(content["rate"])
            self.progress = Progress(**content["progress"])
        except (KeyError, TypeError, RuntimeError, ValueError) as error:
            line = str(error).partition("\n")[0]
            raise IsthmusError(
                f"{folder.checkpoint} does not fit the run's recipe ({line}); delete it to train from the start"
            ) from error
        for weights in (self.network.state_dict(), self.progress.best_state):
            require_finite(weights, folder.checkpoint)


def _identity(recipe: Recipe) -> str:
    """Returns everything in a recipe that affects the weights, as text."""
    fixed = recipe.to_dict()
    for key in ("device", "workers", "cache_mb"):
        fixed["hardware"].pop(key)
    fixed["data"].pop("root")
    fixed["data"].pop("source")
    return json.dumps(fixed, sort_keys=True)


def _same(stored: Any, recipe: Recipe) -> bool:
    """Returns whether a checkpoint's recipe is this one; keys that it does not know yet have their defaults."""
    try:
        return _identity(validate(json.loads(stored))) == _identity(recipe)
    except (TypeError, ValueError, IsthmusError):
        return False
