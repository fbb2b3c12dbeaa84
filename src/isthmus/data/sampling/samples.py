"""The stream of training batches: the same for a seed, whatever the number of workers and the size of the cache.

Sample `i` of epoch `e` depends only on the seed, `e` and `i`, so a run that is resumed at epoch `e` sees what it would
have seen without the interruption.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from isthmus.data.augment import Augmentation
from isthmus.data.cases import Case, Dataset
from isthmus.data.rng import rng
from isthmus.data.sampling.cache import ByteBudget
from isthmus.data.sampling.loading import Batch, CaseStore, Preprocessing
from isthmus.data.sampling.patches import Patches
from isthmus.data.sampling.slices import Slices, slice_channels

TOGETHER = 8
"""Volumes whose slices are mixed in one stretch of an epoch, so that few must be in memory at a time."""


@dataclass(frozen=True)
class Sampling:
    """What a sample is, and how many make an epoch.

    With neither `slices` nor `patches` a sample is a whole case on the grid, and each case comes once per epoch.

    Attributes:
        slices: samples are slices of volumes; the sizes of the grid and of patches are then those of a slice.
        patches: samples are pieces: of an image, of a volume, or, with `slices`, of a slice.
        per_epoch: samples per epoch; None for every case (or all of its fixed patches) once.
        augment: changes image and label of each sample at random.
    """

    slices: Slices | None = None
    patches: Patches | None = None
    per_epoch: int | None = None
    augment: Augmentation | None = None


class Samples:
    """The samples of cases, epoch by epoch, as `Batch`.

    Args:
        dataset: a data set with known `values` (as from `check_dataset`).
        cases: those to sample from; their order does not matter.
        preprocessing: how a case becomes arrays.
        sampling: what a sample is.
        batch: samples per batch. The last batch of an epoch may be smaller; a single sample that
            would be left over joins the batch before it (batch normalisation needs two).
        seed: seed of the order of the cases and all random choices.
        workers: threads that prepare samples ahead; with 0 the caller's thread prepares them.
        budget: bytes for decoded cases, which several streams can share.
    """

    def __init__(
        self,
        dataset: Dataset,
        cases: Sequence[Case],
        preprocessing: Preprocessing,
        sampling: Sampling = Sampling(),
        *,
        batch: int,
        seed: int = 0,
        workers: int = 2,
        budget: ByteBudget | None = None,
    ) -> None:
        if not cases:
            raise ValueError("no cases to draw samples from")
        recent = 0.25 if sampling.slices else 0.0
        self.cases = CaseStore(dataset, cases, preprocessing, budget, recent)
        self.sampling = sampling
        self.per_case = sampling.patches.per_case if sampling.patches else 1
        self.per_epoch = sampling.per_epoch or len(cases) * self.per_case
        self.batch = batch
        self.seed = seed
        self.workers = workers

    def without_augmentation(self, most: int) -> Samples:
        """Returns a stream of the same decoded cases with at most so many samples an epoch."""
        other = copy.copy(self)
        other.sampling = replace(self.sampling, augment=None)
        other.per_epoch = min(most, self.per_epoch)
        return other

    def __len__(self) -> int:
        """Returns the number of batches per epoch."""
        return len(batch_sizes(self.per_epoch, self.batch))

    def batches(self, epoch: int, part: tuple[int, int] = (0, 1)) -> Generator[Batch]:
        """Yields the batches of an epoch, in order, prepared ahead by the workers.

        Args:
            epoch: counted from 0.
            part: which part of every batch, of how many: part `(0, 2)` has samples 0, 2, 4, … of each batch. Where a
                batch is too small for all parts, those left without a sample get its first one.
        """
        first, parts = 0, []
        for size in batch_sizes(self.per_epoch, self.batch):
            parts.append([first + index for index in range(part[0], size, part[1])] or [first])
            first += size
        samples = self._ahead(epoch, [index for indices in parts for index in indices])
        for indices in parts:
            images, labels, targets = zip(*(next(samples) for _ in indices), strict=True)
            stacked = {name: np.stack([of_one[name] for of_one in targets]) for name in targets[0]}
            yield Batch(np.stack(images), np.stack(labels), stacked)

    def sample(self, epoch: int, index: int) -> Batch:
        """Returns sample `index` of an epoch, without the axis of the batch."""
        place, turn = self.place(epoch, index)
        slices, patches, augment = self.sampling.slices, self.sampling.patches, self.sampling.augment
        if slices is None and patches is None and augment is None:
            return self.cases.whole(place)
        case, ignored, how = self.cases[place], self.cases.ignored, self.cases.preprocessing
        image, label = case.image, case.label
        random = rng(self.seed, "sample", epoch, index)
        if slices is not None:
            middle = slices.choose(label, random, ignored)
            image, label = slice_channels(image, middle, slices.count), label[middle]
        if patches is not None:
            image, label = patches.cut(image, label, random, whole=case.label, turn=turn, ignored=ignored)
        if (
            augment is not None
        ):  # before normalisation where possible: the range of the file's numbers is known
            image, label = augment(image, label, random)
        return Batch(case.normalised(image), how.classes(label), how.targets_of(label))

    def place(self, epoch: int, index: int) -> tuple[int, int]:
        """Returns which case sample `index` of an epoch comes from, and which of the case's fixed patches it is.

        All cases come in random order, then all again in another order. Of volumes in slices, a few are mixed, then the
        next few.
        """
        count = len(self.cases) * self.per_case
        turn, place = divmod(index, count)
        if self.sampling.slices is not None:
            order = rng(self.seed, "order", epoch, 0).permutation(count)
            first = index * count // self.per_epoch // TOGETHER * TOGETHER
            together = order[first : first + TOGETHER]
            place = int(together[index % len(together)])
        else:
            place = int(rng(self.seed, "order", epoch, turn).permutation(count)[place])
        return divmod(place, self.per_case)

    def _ahead(self, epoch: int, indices: Sequence[int]) -> Iterator[Batch]:
        """Yields these samples of an epoch in order, while a batch and a few more are in preparation."""
        if not self.workers:
            yield from (self.sample(epoch, index) for index in indices)
            return
        with ThreadPoolExecutor(self.workers, thread_name_prefix="isthmus-samples") as pool:
            waiting: deque[Future[Batch]] = deque()
            try:
                for index in indices:
                    waiting.append(pool.submit(self.sample, epoch, index))
                    if len(waiting) > self.batch + 2 * self.workers:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()


def batch_sizes(samples: int, batch: int) -> list[int]:
    """Returns the sizes of the batches of an epoch; a single sample left over joins the batch before it.

    >>> batch_sizes(10, 4), batch_sizes(9, 4), batch_sizes(1, 4)
    ([4, 4, 2], [4, 5], [1])
    """
    full, rest = divmod(samples, batch)
    sizes = [batch] * full + ([rest] if rest else [])
    if rest == 1 and full:
        sizes[-2:] = [batch + 1]
    return sizes
