"""Every file of a data set is opened once before training, and everything that is wrong is told together."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from isthmus.data.cases import (
    Case,
    Dataset,
    channels_elsewhere,
    check_sizes,
    load_image,
    load_mask,
    mended_headers,
)
from isthmus.data.checks.duplicates import perceptual_hash, pixel_hash
from isthmus.data.checks.fitting import common_channels, refuse_mixed_axes, refuse_unwritable
from isthmus.data.checks.problems import refuse
from isthmus.data.checks.remarks import TURNED, grids, orientations, remarks, spacings
from isthmus.data.likeness.appearance import Appearance, appearance, thickness
from isthmus.data.masks.borders import Borders, borders
from isthmus.data.masks.objects import pieces, values_in_one_piece
from isthmus.data.masks.values import MANY, Rule, ValueMap
from isthmus.errors import IsthmusError
from isthmus.io.geometry import Geometry
from isthmus.io.images import LOSSY_SUFFIXES, off_whole, told
from isthmus.io.volumes import data_files, elsewhere, geometry, in_space

LARGE = 2**24
"""Pixels of a mask, beyond which its pieces are not counted."""


@dataclass(frozen=True)
class CaseFacts:
    """What one case holds.

    Attributes:
        shape: `(channels, *spatial)` of the image.
        dtype: of the image.
        low, high: smallest and largest number in the image.
        pixels: hash of the decoded image, to find copies (`isthmus.data.checks.duplicates`).
        perceptual: hash of how the image looks, to find near-duplicates.
        sha256: of every file, by path.
        shares: of the pixels, per class (background first); they sum to 1.
        volume: whether the image is a volume, or a slice of one.
        orientation: of a volume as its file stores it, such as "RAS"; "" where that is not said.
        numbered: whether the mask holds several values, each in one piece, as object numbers do.
        elsewhere: how far the header of the mask puts it from its image, where they are volumes; "" where it does not.
        channels_elsewhere: how far a channel lies from the first, likewise.
        channels_turned: how a channel is stored that lies where the first does, in another order, as "LPS, not RAS".
        rounded: how far the values of the mask were from the whole numbers that were made of them.
        shear: by how many degrees the axes of a volume deviate from right angles, as under a tilted gantry.
        mended: by file, what was taken instead of a part of a header that says nothing of use.
        tags: the orientation tags of image and mask, which were applied.
        inverted: whether tags or palettes invert what viewers show of the image, and of the mask (which keeps its
            stored values).
        pieces: connected components of a mask that holds a single value besides 0; 1 of every other.
        borders: which values of the mask lie along borders (`isthmus.data.masks.borders`); {} where it holds two
        values. look: what the image is like; None where no pixel of it is a number.
        thickness: of what is not 0 in the mask, and of its foreground if edges are soft (`appearance.thickness`).
    """

    id: str
    shape: tuple[int, ...]
    dtype: str
    low: float
    high: float
    pixels: str
    perceptual: int
    sha256: dict[str, str]
    shares: tuple[float, ...]
    volume: bool = False
    orientation: str = ""
    numbered: bool = False
    elsewhere: str = ""
    channels_elsewhere: str = ""
    channels_turned: str = ""
    rounded: float = 0.0
    shear: float = 0.0
    mended: tuple[str, ...] = ()
    tags: tuple[int, int] = (1, 1)
    inverted: tuple[bool, bool] = (False, False)
    pieces: int = 1
    borders: Borders = field(default_factory=dict)
    look: Appearance | None = None
    thickness: tuple[float, float] = (0.0, 0.0)

    @property
    def foreground(self) -> float:
        """Share of the pixels that are not background."""
        return 1.0 - self.shares[0]


@dataclass(frozen=True)
class Bad:
    """A case that cannot be used.

    Attributes:
        kind: a name that cannot be written, a file that does not read, an image and a mask that do not fit, a mask
            value that fits no class.
    """

    case: str
    kind: Literal["name", "unreadable", "pair", "values"]
    problem: str


@dataclass(frozen=True)
class Checked:
    """A data set in which every file reads and every pair fits.

    Attributes:
        dataset: with `values` and `classes` filled in, without the bad cases.
        values: the same map, never None.
        channels: of the images; 3 where grey and colour are mixed (`load` then repeats the grey).
        cases: facts in the order of `dataset.cases`.
        bad: cases that were left out, which happens with `skip_bad` only.
    """

    dataset: Dataset
    values: ValueMap
    channels: int
    cases: tuple[CaseFacts, ...]
    bad: tuple[Bad, ...] = ()

    def summary_lines(self) -> list[str]:
        """What a run says once before it begins: how volumes lie, and masks that may number objects."""
        lies, steps = orientations(self.cases), spacings(self.dataset.cases)
        lines = [f"volumes: orientation {', '.join(lies[:4])}; {TURNED}"] if lies else []
        lines = [*self.dataset.notes, *lines]
        lines += [f"spacing: {', '.join(steps[:4])}" + ", …" * (len(steps) > 4)] if steps else []
        lines += [f"note: {remark.detail}" for remark in remarks(self.dataset, self.cases)]
        lines += [f"note: {found.said()}" for found in grids(self.cases)]
        return lines


@dataclass(frozen=True)
class Survey:
    """What one look at every file found, before anything is concluded from all of them together.

    Attributes:
        looks: the facts of each case that reads, by id (their `shares` are still empty).
        counts: values in its mask and their numbers of pixels, by id.
        bad: the cases that do not read, in the order of `dataset.cases`.
    """

    dataset: Dataset
    looks: dict[str, CaseFacts]
    counts: dict[str, dict[int, int]]
    bad: tuple[Bad, ...]


def check_dataset(
    dataset: Dataset,
    progress: Callable[[int, int], None] | None = None,
    workers: int | None = None,
    rule: Rule | None = None,
    skip_bad: bool = False,
) -> Checked:
    """Open every file once; `progress` is called with (cases done, cases).

    Where the data set does not know its mask values yet, they are inferred from all masks.

    Args:
        workers: threads; None: one per core, at most 8.
        rule: how mask values apply (`ValueMap.rule`), where the user says so; None: as they look.
        skip_bad: leave bad cases out, and say so in `Checked.bad`, as long as one is good.

    Raises:
        IsthmusError: all that is wrong (the first 20 are listed): unreadable files, sizes that differ, values
            that fit no class, NaN pixels, names that cannot be written; or masks that all hold one value, flat images
            among volumes, channels that cannot be brought together.
    """
    return conclude(survey(dataset, progress, workers), rule, skip_bad)


def conclude(found: Survey, rule: Rule | None = None, skip_bad: bool = False) -> Checked:
    """What the values in the masks mean, and whether all cases fit together; see `check_dataset`."""
    dataset, bad = found.dataset, list(found.bad)
    if not found.looks:
        refuse([one.problem for one in bad], dataset.name)
    cases = [case for case in dataset.cases if case.id in found.looks]
    try:
        refuse_mixed_axes(cases, found.looks)
        channels = common_channels(cases, found.looks)
    except IsthmusError as error:
        refuse([*(one.problem for one in bad if not skip_bad), str(error)], dataset.name)
        raise
    masks = {str(case.masks[0]): found.counts[case.id] for case in cases}
    values = dataset.values
    odd: dict[str, str] = {}
    if values is None:
        lossy = [str(c.masks[0]) for c in cases if c.masks[0].path.suffix.lower() in LOSSY_SUFFIXES]
        try:
            edges = {str(case.masks[0]): found.looks[case.id].borders for case in cases}
            values, odd = ValueMap.agree(masks, rule, lossy, edges)
        except IsthmusError as error:
            if not skip_bad:
                refuse([*(one.problem for one in bad), str(error)], dataset.name)
            raise
    elif rule not in (None, values.rule):
        values = ValueMap(values.pairs, rule)
    facts: dict[str, CaseFacts] = {}
    for case in cases:
        try:
            if str(case.masks[0]) in odd:
                raise IsthmusError(odd[str(case.masks[0])])
            shares = _shares(found.counts[case.id], values, str(case.masks[0]))
            facts[case.id] = replace(found.looks[case.id], shares=shares)
        except IsthmusError as error:
            bad.append(Bad(case.id, "values", str(error)))
    if not skip_bad or not facts:
        refuse([one.problem for one in bad], dataset.name)
    cases = [case for case in cases if case.id in facts]
    present = [i for i in range(values.classes) if any(fact.shares[i] > 0 for fact in facts.values())]
    numbered = values.rule == "objects" and any(len(counts) > 1 for counts in masks.values())
    if len(present) == 1 and not numbered:
        held = sorted(set().union(*masks.values()))
        raise IsthmusError(
            f"{dataset.name}: all {len(cases)} masks hold {', '.join(map(str, held[:8]))} only, so there is "
            f"nothing to tell apart; check {cases[0].masks[0]}"
        )
    instances = dataset.instances
    if instances is None:
        instances = values.rule == "objects" or any(len(case.masks) > 1 for case in cases)
    names = dataset.classes or values.names()
    complete = replace(dataset, cases=tuple(cases), values=values, classes=names, instances=instances)
    return Checked(complete, values, channels, tuple(facts.values()), tuple(bad))


def count_values(mask: NDArray[Any]) -> dict[int, int]:
    """Each value in a mask and its number of pixels.

    >>> count_values(np.array([[0, 255, 255]], np.uint8))
    {0: 1, 255: 2}
    """
    if mask.dtype.itemsize <= 2 and mask.dtype.kind == "u":
        counts = np.bincount(mask.ravel())
        values = np.flatnonzero(counts)
        return dict(zip(values.tolist(), counts[values].tolist(), strict=True))
    values, counts = np.unique(mask, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def counts_up(counts: Mapping[int, int]) -> bool:
    """Whether the values of a mask are 0, 1, 2, …, n: at least two, but no more than classes are.

    >>> counts_up({0: 9, 1: 3, 2: 4}), counts_up({0: 9, 255: 3})
    (True, False)
    """
    return 2 < len(counts) <= MANY and set(counts) == set(range(len(counts)))


def survey(
    dataset: Dataset, progress: Callable[[int, int], None] | None = None, workers: int | None = None
) -> Survey:
    """Open every file once, in parallel; nothing that is wrong with a case ends it.

    Raises:
        IsthmusError: a data set without a case.
    """
    if not dataset.cases:
        raise IsthmusError(f"{dataset.name}: a data set without a case; add images and their masks")
    looks: dict[str, CaseFacts] = {}
    counts: dict[str, dict[int, int]] = {}
    bad: dict[str, Bad] = {}
    hashes: dict[Path, Future[str]] = {}
    futures: dict[Future[tuple[CaseFacts, dict[int, int]] | Bad], Case] = {}
    workers = workers or min(8, os.cpu_count() or 1)
    with ThreadPoolExecutor(workers, thread_name_prefix="isthmus-check") as pool:
        try:
            for case in dataset.cases:
                futures[pool.submit(_look, case)] = case
                for source in (*case.images, *case.masks):
                    if source.path not in hashes:
                        hashes[source.path] = pool.submit(_sha256, source.path)
            for done, future in enumerate(as_completed(futures), 1):
                case, found = futures[future], future.result()
                if isinstance(found, Bad):
                    bad[case.id] = found
                else:
                    looks[case.id], counts[case.id] = found
                if progress:
                    progress(done, len(futures))
            for case in dataset.cases:
                if case.id in looks:
                    used = {str(s.path): hashes[s.path].result() for s in (*case.images, *case.masks)}
                    looks[case.id] = replace(looks[case.id], sha256=used)
        except BaseException:  # an interrupt too: do not go through ten thousand files first
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    order = [case.id for case in dataset.cases]
    return Survey(
        dataset,
        {name: looks[name] for name in order if name in looks},
        counts,
        tuple(bad[name] for name in order if name in bad),
    )


def _look(case: Case) -> tuple[CaseFacts, dict[int, int]] | Bad:
    try:
        refuse_unwritable(case.id)
    except IsthmusError as error:
        return Bad(case.id, "name", str(error))
    try:
        image, mask = load_image(case), load_mask(case)
        of_image, of_mask = told(case.images[0]), told(case.masks[0])
    except IsthmusError as error:
        return Bad(case.id, "unreadable", str(error))
    try:
        check_sizes(case, image.shape[1:], mask.shape)
        counts = count_values(mask)
        rounded = max(off_whole(source) for source in case.masks)
        if len(counts) > MANY and _is_rough(mask):
            raise IsthmusError(
                f"{case.masks[0]}: looks like an image, not like a mask, with {len(counts)} values that "
                "change from pixel to pixel; were images and masks interchanged?"
            )
    except IsthmusError as error:
        return Bad(case.id, "pair", str(error))
    place = _place(case.first)
    facts = CaseFacts(
        case.id,
        image.shape,
        str(image.dtype),
        float(image.min()),
        float(image.max()),
        pixel_hash(image),
        perceptual_hash(image),
        {},
        (),
        place is not None,
        place.orientation if place is not None and place.placed else "",
        2 < len(counts) <= MANY and values_in_one_piece(mask, counts),
        next((away for source in case.masks if (away := elsewhere(case.first, source.path))), ""),
        channels_elsewhere(case),
        _turned(case),
        rounded,
        place.shear if place is not None else 0.0,
        mended_headers(case),
        (of_image.orientation, of_mask.orientation),
        (of_image.inverted, of_mask.inverted),
        pieces(mask) if len(set(counts) - {0}) == 1 and mask.size <= LARGE else 1,
        borders(mask) if len(counts) > 2 else {},
        look=appearance(image),
        thickness=(thickness(mask), thickness(mask > max(counts) / 2) if len(counts) > 2 else 0.0),
    )
    return facts, counts


def _place(path: Path) -> Geometry | None:
    """The grid of a volume; None of a picture."""
    return geometry(path) if in_space(path) else None


def _turned(case: Case) -> str:
    """How a channel is stored whose header runs otherwise than that of the first; "" where all run alike."""
    places = [place for source in case.images if (place := _place(source.path)) and place.placed]
    stored = list(dict.fromkeys(place.orientation for place in places))
    return f"{stored[1]}, not {stored[0]}" if len(stored) > 1 else ""


def _is_rough(mask: NDArray[Any]) -> bool:
    """Whether half of all neighbours differ, as in a photograph; maps of objects are flat."""
    return mask.shape[-1] > 1 and bool((mask[..., 1:] != mask[..., :-1]).mean() > 0.5)


def _shares(counts: dict[int, int], values: ValueMap, name: str) -> tuple[float, ...]:
    values.refuse_strangers(counts, name)
    labels = values.apply(np.array(list(counts)))
    pixels = np.bincount(labels, weights=np.array(list(counts.values())), minlength=values.classes)
    return tuple((pixels / pixels.sum()).tolist())


def _sha256(path: Path) -> str:
    """Of a file; of a folder (a DICOM series) by the hashes of its files in the order of their names, and of a header
    by those of itself and the file of its voxels."""
    try:
        parts = (
            sorted(part for part in path.iterdir() if part.is_file()) if path.is_dir() else data_files(path)
        )
        if path.is_dir():
            return hashlib.sha256("".join(map(_sha256, parts)).encode()).hexdigest()
        with path.open("rb") as file:
            own = hashlib.file_digest(file, "sha256").hexdigest()
        return hashlib.sha256("".join([own, *map(_sha256, parts)]).encode()).hexdigest() if parts else own
    except OSError as error:
        raise IsthmusError(f"{path}: cannot be opened ({error.strerror}); check its permissions") from error
