"""Saves and loads all that a run needs to be resumed, in one file that is replaced as a whole."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from isthmus.errors import IsthmusError
from isthmus.runs.files import atomic_path


def save(path: Path, state: dict[str, Any]) -> None:
    """Replaces the checkpoint; if the process is killed meanwhile, the old one remains."""
    with atomic_path(path) as aside:
        try:
            torch.save(state, aside)
        except RuntimeError as error:  # how the framework reports a write that failed
            raise OSError(str(error).partition("\n")[0]) from error


def load(path: Path) -> dict[str, Any]:
    """Reads a checkpoint, which holds tensors and plain values only; nothing in it is executed.

    Raises:
        IsthmusError: the file is damaged.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        line = str(error).partition("\n")[0]
        raise IsthmusError(
            f"{path} is not a readable checkpoint ({line}); delete it to train from the start"
        ) from error
    return state
