"""Holds what training changes from step to step, and saves and restores it bit for bit."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from isthmus.errors import IsthmusError
from isthmus.networks.checks import require_finite
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import Recipe, validate
from isthmus.training.loop import checkpoint
from isthmus.training.loop.average import Average
from isthmus.training.loop.best_epoch import Progress
from isthmus.training.loop.rate import Rate


@dataclass
class State:
    """The parts of a checkpoint.

    Attributes:
        network: the network that is trained.
        scored: the network that is scored and saved: that one, the mean of its weights, or a copy that shares them and
            has statistics of its own, which are taken anew whenever it is scored.
        average: the mean of the weights, if there is one.
        optimiser, rate, progress: as their classes say.
    """

    network: nn.Module
    scored: nn.Module
    average: Average | None
    optimiser: torch.optim.Optimizer
    rate: Rate
    progress: Progress = field(default_factory=Progress)

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
    fixed["training"].pop("last_epoch")  # known only once the others are done
    fixed["data"].pop("root")
    fixed["data"].pop("source")
    return json.dumps(fixed, sort_keys=True)


def _same(stored: Any, recipe: Recipe) -> bool:
    """Returns whether a checkpoint's recipe is this one; keys that it does not know yet have their defaults."""
    try:
        return _identity(validate(json.loads(stored))) == _identity(recipe)
    except (TypeError, ValueError, IsthmusError):
        return False
