"""How far a run has come, read from its files only."""

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
        path: the run folder.
        state: whether it ended, was finished early, was stopped, or is running.
        done: epochs that were scored.
        planned: epochs of the recipe.
        best: which weights are on disk; None if there are none, or if an earlier version wrote them.
    """

    path: Path
    state: State
    done: int
    planned: int
    best: Best | None

    def note(self) -> str:
        """Returns what a user of the weights should know; empty for a finished run."""
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

    def how_to_continue(self) -> str:
        """Returns what an interrupted run holds, and what can be done with it."""
        again = f"`isthmus train --resume --out {self.path}`"
        if not self.best:
            when = (
                f"after epoch {self.done} and holds no weights yet"
                if self.done
                else "before an epoch was scored"
            )
            return f"{self.path} was stopped {when}; {again} continues it"
        return (
            f"{self.note()} (validation Dice {self.best.dice:.4f}). {again} continues it; with --finish in place "
            "of --resume it is scored and reported as it stands; predict, export and report accept it as it is"
        )


def standing(folder: RunFolder, running: bool | None = None) -> Standing:
    """Reads how far a run has come.

    Args:
        folder: the run.
        running: whether a process is training it; None: as its lock says.

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
    done = max(
        done, best.epoch if best else 0
    )  # a run may resume from a checkpoint older than the best epoch
    return Standing(folder.path, state, done, folder.recipe().training.epochs, best)


def is_running(folder: RunFolder) -> bool:
    """Returns whether a process is training this run; False if locks do not work here."""
    with suppress(NoLocks):
        return is_taken(folder.lock)
    return False
