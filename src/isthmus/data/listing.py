"""Lists the images below a folder, through links, without the files of other programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from isthmus.data.layouts.pairing import same_letters
from isthmus.io.formats import FORMATS, is_lossy, stem, suffix
from isthmus.io.volumes import data_files, is_volume

_MASK_OF_JPEG = (".png", ".bmp")
_BYSTANDERS = (
    *(".txt", ".md", ".csv", ".json", ".xml", ".yaml", ".yml", ".html", ".pdf", ".ini", ".db", ".log"),
)
_SKIPPED = (".zip", ".roi", ".npz", ".pkl", ".mat", ".ilp", ".qpdata", ".qpproj", ".geojson", ".ome")
"""Files that annotation programs write beside images: skipped with a note, unless a format reads them."""

_CELLPOSE = ("_seg.npy", "_flows.tif", "_flows.tiff", "_flows.png", "_outlines.png")
"""Ends of the names of further such files."""


def readable() -> str:
    """Returns the suffixes of all file formats that are read."""
    return ", ".join(FORMATS)


def files_in(
    folder: Path, problems: list[str], notes: list[str] | None = None, *, beside: bool = False
) -> dict[str, Path]:
    """Returns the images below a folder, sorted, by relative path without suffix.

    Args:
        problems: gets a line for each file that cannot be used.
        notes: gets a line about files that are skipped.
        beside: masks lie beside their images; a PNG or BMP with the name of a JPEG is its mask, and keeps its suffix.
    """
    found: dict[str, Path] = {}
    skipped: list[Path] = []
    series: set[Path] = set()  # folders with the slices of a DICOM series, each one image
    paths = list(below(folder, problems))
    detached = {file for path in paths for file in data_files(path)}  # voxels that belong to a header
    for path in paths:
        relative = PurePosixPath(same_letters(path.relative_to(folder).as_posix()))
        if path.is_dir() and is_volume(path):
            found[relative.as_posix()] = path
            series.add(path)
        ending = suffix(path)
        if ending in _BYSTANDERS or path.parent in series or path in detached:
            continue
        if path.is_symlink() and not path.exists():
            problems.append(f"{path}: a link to {path.readlink()}, which does not exist; fix it or remove it")
        if not path.is_file():
            continue
        name = (relative.parent / stem(relative)).as_posix()
        known = ending in FORMATS
        if path.name.lower().endswith(_CELLPOSE) or (ending in _SKIPPED and not known):
            skipped.append(path)
        elif not known and not is_volume(path):
            problems.append(
                f"{path}: not an image format that is read ({readable()}); convert it or move it away"
            )
        elif beside and _photo_and_mask(found.get(name), path):
            photo, mask = sorted((found[name], path), key=lambda file: file.suffix.lower() in _MASK_OF_JPEG)
            found[name], found[f"{name}{mask.suffix.lower()}"] = photo, mask
        elif name in found:
            problems.append(f"{path}: has the same name as {found[name].name}; rename one or move it away")
        else:
            found[name] = path
    if notes is not None and skipped:
        kinds = Counter("".join(path.suffixes[-1:]).lower() for path in skipped)
        kind = ", ".join(f"{n} {ending}" for ending, n in kinds.most_common())
        notes.append(f"{folder}: files that are not images are skipped: {kind}, such as {skipped[0].name}")
    return found


def _photo_and_mask(one: Path | None, other: Path) -> bool:
    """Returns whether one of two files is a JPEG and the other may be its mask."""
    files = [file for file in (one, other) if file is not None]
    masks = {file.suffix.lower() for file in files} & set(_MASK_OF_JPEG)
    return sum(map(is_lossy, files)) == 1 == len(masks)


def below(folder: Path, problems: list[str], above: Sequence[Path] = ()) -> Iterator[Path]:
    """Yields all files and folders below a folder, sorted, through links, but not hidden ones or macOS leftovers.

    A link back to a folder that contains it is not entered.
    """
    try:
        inside = sorted(folder.iterdir())
    except OSError as error:
        problems.append(f"{folder}: cannot be opened ({error.strerror}); check its permissions")
        return
    chain = [*above, folder.resolve()]
    for path in inside:
        if path.name.startswith((".", "__MACOSX")):
            continue
        yield path
        if path.is_dir() and not any(folder.is_relative_to(path.resolve()) for folder in chain):
            yield from below(path, problems, chain)
