"""Decides what a command may replace: its own output; other files with ``--overwrite``; never a file of the data."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from isthmus.errors import IsthmusError

OVERWRITE = "choose another place with --out, or replace it with --overwrite"


class Guard:
    """Protects the files of the data, and files that other programs wrote.

    Args:
        data: files and folders that are read; no file in such a folder is replaced.
        overwrite: whether the user allows other files to be replaced.
    """

    def __init__(self, data: Iterable[Path] = (), overwrite: bool = False) -> None:
        self.overwrite = overwrite
        self._folders: list[Path] = []
        self._files: set[Path] = set()
        self._places: set[tuple[int, int]] = set()
        for path in data:
            if path.is_dir():
                self._folders.append(path.resolve())
            else:
                self._files.add(path.resolve())
                self._places |= _place(path)

    def refuse(
        self,
        target: Path,
        ours: Callable[[Path], bool] | None = None,
        kind: str = "",
        instead: str = OVERWRITE,
    ) -> None:
        """Refuses to replace a file that this command did not write.

        Args:
            ours: tells from the content of the file whether this command wrote it.
            kind: a suffix of files that never hold data, and may also be replaced in folders of the data.
            instead: advice about an existing file.

        Raises:
            IsthmusError: the target is a folder, a file of the data, or an existing file that may not be replaced.
        """
        if not os.path.lexists(target):
            return
        if target.is_dir():
            raise IsthmusError(f"{target} is a folder; give a file")
        if self._is_data(target, kind):
            raise IsthmusError(
                f"{target} is one of the images or other files of the data; choose another place, originals are never "
                "replaced"
            )
        if not self.overwrite and (ours is None or not ours(target)):
            raise IsthmusError(f"{target} exists already; {instead}")

    def _is_data(self, target: Path, kind: str) -> bool:
        real = target.resolve()
        if real in self._files or self._places & _place(target):
            return True
        free = bool(kind) and target.suffix.lower() == kind
        return not free and any(real.is_relative_to(folder) for folder in self._folders)


def refuse_below_a_file(out: Path) -> None:
    """Refuses a folder to write to that is a file, or lies below one.

    Raises:
        IsthmusError: it cannot be a folder.
    """
    nearest = next(path for path in (out, *out.absolute().parents) if path.exists())
    if not nearest.is_dir():
        raise IsthmusError(f"{nearest} is a file; give a folder to write to")


def _place(path: Path) -> set[tuple[int, int]]:
    """Returns what identifies a file on its disk under any name; empty if the system cannot tell."""
    with suppress(OSError):
        status = path.stat()
        if status.st_ino:
            return {(status.st_dev, status.st_ino)}
    return set()
