"""Lists the images below a folder, through links, without files of other programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from isthmus.data.layouts.pairing import same_letters
from isthmus.io import volumes as volume_files
from isthmus.io.images import IMAGE_SUFFIXES, LOSSY_SUFFIXES

_MASK_OF_JPEG = (".png", ".bmp")
READ = ", ".join(IMAGE_SUFFIXES)
_BYSTANDERS = (
    *(".txt", ".md", ".csv", ".json", ".xml", ".yaml", ".yml", ".html", ".pdf", ".ini", ".db", ".log"),
)
_PASSED = (".zip", ".roi", ".npz", ".pkl", ".mat", ".ilp", ".qpdata", ".qpproj", ".geojson", ".ome")
"""Files that annotation programs write beside images: skipped with a note."""

_CELLPOSE = ("_seg.npy", "_flows.tif", "_flows.tiff", "_flows.png", "_outlines.png")
"""The same by the end of the name."""


def files_in(
    folder: Path, problems: list[str], notes: list[str] | None = None, *, beside: bool = False
) -> dict[str, Path]:
    """Images below a folder, sorted, by relative path without suffix; what is wrong goes to `problems`, what is passed
    over to `notes`. Where masks lie `beside` their images, a PNG or BMP that has the name of a JPEG is its mask, and
    keeps its suffix."""
    found: dict[str, Path] = {}
    passed: list[Path] = []
    series: set[Path] = set()  # folders with the slices of a DICOM series, each one image
    paths = list(below(folder, problems))
    detached = {
        file for path in paths for file in volume_files.data_files(path)
    }  # the voxels of a header beside them
    for path in paths:
        relative = PurePosixPath(same_letters(path.relative_to(folder).as_posix()))
        if path.is_dir() and volume_files.is_volume(path):
            found[relative.as_posix()] = path
            series.add(path)
        suffix = volume_files.suffix(path)
        if suffix in _BYSTANDERS or path.parent in series or path in detached:
            continue
        if path.is_symlink() and not path.exists():
            problems.append(
                f"{path}: a link to {path.readlink()}, which does not exist; mend it or remove it"
            )
        if not path.is_file():
            continue
        stem = (relative.parent / volume_files.stem(relative)).as_posix()
        if suffix in _PASSED or path.name.lower().endswith(_CELLPOSE):
            passed.append(path)
        elif suffix not in IMAGE_SUFFIXES and not volume_files.is_volume(path):
            problems.append(f"{path}: no image format that is read ({READ}); convert it or move it away")
        elif beside and _photo_and_mask(found.get(stem), path):
            photo, mask = sorted((found[stem], path), key=lambda file: file.suffix.lower() in _MASK_OF_JPEG)
            found[stem], found[f"{stem}{mask.suffix.lower()}"] = photo, mask
        elif stem in found:
            problems.append(f"{path}: has the same name as {found[stem].name}; rename one or move it away")
        else:
            found[stem] = path
    if notes is not None and passed:
        kinds = Counter("".join(path.suffixes[-1:]).lower() for path in passed)
        kind = ", ".join(f"{n} {suffix}" for suffix, n in kinds.most_common())
        notes.append(f"{folder}: files that are not images are skipped: {kind}, such as {passed[0].name}")
    return found


def _photo_and_mask(one: Path | None, other: Path) -> bool:
    kinds = {file.suffix.lower() for file in (one, other) if file is not None}
    return len(kinds & set(LOSSY_SUFFIXES)) == 1 == len(kinds & set(_MASK_OF_JPEG))


def below(folder: Path, problems: list[str], above: Sequence[Path] = ()) -> Iterator[Path]:
    """All files and folders below a folder, sorted, through links; neither hidden ones nor what macOS leaves in
    archives. A link back to a folder that it lies in is not entered."""
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
