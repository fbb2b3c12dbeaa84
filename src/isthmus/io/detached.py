"""Finds the voxels of a header in a separate file, in the header's folder only."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

from isthmus.errors import IsthmusError


def beside(header: Path, name: str) -> Path:
    """Returns the file that a header names, in the folder of the header or below it.

    Raises:
        IsthmusError: the name leads out of the folder, as text or by a link; it names several files, or none that
            exists.
    """
    if name.split()[:1] in (["LIST"], ["LIST:"]) or "%" in name:
        raise IsthmusError(f"{header}: its voxels lie in several files ({name}); save it as one file")
    parts = PureWindowsPath(name).parts  # splits at / and at \
    absolute = PurePosixPath(name).is_absolute() or PureWindowsPath(name).anchor
    path = header.parent.joinpath(*parts) if not absolute else header
    folders = (header.parent.resolve(), header.resolve().parent)
    inside = any(path.resolve().is_relative_to(folder) for folder in folders)
    if absolute or ".." in parts or not inside:
        raise IsthmusError(
            f"{header}: names voxels outside its own folder ({name}), which are not read; put them beside it"
        )
    if not path.is_file():
        raise IsthmusError(f"{header}: its voxels are missing, there is no file {path}; copy it here too")
    if path.resolve() == header.resolve():
        raise IsthmusError(f"{header}: names itself as the file of its voxels; save it as one file")
    return path
