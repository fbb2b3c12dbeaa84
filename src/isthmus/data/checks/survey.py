"""Opens every file of a data set once, and collects what each case holds and what does not read."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

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
from isthmus.data.checks.facts import Bad, CaseFacts
from isthmus.data.checks.fitting import refuse_unwritable
from isthmus.data.likeness.appearance import appearance, thickness
from isthmus.data.masks.borders import borders
from isthmus.data.masks.objects import pieces, values_in_one_piece
from isthmus.data.masks.values import MANY
from isthmus.errors import IsthmusError
from isthmus.io.geometry import Geometry
from isthmus.io.images import read_header, rounding_error
from isthmus.io.volumes import data_files, elsewhere, geometry, in_space

LARGE = 2**24
"""Number of pixels of a mask beyond which its pieces are not counted."""


@dataclass(frozen=True)
class Survey:
    """What opening every file once found, before conclusions are drawn from all files together.

    Attributes:
        facts: facts of each case that can be read, by id (their `shares` are still empty).
        counts: the values in the mask and their numbers of pixels, by id.
        bad: the cases that cannot be read, in the order of `dataset.cases`.
    """

    dataset: Dataset
    facts: dict[str, CaseFacts]
    counts: dict[str, dict[int, int]]
    bad: tuple[Bad, ...]


def survey(
    dataset: Dataset, progress: Callable[[int, int], None] | None = None, workers: int | None = None
) -> Survey:
    """Opens every file once, in parallel; a faulty case does not stop it.

    Raises:
        IsthmusError: the data set has no case.
    """
    if not dataset.cases:
        raise IsthmusError(f"{dataset.name}: a data set without cases; add images and their masks")
    facts: dict[str, CaseFacts] = {}
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
                    facts[case.id], counts[case.id] = found
                if progress:
                    progress(done, len(futures))
            for case in dataset.cases:
                if case.id in facts:
                    used = {str(s.path): hashes[s.path].result() for s in (*case.images, *case.masks)}
                    facts[case.id] = replace(facts[case.id], sha256=used)
        except BaseException:  # including an interrupt: do not open the remaining files first
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    order = [case.id for case in dataset.cases]
    return Survey(
        dataset,
        {name: facts[name] for name in order if name in facts},
        counts,
        tuple(bad[name] for name in order if name in bad),
    )


def _look(case: Case) -> tuple[CaseFacts, dict[int, int]] | Bad:
    """Returns the facts of a case and the counts of its mask values, or what is wrong with it."""
    try:
        refuse_unwritable(case.id)
    except IsthmusError as error:
        return Bad(case.id, "name", str(error))
    try:
        image, mask = load_image(case), load_mask(case)
        headers = read_header(case.images[0]), read_header(case.masks[0])
    except IsthmusError as error:
        return Bad(case.id, "unreadable", str(error))
    try:
        check_sizes(case, image.shape[1:], mask.shape)
        counts = count_values(mask)
        rounded = max(rounding_error(source) for source in case.masks)
        if len(counts) > MANY and _is_rough(mask):
            raise IsthmusError(
                f"{case.masks[0]}: looks like an image, not like a mask, with {len(counts)} values that "
                "change from pixel to pixel; were images and masks swapped?"
            )
    except IsthmusError as error:
        return Bad(case.id, "pair", str(error))
    place = _place(case.first)
    facts = CaseFacts(
        case.id,
        image.shape,
        str(image.dtype),
        low=float(image.min()),
        high=float(image.max()),
        pixels=pixel_hash(image),
        perceptual=perceptual_hash(image),
        sha256={},
        shares=(),
        volume=place is not None,
        orientation=place.orientation if place is not None and place.placed else "",
        numbered=2 < len(counts) <= MANY and values_in_one_piece(mask, counts),
        elsewhere=next((away for source in case.masks if (away := elsewhere(case.first, source.path))), ""),
        channels_elsewhere=channels_elsewhere(case),
        channels_turned=_turned(case),
        rounded=rounded,
        shear=place.shear if place is not None else 0.0,
        mended=mended_headers(case),
        tags=(headers[0].orientation, headers[1].orientation),
        inverted=(headers[0].inverted, headers[1].inverted),
        pieces=pieces(mask) if len(set(counts) - {0}) == 1 and mask.size <= LARGE else 1,
        borders=borders(mask) if len(counts) > 2 else {},
        appearance=appearance(image),
        thickness=(thickness(mask), thickness(mask > max(counts) / 2) if len(counts) > 2 else 0.0),
    )
    return facts, counts


def _place(path: Path) -> Geometry | None:
    """Returns the grid of a volume, None for a picture."""
    return geometry(path) if in_space(path) else None


def _turned(case: Case) -> str:
    """Returns the orientation of a channel that differs from the first one's; "" if all agree."""
    places = [place for source in case.images if (place := _place(source.path)) and place.placed]
    stored = list(dict.fromkeys(place.orientation for place in places))
    return f"{stored[1]}, not {stored[0]}" if len(stored) > 1 else ""


def _is_rough(mask: NDArray[Any]) -> bool:
    """Returns whether half of all neighbours differ, as in a photograph; maps of objects are flat."""
    return mask.shape[-1] > 1 and bool((mask[..., 1:] != mask[..., :-1]).mean() > 0.5)


def count_values(mask: NDArray[Any]) -> dict[int, int]:
    """Returns the values in a mask with their numbers of pixels.

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
    """Returns whether the values of a mask are 0, 1, …, n with n of at least 2, and no more than there can be classes.

    >>> counts_up({0: 9, 1: 3, 2: 4}), counts_up({0: 9, 255: 3})
    (True, False)
    """
    return 2 < len(counts) <= MANY and set(counts) == set(range(len(counts)))


def _sha256(path: Path) -> str:
    """Returns the SHA-256 of a file.

    That of a folder (a DICOM series) is computed from the hashes of its files in the order of their names, that of a
    detached header from its own hash and that of the file of its voxels.
    """
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
