"""What is measured: masks on disk or in memory, each with its image if there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.data.cases import Case, Dataset, Source, check_sizes, load_image
from isthmus.data.checks.problems import refuse
from isthmus.data.expansion import expanded
from isthmus.data.masks.objects import stack
from isthmus.data.new_images import images_in
from isthmus.data.sources import open_dataset
from isthmus.errors import IsthmusError, few
from isthmus.evaluation.mask_pairs import BESIDE, matched_names, true_masks
from isthmus.io import tiff
from isthmus.io.formats import is_lossy
from isthmus.io.formats import stem as file_stem
from isthmus.io.images import of_tiff, pixel_size, read_mask
from isthmus.io.resolution import PixelSize
from isthmus.io.tiff_axes import as_axes, pair_axes
from isthmus.io.volumes import in_space, is_volume, unit
from isthmus.measurement.options import MeasureOptions
from isthmus.metrics.input_checks import as_mask
from isthmus.watch import Watch


@dataclass(frozen=True)
class Subject:
    """A mask to measure.

    Attributes:
        name: of the image, unique.
        where: the file of the mask, for messages.
        mask: returns the values `(*spatial)`, of two or three axes.
        image: returns `(channels, *spatial)` for the shape of the mask, or refuses it; None: there is no image.
        pixel_size: what its files state, in micrometres; None: nothing.
        lossy: whether the mask is a JPEG.
        source: the file of the image, or else of the mask; None: an array.
        by_file: whether each object has a file of its own, and the values number these.
        notes: lines to tell the user.
    """

    name: str
    where: str
    mask: Callable[[], NDArray[Any]]
    image: Callable[[tuple[int, ...]], NDArray[Any]] | None = None
    pixel_size: PixelSize | None = None
    lossy: bool = False
    source: Source | None = None
    by_file: bool = False
    notes: tuple[str, ...] = ()


def from_arrays(masks: Mapping[str, Any], images: Mapping[str, Any] | None) -> list[Subject]:
    """Returns masks in memory, and their images `(*spatial)` or `(channels, *spatial)` by the same names.

    Raises:
        IsthmusError: arrays that are no masks, or that do not fit together.
    """
    lacking = [name for name in masks if images is not None and name not in images]
    if lacking:
        raise IsthmusError(f"no image is given for the masks {few(lacking)}; give one for each, or none")
    found = []
    for name, values in masks.items():
        mask = as_mask(values, f"the mask '{name}'")
        if mask.ndim not in (2, 3):
            raise IsthmusError(
                f"the mask '{name}' has shape {mask.shape}; give (height, width) or (depth, height, width)"
            )
        mask = mask.astype(np.uint8) if mask.dtype == bool else mask
        image = None if images is None else np.asarray(images[name])
        if image is not None and mask.shape not in (image.shape, image.shape[1:]):
            raise IsthmusError(
                f"the mask '{name}' has shape {mask.shape} and its image {image.shape}; give an image of that shape, "
                "or with its channels in front"
            )
        channels = image[None] if image is not None and image.ndim == mask.ndim else image
        found.append(
            Subject(
                name,
                f"the mask '{name}'",
                lambda mask=mask: mask,  # type: ignore[misc]
                None if channels is None else lambda _, channels=channels: channels,  # type: ignore[misc]
            )
        )
    return found


def from_files(
    masks: Path, images: Path | None, options: MeasureOptions, watch: Watch
) -> tuple[list[Subject], Dataset]:
    """Returns the masks in a file, a folder or a data set, and what is known of their values.

    Args:
        masks: a mask, a folder of masks, or a data set: a folder of images and masks, or a CSV.
        images: the folder of their images, or an image; None: those of the data set, if it is one.
        options: how files are read.
        watch: receives notes on images and masks that are left out.

    Raises:
        IsthmusError: files that cannot be read, or that do not match.
    """
    dataset = _masks(masks, options.axes)
    cases = [case for case in dataset.cases if case.images or not case.id.startswith(BESIDE)]
    for line in dataset.notes:
        watch.say(line)
    if images is not None:
        found = images_in(images, axes=options.axes)
        cases = _with_images(cases, found, (masks, images), options, watch)
    return [_subject(case) for case in _stacked(cases, options.stacks)], dataset


def _masks(path: Path, axes: str | None) -> Dataset:
    if not path.exists():
        raise IsthmusError(f"{path}: no such file or folder; give masks")
    if path.is_file() and path.suffix.lower() == ".csv":
        return open_dataset(str(path), None, axes)
    if path.is_dir() and not is_volume(path):
        return true_masks(path, str(path), None, axes)
    problems: list[str] = []
    name = path.name if path.is_dir() else file_stem(path)
    cases = expanded(name, path, None, name, problems, masks_alone=True)
    refuse(problems, path)
    return Dataset(name, tuple(replace(case, images=(), masks=case.images) for case in cases))


def _with_images(
    cases: Sequence[Case],
    found: Sequence[Case],
    paths: tuple[Path, Path],
    options: MeasureOptions,
    watch: Watch,
) -> list[Case]:
    """Returns the cases of masks with their images, which match by name; two files match by any name."""
    by_name = {case.id: case.images for case in found}
    if len(cases) == len(found) and paths[0].is_file() and paths[1].is_file():
        return [replace(ours, images=theirs.images) for ours, theirs in zip(cases, found, strict=True)]
    names = matched_names([case.id for case in cases], list(by_name), paths[0])
    images = {mask: by_name[image] for mask, image in names.items()}
    # pages that are the channels of one image with a single mask
    whole = {case.group: case.images[0] for case in found if case.images[0].page is not None}
    left = {case.id: case for case in cases if case.id not in images}
    pages = matched_names(list(left), list(whole), paths[0])
    for mask, image in pages.items():
        letters, _ = pair_axes(whole[image].path, left[mask].masks[0].path, as_axes(options.axes))
        images[mask] = (Source(whole[image].path, axes=letters),)
    _report(cases, images, list(by_name), paths, options.partial, watch)
    used = {source for sources in images.values() for source in sources}
    extra = [case.id for case in found if case.images[0] not in used and case.group not in pages.values()]
    if extra:
        watch.say(f"images without a mask are left out: {few(extra)}")
    unlike = [f"{mask} and {image}" for mask, image in names.items() if mask != image]
    if unlike:
        watch.say(f"masks were matched with images although their names differ: {few(unlike)}")
    return [replace(case, images=images.get(case.id, ())) for case in cases]


def _report(
    cases: Sequence[Case],
    images: Mapping[str, object],
    found: Sequence[str],
    paths: tuple[Path, Path],
    partial: bool,
    watch: Watch,
) -> None:
    """Says which masks have no image."""
    lacking = [case.id for case in cases if case.id not in images]
    if not images:
        raise IsthmusError(
            f"no image in {paths[1]} ({few(found, 2)}) has the name of a mask in {paths[0]} ({few(lacking, 2)}); masks "
            "are matched by file name"
        )
    if lacking and not partial:
        raise IsthmusError(
            f"{len(lacking)} of {len(cases)} masks have no image in {paths[1]}: {few(lacking)}; add the images, or "
            "measure these masks without intensities with --partial"
        )
    if lacking:
        watch.say(f"{len(lacking)} of {len(cases)} masks have no image and no intensities: {few(lacking)}")


def _stacked(cases: Sequence[Case], stacks: bool | None) -> Iterator[Case]:
    """Yields cases with the pages of a stack as one volume, where they are its slices."""
    for path, group in groupby(cases, key=lambda case: case.masks[0].path):
        pages = list(group)
        paged = len(pages) > 1 and all(len(case.masks) == 1 for case in pages)
        if not paged or not (_names_slices(path) if stacks is None else stacks):
            yield from pages
            continue
        first = pages[0]
        yield replace(
            first,
            id=first.id.rpartition("-")[0] or first.group,
            images=tuple(replace(source, page=None) for source in first.images),
            masks=tuple(replace(source, page=None) for source in first.masks),
        )


def _names_slices(path: Path) -> bool:
    """Returns whether a TIFF calls its pages slices (an axis Z)."""
    none: list[tuple[str, tuple[int, ...]]] = []
    arrays = of_tiff(lambda: tiff.named(path), path, none)
    return len(arrays) == 1 and sorted(arrays[0][0]) == ["X", "Y", "Z"]


def _subject(case: Case) -> Subject:
    source = case.oriented(case.masks[0])
    own = pixel_size(source)
    stated = pixel_size(case.images[0]) if case.images else None
    notes: list[str] = []
    if own and stated and not np.allclose(own, stated, rtol=1e-3):
        notes.append(
            f"{source}: states pixels of {_text(own)} µm, but its image {_text(stated)}, which is taken"
        )
    if stated or own:
        path = (case.images or case.masks)[0].path
        if in_space(path) and not unit(path):
            notes.append(f"{path}: states no unit for the size of its voxels; millimetres are assumed")

    def mask() -> NDArray[Any]:
        if len(case.masks) > 1:
            return stack((read_mask(case.oriented(each)) != 0 for each in case.masks), str(source))
        return read_mask(source)

    def image(shape: tuple[int, ...]) -> NDArray[Any]:
        pixels = load_image(case)
        check_sizes(case, pixels.shape[1:], shape)
        return pixels

    return Subject(
        case.id,
        str(case.masks[0]),
        mask,
        image if case.images else None,
        stated or own,
        is_lossy(source.path),
        (case.images or case.masks)[0],
        len(case.masks) > 1,
        tuple(notes),
    )


def _text(size: PixelSize) -> str:
    return " x ".join(f"{step:g}" for step in reversed(size))
