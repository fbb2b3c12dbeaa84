"""Measures the objects in masks on disk or in memory."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, TypeAlias

import numpy as np

from isthmus.data.cases import Dataset
from isthmus.errors import IsthmusError, counted, few
from isthmus.evaluation.options import named_values
from isthmus.evaluation.survey import for_each
from isthmus.measurement.columns import extent, in_order, joined, measured, summary
from isthmus.measurement.objects import MaskFacts, Objects, Reading, decide
from isthmus.measurement.options import MeasureOptions
from isthmus.measurement.regions import Columns
from isthmus.measurement.result import Measurements
from isthmus.measurement.subjects import Subject, from_arrays, from_files
from isthmus.watch import Silent, Watch

Masks: TypeAlias = Any
"""A path, a mask `(*spatial)` of booleans or integers, or such masks by name."""


@dataclass(frozen=True)
class _Measured:
    """The objects of one image by column, and its rows in the table of images."""

    objects: Columns
    images: list[dict[str, Any]]


def measure(
    masks: Masks,
    images: Any = None,
    options: MeasureOptions | None = None,
    watch: Watch | None = None,
    accept: Callable[[Sequence[str]], None] = lambda _: None,
) -> Measurements:
    """Measures the objects in masks, and the intensities of images in them.

    Args:
        masks: a folder of masks, a mask file, or a data set (a folder of images and masks, or a CSV); or a mask
            `(height, width)` or `(depth, height, width)` of booleans or integers, or such masks by name.
        images: the folder of their images, or an image file; or an image `(*spatial)` or `(channels, *spatial)`, or
            images by name. None: those of the data set, else intensities are left out.
        options: None: the defaults.
        watch: receives the progress.
        accept: is given the names of the images before anything is measured, and may raise an error.

    Raises:
        IsthmusError: masks without an image among others with one, images and masks of different sizes, a mask in
            colours, unreadable files; all masks with problems are reported together.
    """
    options, watch = options or MeasureOptions(), watch or Silent()
    subjects, dataset = _subjects(masks, images, options, watch)
    accept([subject.name for subject in subjects])
    for line in _told(note for subject in subjects for note in subject.notes):
        watch.say(line)
    watch.stage("reading masks", len(subjects))
    facts = list(for_each(lambda one: MaskFacts.of(one.mask()), subjects, watch))
    reading = _reading(subjects, facts, dataset, options)
    for line in reading.notes:
        watch.say(line)
    total = _count(subjects, facts, reading, watch)
    found = _measure_all(subjects, reading, options, total, watch)
    names = in_order((name for one in found for name in one.objects), options.unit)
    result = Measurements(
        objects=joined([one.objects for one in found], names),
        images=[row for one in found for row in one.images],
        classes=reading.names,
        unit=options.unit,
        subjects={subject.name: subject for subject in subjects},
        find=lambda subject: reading.find(subject.mask(), subject.where),
        sources=paths_among(masks, images),
        only=reading.only,
    )
    for line in _remarks(result):
        watch.say(line)
    return result


def paths_among(*given: Any) -> list[Path]:
    """Returns what is given as a path, not as an array."""
    return [Path(each) for each in given if isinstance(each, Path | str)]


def _subjects(
    masks: Masks, images: Any, options: MeasureOptions, watch: Watch
) -> tuple[list[Subject], Dataset | None]:
    paths = [isinstance(each, Path | str) for each in (masks, images) if each is not None]
    if all(paths):
        return from_files(Path(masks), None if images is None else Path(images), options, watch)
    if any(paths):
        raise IsthmusError("masks and images are both paths or both arrays; give one or the other")
    if isinstance(masks, Mapping):
        return from_arrays(masks, images), None
    return from_arrays({"image": masks}, None if images is None else {"image": images}), None


def _reading(
    subjects: Sequence[Subject], facts: Sequence[MaskFacts], dataset: Dataset | None, options: MeasureOptions
) -> Reading:
    """Decides what the values of masks mean."""
    if any(subject.by_file for subject in subjects):
        return Reading(None, strict=True, notes=("a file for each object",))
    values, names = dataset.values if dataset else None, dataset.classes if dataset else ()
    if options.classes is not None:
        values, names = named_values(options.classes)
    return decide(
        {subject.where: each for subject, each in zip(subjects, facts, strict=True)},
        instances=options.instances,
        values=values,
        names=names,
        lossy=[subject.where for subject in subjects if subject.lossy],
    )


def _count(subjects: Sequence[Subject], facts: Sequence[MaskFacts], reading: Reading, watch: Watch) -> int:
    """Returns the number of all objects; masks whose values do not tell it are read again."""
    known = [reading.number(each) for each in facts]
    left = [subject for subject, number in zip(subjects, known, strict=True) if number is None]
    if left:
        watch.stage("finding objects", len(left))
        known += for_each(lambda one: len(reading.find(one.mask(), one.where)), left, watch)
    return sum(number or 0 for number in known)


def _measure_all(
    subjects: Sequence[Subject], reading: Reading, options: MeasureOptions, total: int, watch: Watch
) -> list[_Measured]:
    """Measures `total` objects, which are the steps of the progress, as a single image may take long."""
    watch.stage("measuring objects", total)
    one_at_a_time = Lock()

    def advance() -> None:
        with one_at_a_time:
            watch.advance()

    return list(for_each(lambda one: _measure(one, reading, options, advance), subjects, Silent()))


def _measure(
    subject: Subject, reading: Reading, options: MeasureOptions, advance: Callable[[], None]
) -> _Measured:
    mask = subject.mask()
    size = options.size_of(subject.pixel_size, mask.ndim, subject.where)
    objects = reading.find(mask, subject.where)
    image = None if subject.image is None else subject.image(mask.shape)
    found: Columns = {
        "image": np.full(len(objects), subject.name, object),
        "number": objects.numbers,
    }
    if reading.names:
        found["class"] = np.array(reading.names, object)[objects.classes - 1]
    found |= measured(objects, image, size, options.unit, advance)
    rows = [
        _image_row(subject.name, objects, found, of_class, size, options.unit)
        for of_class in (enumerate(reading.names, 1) if reading.names else [(0, "")])
    ]
    return _Measured(found, rows)


def _image_row(
    name: str,
    objects: Objects,
    columns: Columns,
    of_class: tuple[int, str],
    size: Sequence[float] | None,
    unit: str,
) -> dict[str, Any]:
    """Returns the row of an image, or of a class in it, in the table of images."""
    index, class_name = of_class
    chosen = objects.classes == index if index else np.ones(len(objects), bool)
    ours = {name: values[chosen] for name, values in columns.items()}
    areas = extent(columns)
    shape = objects.labels.shape
    sides = dict(zip(("width", "height", "depth"), reversed(shape), strict=False))
    steps = dict(zip("xyz", reversed(size or ()), strict=False))
    return {
        "image": name,
        **({"class": class_name} if index else {}),
        "objects": int(chosen.sum()),
        "touching_border": int(ours["touches_border"].sum()),
        "covered_share": float(ours[areas[0]].sum()) / math.prod(shape),
        **summary(ours, areas),
        **{f"{side}_px": length for side, length in sides.items()},
        **{f"pixel_size_{axis}_{unit}": step for axis, step in steps.items()},
    }


def _told(notes: Iterable[str]) -> Iterator[str]:
    """Yields a line for each note, with the first files where many have the same."""
    by_text: dict[str, list[str]] = {}
    for note in notes:
        where, _, text = note.partition(": ")
        by_text.setdefault(text, []).append(where)
    for text, places in by_text.items():
        yield f"{few(places, 3)}: {text}"


def _remarks(found: Measurements) -> Iterator[str]:
    """Yields lines about images whose pixels have no known size, and about masks without an object."""
    key = f"pixel_size_x_{found.unit}"
    images = {row["image"]: row for row in found.images}
    unsized = [name for name, row in images.items() if key not in row]
    what = "µm" if found.unit == "um" else found.unit
    if len(unsized) == len(images):
        yield f"no file states the size of a pixel: lengths are in pixels (--pixel-size gives it, in {what})"
    elif unsized:
        yield f"{len(unsized)} of {counted(len(images), 'image')} state no size of a pixel: {few(unsized)}"
    if not len(found):
        yield "no mask holds an object: the table of objects is empty"
