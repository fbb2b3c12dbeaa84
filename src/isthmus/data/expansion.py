"""Turns a file into its cases: one image, the pages of a stack, or one image in several files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from isthmus.data.cases import Case, Dataset, Source
from isthmus.data.layouts.pairing import masks_of
from isthmus.errors import IsthmusError
from isthmus.io import tiff
from isthmus.io.formats import stem as stem_of
from isthmus.io.images import of_tiff, pages
from isthmus.io.tiff_axes import AxesError, common, image_axes, mask_axes, pair_axes
from isthmus.io.volumes import is_volume
from isthmus.io.volumes import spacing as volume_spacing

_NUMBERED = re.compile(r"[ _.-]*(?:ch|channel|tile|time|[ctzws])?[ _.-]*\d*$", re.IGNORECASE)


def expanded(
    stem: str,
    image: Path,
    mask: Path | None,
    group: str,
    problems: list[str],
    channels: int | None = None,
    axes: str = "",
    masks_alone: bool = False,
) -> list[Case]:
    """Returns one case, or one per page of a stack; an unreadable file is one case, and reading it reports why.

    Args:
        problems: gets a line for each problem.
        channels, axes: channels and axes of the run that reads the image (`isthmus.io.tiff_axes`).
        masks_alone: the file is a mask without its image.
    """
    spacing = volume_spacing(image) if is_volume(image) else None
    whole = Case(stem, (Source(image),), (Source(mask),) if mask else (), group, spacing)
    try:
        if mask:
            ours, theirs = pair_axes(image, mask, axes)
        else:
            ours, theirs = mask_axes(image) if masks_alone else image_axes(image, axes, channels), ""
        number = pages(image, ours)
        other = pages(mask, theirs) if mask else number
    except AxesError as error:
        problems.append(str(error))
        return []
    except IsthmusError:
        return [whole]
    one = replace(
        whole, images=(Source(image, axes=ours),), masks=(Source(mask, axes=theirs),) if mask else ()
    )
    if other != number:
        problems.append(
            f"{mask}: has {other} pages but its image {image} has {number}; export both in the same way"
        )
    if number == 1 or other != number:
        return [one]
    names = _page_names(stem, image, ours, number)
    return [
        replace(
            one,
            id=names[page],
            images=tuple(replace(source, page=page) for source in one.images),
            masks=tuple(replace(source, page=page) for source in one.masks),
            spacing=None,
        )
        for page in range(number)
    ]


def with_axes(dataset: Dataset) -> Dataset:
    """Returns a data set that states what the axes of its files mean."""
    axes, note = common(source for case in dataset.cases for source in case.images)
    return replace(dataset, axes=axes, notes=(*dataset.notes, note)) if axes else dataset


def sets_among(files: Mapping[str, Path]) -> dict[str, tuple[str, ...]]:
    """Returns the images that an OME header spreads over several of these files: all stems by the first one."""
    sets: dict[str, tuple[str, ...]] = {}
    taken: set[str] = set()
    for stem, path in files.items():
        if stem in taken:
            continue
        try:
            names = _files(path)
        except IsthmusError:  # reading reports why
            continue
        members = tuple(other for other, at in files.items() if at.parent == path.parent and at.name in names)
        if len(members) > 1:
            sets[stem] = members
            taken.update(members)
    return sets


def joined_files(
    stems: Sequence[str],
    images: Mapping[str, Path],
    masks: Mapping[str, Path],
    found: Mapping[str, Sequence[str]],
    problems: list[str],
    axes: str = "",
) -> tuple[list[Case], list[str]]:
    """Returns the cases of one image in several files, and the masks that they use.

    A mask of the whole has the name of one file, or the name that they share; otherwise each file has its own mask.
    """
    first = images[stems[0]]
    own = {stem: found[stem][0] for stem in stems if found.get(stem)}
    base = shared_name(stems)
    if not own and (whole := masks_of([base], sorted(masks))):
        own = {stems[0]: whole[base][0]}
    if len(own) == 1:
        (name,) = own.values()
        return expanded(base, first, masks[name], base, problems, axes=axes), [name]
    origins = tiff.origins(first, axes)
    if not own or len(own) < len(stems) or not origins or pages(first, axes) == 1:
        problems.append(
            f"{first}: one image in {len(stems)} files, of which {len(own)} have a mask; add one mask of the "
            f"whole, named {base}, or a mask of its pages for each file"
        )
        return [], list(own.values())
    cases: list[Case] = []
    stems_by_name = {images[stem].name: stem for stem in stems}
    for page, name in enumerate(origins):
        stem = stems_by_name[name]
        several = origins.count(name) > 1
        place = origins[:page].count(name)
        mask = Source(masks[own[stem]], place if several else None)
        cases.append(Case(f"{stem}-{place:03d}" if several else stem, (Source(first, page),), (mask,), base))
    return cases, list(own.values())


def shared_name(stems: Sequence[str]) -> str:
    """Returns the common part of the names of the files of one image, without what counts them.

    >>> shared_name(["a/cell_C0", "a/cell_C1"]), shared_name(["t0", "t1"])
    ('a/cell', 't0')
    """
    first, last = min(stems), max(stems)
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    common = _NUMBERED.sub("", first[:length])
    return common if common and not common.endswith("/") else stems[0]


def _page_names(stem: str, image: Path, letters: str, number: int) -> list[str]:
    """Returns the names of the pages: numbered, or those of the files of an OME set with one page each."""
    if _files(image):
        origins = tiff.origins(image, letters)
        if len(set(origins)) == number:
            return [(Path(stem).parent / stem_of(Path(name))).as_posix() for name in origins]
    digits = max(3, len(str(number - 1)))
    return [f"{stem}-{page:0{digits}d}" for page in range(number)]


def _files(path: Path) -> tuple[str, ...]:
    """Returns the names of the files that an OME header joins with this one."""
    none: tuple[str, ...] = ()
    return of_tiff(lambda: tiff.files(path), path, none)
