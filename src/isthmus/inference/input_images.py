"""Finds the images to process, and words the message for one that fails, which does not stop the others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from isthmus.data.cases import Case, clashes
from isthmus.data.checks.problems import collecting, refuse
from isthmus.data.new_images import images_in
from isthmus.errors import IsthmusError
from isthmus.memory import is_shortage
from isthmus.runs.recipe import Data


def images_given(paths: Sequence[Path], about: Data) -> tuple[Sequence[Case], list[str]]:
    """Returns the images, and what is wrong with files beside them.

    Args:
        paths: files and folders.
        about: channels and axes of the training images.

    Raises:
        IsthmusError: a path that does not exist, no image at all, two images of one name.
    """
    absent = [f"{path}: no such file or folder" for path in paths if not path.exists()]
    refuse(absent, "the images")
    with collecting() as problems:
        cases = images_in(paths, about.channels, about.axes)
    same = clashes(cases)
    refuse(problems if not cases else same, "the images")
    return cases, problems


def failure(case: Case, error: Exception) -> str:
    """Returns a line that says which image failed, and why."""
    if isinstance(error, IsthmusError):
        text = str(error)
    elif is_shortage(error):
        text = "not enough memory; cut it into parts"
    else:
        text = f"failed ({type(error).__name__}: {(str(error).splitlines() or [''])[0]})"
    name = str(case.images[0])
    return text if name in text else f"{name}: {text}"
