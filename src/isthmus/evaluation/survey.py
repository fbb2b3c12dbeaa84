"""Reads pairs of masks, once to learn what they hold and once more to score them, on all cores."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from isthmus.data.cases import load_mask
from isthmus.data.checks.survey import count_values, counts_up
from isthmus.data.masks.borders import Borders, borders
from isthmus.data.masks.objects import each_in_one_piece, pieces
from isthmus.errors import IsthmusError
from isthmus.evaluation.mask_pairs import Pair
from isthmus.io.images import read_mask, rounding_error
from isthmus.io.volumes import elsewhere, refuse_other_place
from isthmus.machine import cores
from isthmus.watch import Watch

S = TypeVar("S")
T = TypeVar("T")


@dataclass(frozen=True)
class PairFacts:
    """What a true and a predicted mask hold.

    Attributes:
        axes: number of axes of the masks.
        true, predicted: the pixels of each value.
        elsewhere: how far the two lie apart by their headers, in words; "" if they do not.
        rounded: largest distance of the values from whole numbers.
        numbered: whether true values may number objects.
        borders, predicted_borders: which values lie along borders.
        pieces: number of pieces of a true mask of one value.
        ignored: pixels of the true mask that do not count.
    """

    axes: int
    true: Mapping[int, int]
    predicted: Mapping[int, int]
    elsewhere: str
    rounded: float
    numbered: bool
    borders: Borders
    predicted_borders: Borders
    pieces: int
    ignored: int


def survey_pair(pair: Pair, ignore: int | None) -> PairFacts:
    """Reads a pair of masks and returns what they hold.

    Args:
        pair: the true case and the predicted one, which is empty if it has no image.
        ignore: the true value of pixels that do not count.

    Raises:
        IsthmusError: masks of different sizes or places, or nothing but pixels that do not count.
    """
    case, prediction = pair
    true, predicted = _read(pair)
    files = (*case.masks, *prediction.images)
    ignored = 0 if ignore is None else int(np.count_nonzero(true == ignore))
    if ignored == true.size:
        raise IsthmusError(f"{case.masks[0]} is {ignore} everywhere, which is ignored; leave it out")
    if ignored:
        true = np.where(true == ignore, 0, true).astype(true.dtype)
    counts, others = count_values(true), count_values(predicted)
    return PairFacts(
        axes=true.ndim,
        true=counts,
        predicted=others,
        elsewhere=elsewhere(case.masks[0].path, files[-1].path),
        rounded=max(rounding_error(source) for source in files),
        numbered=counts_up(counts) and each_in_one_piece(true),
        borders=borders(true) if len(counts) > 2 else {},
        predicted_borders=borders(predicted) if len(others) > 2 else {},
        pieces=pieces(true) if len(set(counts) - {0}) == 1 else 1,
        ignored=ignored,
    )


def _read(pair: Pair) -> tuple[NDArray[Any], NDArray[Any]]:
    case, prediction = pair
    true = load_mask(case)
    if not prediction.images:
        return true, np.zeros(true.shape, np.uint8)
    predicted = read_mask(case.oriented(prediction.images[0]))
    if predicted.shape != true.shape:
        raise IsthmusError(
            f"{prediction.images[0]} has size {predicted.shape} but {case.masks[0]} {true.shape}; "
            "score masks of one grid"
        )
    refuse_other_place(case.masks[0].path, prediction.images[0].path)
    return true, predicted


def for_each(work: Callable[[S], T], items: Sequence[S], watch: Watch) -> Iterator[T]:
    """Yields the results in order, with all cores at work and one item (a pair of masks) for each in memory.

    Raises:
        IsthmusError: at the end, for all items that failed together.
    """
    problems: list[str] = []

    def attempt(item: S) -> T | IsthmusError:
        try:
            return work(item)
        except IsthmusError as error:
            return error

    pool = ThreadPoolExecutor(cores(), thread_name_prefix="isthmus-evaluate")
    try:
        for result in pool.map(attempt, items):
            watch.advance()
            if isinstance(result, IsthmusError):
                problems.append(str(result))
            else:
                yield result
    finally:  # an interrupt too: do not go through ten thousand masks first
        pool.shutdown(wait=True, cancel_futures=True)
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise IsthmusError(problems[0] + more)
