"""The stream of training batches: the same for a seed, whatever the number of workers and the cache.

Sample `i` of epoch `e` depends on the seed, `e` and `i` alone, so a run that starts again at epoch `e` sees
what it would have seen.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.data.augment import Augmentation
from isthmus.data.cases import Case, Dataset, load
from isthmus.data.patches import cut_foreground
from isthmus.data.preprocess import Grid, Intensity, Normalization, intensity, pad_to
from isthmus.data.rng import rng

Sample = tuple[NDArray[np.float32], NDArray[np.uint8]]
Batch = tuple[NDArray[np.float32], NDArray[np.uint8]]

CACHE_BYTES = 2**31
"""Decoded cases are kept up to this many bytes; the others are read again each time."""


@dataclass(frozen=True)
class _Loaded:
    """A case as it is kept: raw where patches are cut (a quarter of the memory), else normalised."""

    image: NDArray[Any]
    label: NDArray[np.uint8]
    intensity: Intensity | None

    @property
    def nbytes(self) -> int:
        return self.image.nbytes + self.label.nbytes


class Samples:
    """Batches of images `(N, channels, *spatial)` float32 and labels `(N, *spatial)` uint8, epoch by epoch.

    Whole images on the grid (`patch=None`): every case once per epoch. Patches: `samples_per_epoch` random
    pieces of that size at the grid's scale, the cases in turn; an image smaller than a patch is reflected at
    its edges.

    Args:
        dataset: with known `values` (as from `check_dataset`).
        cases: those to draw from; their order does not matter.
        channels: of every image.
        foreground: share of the patches that are centred on foreground.
        batch: samples per batch. The last batch of an epoch is smaller where it has to be; a single sample
            that would be left over joins the batch before it (batch normalisation needs two).
        shuffle: False gives the cases in the order of their ids, for scoring.
        workers: threads that prepare samples ahead; 0 prepares them in the caller's.
    """

    def __init__(
        self,
        dataset: Dataset,
        cases: Sequence[Case],
        *,
        channels: int,
        batch: int,
        seed: int = 0,
        grid: Grid | None = None,
        normalization: Normalization = "zscore",
        patch: tuple[int, ...] | None = None,
        foreground: float = 0.0,
        samples_per_epoch: int | None = None,
        augment: Augmentation | None = None,
        shuffle: bool = True,
        workers: int = 2,
        cache_bytes: int = CACHE_BYTES,
    ) -> None:
        if not cases:
            raise ValueError("no cases to draw samples from")
        self.dataset = dataset
        self.cases = tuple(sorted(cases, key=lambda case: case.id))
        self.channels = channels
        self.batch = batch
        self.seed = seed
        self.grid = grid or Grid()
        self.normalization = normalization
        self.patch = patch
        self.foreground = foreground
        self.samples_per_epoch = samples_per_epoch or len(self.cases)
        self.augment = augment
        self.shuffle = shuffle
        self.workers = workers
        self._room = cache_bytes
        self._kept: dict[str, _Loaded] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Batches per epoch."""
        return len(batch_sizes(self.samples_per_epoch, self.batch))

    def batches(self, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch, in order, prepared ahead by the workers."""
        sizes = batch_sizes(self.samples_per_epoch, self.batch)
        samples = self._ahead(epoch) if self.workers else (self.sample(epoch, i) for i in range(sum(sizes)))
        for size in sizes:
            images, labels = zip(*(next(samples) for _ in range(size)), strict=True)
            yield np.stack(images), np.stack(labels)

    def sample(self, epoch: int, index: int) -> Sample:
        """Sample `index` of an epoch: image `(channels, *spatial)` and label `(*spatial)`."""
        case = self.cases[self._case(epoch, index)]
        loaded = self._load(case)
        image, label = loaded.image, loaded.label
        random = rng(self.seed, "sample", epoch, index)
        if self.patch is not None:
            if self.foreground:
                image, label = cut_foreground(image, label, self.patch, random, self.foreground)
            else:
                image, label = cut(image, label, self.patch, random)
        if self.augment is not None:  # before normalisation where it can be: the range of raw pixels is known
            image, label = self.augment(image, label, random)
        if loaded.intensity is not None:
            image = loaded.intensity.apply(image)
        return image, label

    def _case(self, epoch: int, index: int) -> int:
        """Which case: all of them in a new order, then all again."""
        turn, place = divmod(index, len(self.cases))
        if not self.shuffle:
            return place
        return int(rng(self.seed, "order", epoch, turn).permutation(len(self.cases))[place])

    def _load(self, case: Case) -> _Loaded:
        kept = self._kept.get(case.id)
        if kept is not None:
            return kept
        image, label = load(case, self.dataset, self.channels)
        levels = intensity(image, self.normalization)
        if self.patch is None or self.grid.resize is not None:
            loaded = _Loaded(self.grid.image(levels.apply(image)), self.grid.label(label), None)
        else:
            loaded = _Loaded(image, label, levels)
        with self._lock:
            if case.id not in self._kept and loaded.nbytes <= self._room:
                self._room -= loaded.nbytes
                self._kept[case.id] = loaded
        return loaded

    def _ahead(self, epoch: int) -> Iterator[Sample]:
        """The samples of an epoch in order, a batch and a few more in preparation at a time."""
        with ThreadPoolExecutor(self.workers, thread_name_prefix="isthmus-samples") as pool:
            waiting: deque[Future[Sample]] = deque()
            try:
                for index in range(self.samples_per_epoch):
                    waiting.append(pool.submit(self.sample, epoch, index))
                    if len(waiting) > self.batch + 2 * self.workers:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()


def batch_sizes(samples: int, batch: int) -> list[int]:
    """Sizes of the batches of an epoch; a single leftover joins the batch before it.

    >>> batch_sizes(10, 4), batch_sizes(9, 4), batch_sizes(1, 4)
    ([4, 4, 2], [4, 5], [1])
    """
    full, rest = divmod(samples, batch)
    sizes = [batch] * full + ([rest] if rest else [])
    if rest == 1 and full:
        sizes[-2:] = [batch + 1]
    return sizes


def cut(
    image: NDArray[Any], label: NDArray[np.uint8], patch: tuple[int, ...], random: np.random.Generator
) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """A random piece of `patch` pixels; what is too small is reflected at its edges first."""
    image, _ = pad_to(image, patch)
    label, _ = pad_to(label, patch)
    starts = [
        int(random.integers(size - wanted + 1)) for size, wanted in zip(label.shape, patch, strict=True)
    ]
    window = tuple(slice(start, start + wanted) for start, wanted in zip(starts, patch, strict=True))
    return image[(slice(None), *window)], label[window]
