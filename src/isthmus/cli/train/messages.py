"""What ``isthmus train`` writes and says at the end of a run."""

from __future__ import annotations

from pathlib import Path

from isthmus.cli.progress import Display, clock
from isthmus.report import write_page
from isthmus.runs.folder import RunFolder
from isthmus.training.loop.distributed import world


def report_run(folder: RunFolder, display: Display) -> None:
    """Writes the page of a run and prints its best score."""
    if not world().first:
        return
    cost = folder.costs()
    page = write_page(folder.path, None)
    epochs = f"{cost.epochs}"
    if folder.finished_early():
        epochs = f"{folder.recipe().training.epochs}, finished early after epoch {cost.epochs}"
    display.say(
        f"{folder.path}: Dice {cost.best_validation_dice:.4f} on the held-out cases (epoch "
        f"{cost.best_epoch} of {epochs}), {clock(cost.training_seconds)}; see {page}"
    )


def report_folds(out: Path, display: Display) -> None:
    """Writes the page of all folds together."""
    if world().first:
        display.say(f"all folds together: {write_page(out, None)}")
