"""Every file of a data set is opened once before training, and everything that is wrong is told together."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
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
    """What one look at a case found."""

    shape: tuple[int, ...]
    dtype: str
    counts: dict[int, int]


def check_dataset(
    dataset: Dataset,
    progress: Callable[[int, int], None] | None = None,
    workers: int | None = None,
    object_ids: bool | None = None,
) -> Checked:
    """Open every file once; `progress` is called with (cases done, cases).

    Where the data set does not know its mask values yet, they are inferred from all masks.

    Args:
        workers: threads; None: one per core, at most 8.
        object_ids: whether mask values number objects; None: by the rule of `ValueMap.infer`.

    Raises:
        IsthmusError: all that is wrong (the first 20 are listed): unreadable files, sizes that differ, values
            that fit no class, NaN pixels; or masks that all hold one value, channels that cannot be brought
            together.
    """
    cases = dataset.cases
    if not cases:
        raise IsthmusError(f"{dataset.name}: a data set without a case; add images and their masks")
    looks, digests = _look_at_all(dataset, progress, workers or min(8, os.cpu_count() or 1))
    channels = _channels(cases, looks)
    masks = {str(case.masks[0]): looks[case.id].counts for case in cases}
    values = dataset.values
    if values is None:
        lossy = [str(c.masks[0]) for c in cases if c.masks[0].path.suffix.lower() in LOSSY_SUFFIXES]
        values = ValueMap.infer_masks(masks, object_ids, lossy)
    facts: list[CaseFacts] = []
    problems: list[str] = []
    for case in cases:
        look = looks[case.id]
        used = {str(source.path): digests[source.path] for source in (*case.images, *case.masks)}
        try:
            shares = _shares(look.counts, values, str(case.masks[0]))
            facts.append(CaseFacts(case.id, look.shape, look.dtype, used, shares))
        except IsthmusError as error:
            problems.append(str(error))
    refuse(problems, dataset.name)
    present = [index for index in range(values.classes) if any(fact.shares[index] > 0 for fact in facts)]
    if len(present) == 1:
        found = sorted(set().union(*masks.values()))
        raise IsthmusError(
            f"{dataset.name}: all {len(cases)} masks hold {', '.join(map(str, found[:8]))} only, so there is "
            f"nothing to tell apart; check {cases[0].masks[0]}"
        )
    complete = replace(dataset, values=values, classes=dataset.classes or values.names())
    return Checked(complete, values, channels, tuple(facts))


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


def _look_at_all(
    dataset: Dataset, progress: Callable[[int, int], None] | None, workers: int
) -> tuple[dict[str, _Look], dict[Path, str]]:
    """A look at every case by id, and the SHA-256 of every file."""
    looks: dict[str, _Look] = {}
    problems: dict[str, str] = {}
    hashes: dict[Path, Future[str]] = {}
    futures: dict[Future[_Look], Case] = {}
    with ThreadPoolExecutor(workers, thread_name_prefix="isthmus-check") as pool:
        try:
            for case in dataset.cases:
                futures[pool.submit(_look, case)] = case
                for source in (*case.images, *case.masks):
                    if source.path not in hashes:
                        hashes[source.path] = pool.submit(_sha256, source.path)
            for done, future in enumerate(as_completed(futures), 1):
                case = futures[future]
                try:
                    looks[case.id] = future.result()
                except IsthmusError as error:
                    problems[case.id] = str(error)
                if progress:
                    progress(done, len(futures))
            refuse([problems[case.id] for case in dataset.cases if case.id in problems], dataset.name)
            return looks, {path: future.result() for path, future in hashes.items()}
        except BaseException:  # an interrupt too: do not go through ten thousand files first
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _look(case: Case) -> _Look:
    image, mask = load_image(case), load_mask(case)
    check_sizes(case, image.shape[1:], mask.shape)
    counts = count_values(mask)
    if len(counts) > MANY and _is_rough(mask):
        raise IsthmusError(
            f"{case.masks[0]}: looks like an image, not like a mask, with {len(counts)} values that change "
            "from pixel to pixel; were images and masks interchanged?"
        )
    return _Look(image.shape, str(image.dtype), counts)


def _is_rough(mask: NDArray[Any]) -> bool:
    """Whether half of all neighbours differ, as in a photograph; maps of objects are flat."""
    return mask.shape[-1] > 1 and bool((mask[..., 1:] != mask[..., :-1]).mean() > 0.5)


def _shares(counts: dict[int, int], values: ValueMap, name: str) -> tuple[float, ...]:
    values.refuse_strangers(counts, name)
    labels = values.apply(np.array(list(counts)))
    pixels = np.bincount(labels, weights=np.array(list(counts.values())), minlength=values.classes)
    return tuple((pixels / pixels.sum()).tolist())


def _channels(cases: Sequence[Case], looks: dict[str, _Look]) -> int:
    first: dict[int, Case] = {}
    for case in cases:
        first.setdefault(looks[case.id].shape[0], case)
    if set(first) == {1, 3}:
        return 3
    if len(first) > 1:
        listing = ", ".join(f"{number} in {case.images[0]}" for number, case in sorted(first.items()))
        raise IsthmusError(
            f"images with different numbers of channels: {listing}; convert them to one number"
        )
    return next(iter(first))


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise IsthmusError(f"{path}: cannot be opened ({error.strerror}); check its permissions") from error
