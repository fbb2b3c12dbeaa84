"""Every file of a data set is opened once before training, and everything that is wrong is told together."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.data.cases import Case, Dataset, check_sizes, load_image, load_mask
from isthmus.data.formats import LOSSY_SUFFIXES
from isthmus.data.problems import refuse
from isthmus.data.values import MANY, ValueMap
from isthmus.errors import IsthmusError


@dataclass(frozen=True)
class CaseFacts:
    """What one case holds.

    Attributes:
        shape: `(channels, *spatial)` of the image.
        dtype: of the image.
        sha256: of every file, by path.
        shares: of the pixels, per class (background first); they sum to 1.
    """

    id: str
    shape: tuple[int, ...]
    dtype: str
    sha256: dict[str, str]
    shares: tuple[float, ...]


@dataclass(frozen=True)
class Checked:
    """A data set in which every file reads and every pair fits.

    Attributes:
        dataset: with `values` and `classes` filled in.
        values: the same map, never None.
        channels: of the images; 3 where grey and colour are mixed (`load` then repeats the grey).
        cases: facts in the order of `dataset.cases`.
    """

    dataset: Dataset
    values: ValueMap
    channels: int
    cases: tuple[CaseFacts, ...]


@dataclass(frozen=True)
class _Look:
    shape: tuple[int, ...]
    dtype: str
    counts: dict[int, int]


def check_dataset(
    dataset: Dataset,
    progress: Callable[[int, int], None] | None = None,
    workers: int = 2,
    object_ids: bool | None = None,
) -> Checked:
    """Open every file once, in `workers` threads; `progress` is called with (cases done, cases).

    Where the data set does not know its mask values yet, they are inferred from all masks (`object_ids`: whether
    they number objects, None for the rule of `ValueMap.infer`).

    Raises:
        IsthmusError: all that is wrong: unreadable files, sizes that differ, values that fit no class, NaN pixels,
            channels that cannot be brought together. The first 20 are listed.
    """
    cases = dataset.cases
    if not cases:
        raise IsthmusError(f"{dataset.name}: a data set without a case; add images and their masks")
    looks: dict[str, _Look] = {}
    problems: dict[str, str] = {}
    files = sorted({source.path for case in cases for source in (*case.images, *case.masks)})
    with ThreadPoolExecutor(max(1, workers)) as pool:
        hashes = {path: pool.submit(_sha256, path) for path in files}
        futures = {pool.submit(_look, case): case for case in cases}
        for done, future in enumerate(as_completed(futures), 1):
            case = futures[future]
            try:
                looks[case.id] = future.result()
            except IsthmusError as error:
                problems[case.id] = str(error)
            if progress:
                progress(done, len(cases))
        refuse([problems[case.id] for case in cases if case.id in problems], dataset.name)
        digests = {path: future.result() for path, future in hashes.items()}
    channels = _channels(cases, looks)
    values = dataset.values
    if values is None:
        lossy = [
            str(c.masks[0]) for c in cases if c.masks and c.masks[0].path.suffix.lower() in LOSSY_SUFFIXES
        ]
        values = ValueMap.infer_masks({str(c.masks[0]): looks[c.id].counts for c in cases}, object_ids, lossy)
    facts = []
    unfit = []
    for case in cases:
        look = looks[case.id]
        try:
            shares = _shares(look.counts, values, str(case.masks[0]))
        except IsthmusError as error:
            unfit.append(str(error))
            continue
        used = {str(source.path): digests[source.path] for source in (*case.images, *case.masks)}
        facts.append(CaseFacts(case.id, look.shape, look.dtype, used, shares))
    refuse(unfit, dataset.name)
    complete = replace(dataset, values=values, classes=dataset.classes or values.names())
    return Checked(complete, values, channels, tuple(facts))


def _look(case: Case) -> _Look:
    image, mask = load_image(case), load_mask(case)
    check_sizes(case, image.shape[1:], mask.shape)
    counts = count_values(mask)
    if len(counts) > MANY and max(counts) <= 255 and _is_rough(mask):
        raise IsthmusError(
            f"{case.masks[0]}: looks like an image, not a mask: {len(counts)} values that change from pixel to "
            "pixel; were images and masks interchanged?"
        )
    return _Look(image.shape, str(image.dtype), counts)


def count_values(mask: NDArray[Any]) -> dict[int, int]:
    """Each value in a mask and its number of pixels."""
    if mask.dtype.itemsize <= 2 and mask.dtype.kind == "u":
        counts = np.bincount(mask.ravel())
        values = np.flatnonzero(counts)
        return dict(zip(values.tolist(), counts[values].tolist(), strict=True))
    values, counts = np.unique(mask, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def _is_rough(mask: NDArray[Any]) -> bool:
    """Whether half of all neighbours differ, as in a photograph; maps of objects are flat."""
    return mask.shape[-1] > 1 and bool((mask[..., 1:] != mask[..., :-1]).mean() > 0.5)


def _shares(counts: dict[int, int], values: ValueMap, name: str) -> tuple[float, ...]:
    raw = np.array(list(counts))
    labels = values.apply(raw, name)
    pixels = np.bincount(labels, weights=list(counts.values()), minlength=values.classes)
    return tuple((pixels / pixels.sum()).tolist())


def _channels(cases: tuple[Case, ...], looks: dict[str, _Look]) -> int:
    found: dict[int, Case] = {}
    for case in cases:
        found.setdefault(looks[case.id].shape[0], case)
    if set(found) == {1, 3}:
        return 3
    if len(found) > 1:
        listing = ", ".join(f"{number} in {case.images[0]}" for number, case in sorted(found.items()))
        raise IsthmusError(
            f"images with different numbers of channels: {listing}; convert them to one number"
        )
    return next(iter(found))


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise IsthmusError(
            f"{path}: cannot be opened ({error.strerror}); check the path and its permissions"
        ) from error
