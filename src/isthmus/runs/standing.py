"""How far a run has come, from its files alone."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from isthmus.locks import NoLocks, is_taken
from isthmus.runs.folder import Best, RunFolder

State = Literal["ended", "finished early", "stopped", "running"]


@dataclass(frozen=True)
class Standing:
    """How far a run has come.

    Attributes:
        done, planned: epochs that were scored, and those of the recipe.
        best: what the weights on disk are; None: there are none, or they do not say (an earlier version wrote them).
    """

    path: Path
    state: State
    done: int
    planned: int
    best: Best | None

    def note(self) -> str:
        """What a user of the weights should know; empty for a finished run."""
        if self.state == "ended" or not self.best:
            return ""
        how = {
            "running": "is still being trained",
            "stopped": f"was stopped after epoch {self.done}",
            "finished early": f"was finished early, after epoch {self.done}",
        }[self.state]
        return (
            f"{self.path} {how}; its weights are the best so far, epoch {self.best.epoch} of {self.planned}"
        )

    def how_to_go_on(self) -> str:
        """What a stopped run holds, and what can be done with it."""
        again = f"`isthmus train --resume --out {self.path}`"
        if not self.best:
            when = (
                f"after epoch {self.done} and holds no weights yet"
                if self.done
                else "before an epoch was scored"
            )
            return f"{self.path} was stopped {when}; {again} goes on"
        return (
            f"{self.note()} (validation Dice {self.best.dice:.4f}). {again} goes on; with --finish in place of "
            "--resume it is scored and reported as it stands; predict, export and report take it as it is"
        )


def standing(folder: RunFolder, running: bool | None = None) -> Standing:
    """How far a run has come.

    Args:
        running: whether a process trains it; None: as its lock says.

    Raises:
        IsthmusError: its recipe, its history or its weights cannot be read.
    """
    state: State = "stopped"
    if folder.finished():
        state = "ended"
    elif is_running(folder) if running is None else running:
        state = "running"
    elif folder.finished_early():
        state = "finished early"
    best = folder.best()
    done = len(folder.read_rows(folder.history)) if folder.history.is_file() else 0
    done = max(done, best.epoch if best else 0)  # a run may go on from a checkpoint of before the best
    return Standing(folder.path, state, done, folder.recipe().training.epochs, best)


def is_running(folder: RunFolder) -> bool:
    """Whether a process trains this run, where that can be told."""
    with suppress(NoLocks):
        return is_taken(folder.lock)
    return False
