"""Writes what an epoch leaves behind: the best weights, the history and the checkpoint."""

from __future__ import annotations

import math
import time
from contextlib import suppress

from isthmus.errors import IsthmusError
from isthmus.runs.files import write_csv
from isthmus.runs.folder import HISTORY_COLUMNS, RunFolder
from isthmus.runs.recipe import Recipe
from isthmus.training.loop.state import State

SHARE_WRITING = 0.02
"""Share of the time that may go into checkpoints."""


class Saving:
    """Writes the best weights and the history at once, and the checkpoint as often as its share of the time allows.

    The weights that are kept may then be ahead of the checkpoint. Training that is resumed from it reaches them again,
    and leaves the later ones in place until then.

    Args:
        folder: folder of the run.
        recipe: recipe of the run.
        state: what is saved, as it was when training began or was resumed.
        writes: False for all but one of several processes that train together.
    """

    def __init__(self, folder: RunFolder, recipe: Recipe, state: State, writes: bool = True) -> None:
        self.folder, self.recipe, self.state, self.writes = folder, recipe, state, writes
        self.started = time.perf_counter() - state.progress.seconds
        self.epoch = state.progress.epoch  # of the checkpoint
        self._saved, self._write_seconds = -math.inf, 0.0
        self._ahead = None
        with suppress(IsthmusError):  # what cannot be read is written again
            self._ahead = folder.best()
        if writes and state.progress.best_state and not folder.weights.is_file():  # of an earlier version
            self._save_best()

    def after_epoch(self, is_kept: bool, stops: bool) -> None:
        """Writes whatever is due after this epoch.

        Args:
            is_kept: whether the weights of this epoch are kept.
            stops: whether training stops after it.
        """
        if not self.writes:
            return
        progress = self.state.progress
        self._write_history()  # first: readers of the weights read it, too
        if is_kept and not self._later_are_there():
            self._save_best()
        now = time.perf_counter()
        is_last = stops or progress.epoch == self.recipe.training.epochs
        if is_last or (now - self._saved) * SHARE_WRITING >= self._write_seconds:
            progress.seconds = now - self.started
            self.state.save(self.folder, self.recipe)
            self.epoch, self._saved = progress.epoch, time.perf_counter()
            self._write_seconds = self._saved - now

    def finish(self) -> None:
        """Updates the history and the seconds when training is over."""
        self.state.progress.seconds = time.perf_counter() - self.started
        if self.writes:  # a kill may have come before the last row was written
            self._write_history()

    def _write_history(self) -> None:
        history = self.state.progress.history
        names = [name for name in HISTORY_COLUMNS if not history or any(name in epoch for epoch in history)]
        write_csv(self.folder.history, history, names)

    def _later_are_there(self) -> bool:
        return self._ahead is not None and self._ahead.epoch > self.state.progress.best_epoch

    def _save_best(self) -> None:
        progress = self.state.progress
        self.folder.save_network(self.recipe.network, progress.best_state, progress.which())
