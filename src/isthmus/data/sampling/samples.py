"""The stream of training batches: the same for a seed, whatever the number of workers and the cache.

Sample `i` of epoch `e` depends on the seed, `e` and `i` alone, so a run that starts again at epoch `e` sees
what it would have seen.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from isthmus.data.augment import Augmentation
from isthmus.data.cases import IGNORED, Case, Dataset, load, load_instances
from isthmus.data.rng import rng
from isthmus.data.sampling.cache import Kept, Room
from isthmus.data.sampling.patches import cut_foreground, cut_window
from isthmus.data.sampling.preprocess import Grid, Intensity, Normalization, intensity, pad_to
from isthmus.data.sampling.resampling import slice_stack

Label = NDArray[Any]
Target = Callable[[Label], NDArray[np.float32]]
"""From a label `(*spatial)`, after augmentation, to what one head of the network learns, `(*spatial)`."""
Normaliser = Callable[[NDArray[Any]], Intensity]


class Batch(NamedTuple):
    """Images `(N, channels, *spatial)` float32, labels `(N, *spatial)` uint8, and targets `(N, *spatial)` float32 by
    name; a `Samples.sample` is the same without the first axis."""

    images: NDArray[np.float32]
    labels: NDArray[np.uint8]
    targets: dict[str, NDArray[np.float32]]


CACHE_BYTES = 2**31
"""Decoded cases are kept up to this many bytes; the others are read again each time."""


TOGETHER = 8
"""Volumes whose slices are drawn in one stretch of an epoch, so that few need to be in memory at a time."""


@dataclass(frozen=True)
class _Loaded:
    """A case as it is kept: raw where patches are cut (a quarter of the memory), else normalised."""

    image: NDArray[Any]
    label: Label
    intensity: Intensity | None

    @property
    def nbytes(self) -> int:
        return self.image.nbytes + self.label.nbytes


class Samples:
    """The samples of cases, epoch by epoch, as `Batch`.

    Whole images on the grid (`patch=None`): every case once per epoch. Patches: `samples_per_epoch` random
    pieces of that size at the grid's scale, the cases in turn; an image smaller than a patch is reflected at
    its edges.

    Args:
        dataset: with known `values` (as from `check_dataset`).
        cases: those to draw from; their order does not matter.
        channels: of every image.
        normalization: by name, or what finds the `Intensity` of an image.
        foreground: share of the patches that are centred on foreground.
        windows: patches at this many fixed, even places of every image instead of random ones.
        slices: of volumes: samples are slices, each with its neighbours as channels (slice after slice, the
            channels of each together), at random places along the first axis. `Grid` and `patch` are then those
            of a slice.
        around: patches are centred on the middle of the foreground's box, give or take this share of their sides.
        batch: samples per batch. The last batch of an epoch is smaller where it has to be; a single sample
            that would be left over joins the batch before it (batch normalisation needs two).
        instances: targets are made of the numbers of the objects, not of classes; the label is foreground or not.
        targets: what is computed of each label, after augmentation, by name.
        shuffle: False gives the cases in the order of their ids, for scoring.
        workers: threads that prepare samples ahead; 0 prepares them in the caller's.
        room: bytes in which decoded cases are kept, which streams can share; None: `CACHE_BYTES` of its own.
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
        normalization: Normalization | Normaliser = "zscore",
        patch: tuple[int, ...] | None = None,
        foreground: float = 0.0,
        windows: int | None = None,
        slices: int | None = None,
        around: float | None = None,
        samples_per_epoch: int | None = None,
        augment: Augmentation | None = None,
        instances: bool = False,
        targets: Mapping[str, Target] | None = None,
        shuffle: bool = True,
        workers: int = 2,
        room: Room | None = None,
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
        self.windows = windows
        self.slices = slices
        self.around = around
        self.samples_per_epoch = samples_per_epoch or len(self.cases) * (windows or 1)
        self.augment = augment
        self.instances = instances
        self.targets = targets or {}
        self.shuffle = shuffle
        self.workers = workers
        self.room = room = room or Room(CACHE_BYTES)
        self._made: dict[str, dict[str, NDArray[np.float32]]] = {}
        self._by_id = {case.id: case for case in self.cases}
        self._kept = Kept(self._load, room, passing=room.left // 4 if slices else 0)

    def __len__(self) -> int:
        """Batches per epoch."""
        return len(batch_sizes(self.samples_per_epoch, self.batch))

    def batches(self, epoch: int, part: tuple[int, int] = (0, 1)) -> Iterator[Batch]:
        """The batches of an epoch, in order, prepared ahead by the workers.

        Args:
            part: of every batch, of so many parts: sample 0, 2, 4, … of each is part `(0, 2)`. A batch too small
                for all parts gives its first sample to those left without.
        """
        sizes = batch_sizes(self.samples_per_epoch, self.batch)
        first, together = 0, []
        for size in sizes:
            together.append([first + index for index in range(part[0], size, part[1])] or [first])
            first += size
        wanted = [index for indices in together for index in indices]
        samples = self._ahead(epoch, wanted) if self.workers else (self.sample(epoch, i) for i in wanted)
        for indices in together:
            images, labels, targets = zip(*(next(samples) for _ in indices), strict=True)
            maps = {name: np.stack([of_one[name] for of_one in targets]) for name in self.targets}
            yield Batch(np.stack(images), np.stack(labels), maps)

    def sample(self, epoch: int, index: int) -> Batch:
        """Sample `index` of an epoch, without the axis of the batch."""
        place, window = self._case(epoch, index)
        loaded = self._kept[self.cases[place].id]
        image, label, levels = loaded.image, loaded.label, loaded.intensity
        random = rng(self.seed, "sample", epoch, index)
        if self.slices is not None:
            middle = self._slice(label, random)
            image, label = slice_channels(image, middle, self.slices), label[middle]
            levels = levels.repeated(self.slices) if levels else None
        if self.patch is not None:
            image, label = self._cut(image, label, loaded.label, window, random)
        if self.augment is not None:  # before normalisation where it can be: the range of raw pixels is known
            image, label = self.augment(image, label, random)
        if levels is not None:
            image = levels.apply(image)
        fixed = self.patch is None and self.slices is None and self.augment is None
        return self._with_targets(image, label, self.cases[place].id if fixed else None)

    def whole(self, index: int) -> Batch:
        """A case as it is scored: all of it on the grid, normalised; of volumes in slices, the whole volume."""
        loaded = self._kept[self.cases[index].id]
        image = loaded.image if loaded.intensity is None else loaded.intensity.apply(loaded.image)
        return self._with_targets(image, loaded.label, self.cases[index].id)

    def numbers(self, index: int) -> Label:
        """The label of a case as it is kept: with `instances`, the numbers of its objects."""
        return self._kept[self.cases[index].id].label

    def _with_targets(self, image: NDArray[np.float32], label: Label, fixed: str | None) -> Batch:
        """A sample with its targets, which are kept where `fixed`, the id of a case, says that they stay the same."""
        made = self._made.get(fixed or "")
        if made is None:
            make = self._of_slices if label.ndim == 3 and self.slices is not None else self._of_label
            made = {name: make(target, label) for name, target in self.targets.items()}
            if fixed and made and self.room.take(sum(target.nbytes for target in made.values())):
                self._made[fixed] = made
        return Batch(image, self._classes(label), made)

    @staticmethod
    def _of_label(target: Target, label: Label) -> NDArray[np.float32]:
        return target(label)

    @staticmethod
    def _of_slices(target: Target, label: Label) -> NDArray[np.float32]:
        return np.stack([target(plane) for plane in label])

    def _classes(self, label: Label) -> NDArray[np.uint8]:
        return (label > 0).astype(np.uint8) if self.instances else label

    def _case(self, epoch: int, index: int) -> tuple[int, int]:
        """Which case, and which of its windows: all cases in a new order, then all again."""
        count = len(self.cases)
        if self.windows:
            count *= self.windows
        turn, place = divmod(index, count)
        if self.slices is not None and self.shuffle:  # a few volumes in turn, then the next few
            order = rng(self.seed, "order", epoch, 0).permutation(count)
            first = index * count // self.samples_per_epoch // TOGETHER * TOGETHER
            together = order[first : first + TOGETHER]
            place = int(together[index % len(together)])
        elif self.shuffle:
            place = int(rng(self.seed, "order", epoch, turn).permutation(count)[place])
        return divmod(place, self.windows or 1)

    def _slice(self, label: Label, random: np.random.Generator) -> int:
        """A slice, in the wanted share of the samples one with foreground."""
        if self.foreground and random.random() < self.foreground:
            filled = np.flatnonzero(self._counted(label).any(axis=tuple(range(1, label.ndim))))
            if filled.size:
                return int(random.choice(filled))
        return int(random.integers(len(label)))

    def _cut(
        self,
        image: NDArray[Any],
        label: Label,
        of_case: Label,
        window: int,
        random: np.random.Generator,
    ) -> tuple[NDArray[Any], Label]:
        patch = self.patch or label.shape
        if self.windows is not None:
            return cut_window(image, label, patch, window, self.windows)
        if self.around is not None:
            of_case = self._counted(of_case)
            if self.slices is not None:
                of_case = of_case.max(axis=0)
            return cut_around(image, label, patch, middle(of_case), random, self.around)
        if self.foreground:
            ignored = None if self.dataset.ignore is None else IGNORED
            return cut_foreground(image, label, patch, random, self.foreground, ignored)
        return cut(image, label, patch, random)

    def _counted(self, label: Label) -> Label:
        """The label in which ignored pixels are background."""
        return label if self.dataset.ignore is None else np.where(label == IGNORED, 0, label)

    def _load(self, name: str) -> _Loaded:
        case = self._by_id[name]
        read: Callable[..., tuple[NDArray[Any], Label]] = load_instances if self.instances else load
        if self.dataset.ignore is not None:
            read = partial(load, marked=True)
        image, label = read(case, self.dataset, self.channels)
        named = self.normalization
        levels = intensity(image, named) if isinstance(named, str) else named(image)
        if self.patch is None or self.grid.resize is not None:
            resized: Callable[[Label], Label] = self.grid.instances if self.instances else self.grid.label
            return _Loaded(self.grid.image(levels.apply(image)), resized(label), None)
        return _Loaded(image, label, levels)

    def _ahead(self, epoch: int, wanted: Sequence[int]) -> Iterator[Batch]:
        """These samples of an epoch in order, a batch and a few more in preparation at a time."""
        with ThreadPoolExecutor(self.workers, thread_name_prefix="isthmus-samples") as pool:
            waiting: deque[Future[Batch]] = deque()
            try:
                for index in wanted:
                    waiting.append(pool.submit(self.sample, epoch, index))
                    if len(waiting) > self.batch + 2 * self.workers:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()


def slice_channels(image: NDArray[Any], index: int, slices: int) -> NDArray[Any]:
    """Slice `index` of `(channels, depth, height, width)` and its neighbours: `(slices * channels, height, width)`.

    >>> slice_channels(np.arange(6).reshape(2, 3, 1, 1), 1, 3).ravel().tolist()
    [0, 3, 1, 4, 2, 5]
    """
    stack = slice_stack(np.swapaxes(image, 0, 1), index, slices)
    return stack.reshape(-1, *image.shape[2:])


def middle(label: Label) -> tuple[int, ...]:
    """The middle of the foreground's box, or of the label where there is none.

    >>> label = np.zeros((5, 9), np.uint8)
    >>> label[1:4, 2] = label[2, 6] = 1
    >>> middle(label), middle(label * 0)
    ((2, 4), (2, 4))
    """
    inside = [np.flatnonzero(label.any(axis=tuple(set(range(label.ndim)) - {a}))) for a in range(label.ndim)]
    if not inside[0].size:
        return tuple(side // 2 for side in label.shape)
    return tuple(int(places[0] + places[-1]) // 2 for places in inside)


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
    image: NDArray[Any], label: Label, patch: tuple[int, ...], random: np.random.Generator
) -> tuple[NDArray[Any], Label]:
    """A random piece of `patch` pixels; what is too small is reflected at its edges first."""
    image, _ = pad_to(image, patch)
    label, _ = pad_to(label, patch)
    starts = [
        int(random.integers(size - wanted + 1)) for size, wanted in zip(label.shape, patch, strict=True)
    ]
    window = tuple(slice(start, start + wanted) for start, wanted in zip(starts, patch, strict=True))
    return image[(slice(None), *window)], label[window]


def cut_around(
    image: NDArray[Any],
    label: Label,
    patch: tuple[int, ...],
    centre: tuple[int, ...],
    random: np.random.Generator,
    share: float,
) -> tuple[NDArray[Any], Label]:
    """The piece of `patch` pixels around `centre`, moved by at most a share of its sides, inside the image."""
    moved = [c + random.uniform(-share, share) * side for c, side in zip(centre, patch, strict=True)]
    window = window_around(label.shape, patch, moved)
    padded = [pad_to(array, patch)[0] for array in (image, label)]
    return padded[0][(slice(None), *window)], padded[1][window]


def window_around(shape: Sequence[int], patch: Sequence[int], centre: Sequence[float]) -> tuple[slice, ...]:
    """The window of `patch` pixels around a point, moved inside where it would reach out.

    >>> window_around((10, 10), (4, 4), (9, 5))
    (slice(6, 10, None), slice(3, 7, None))
    """
    starts = [
        int(np.clip(round(c - wanted / 2), 0, max(0, size - wanted)))
        for c, wanted, size in zip(centre, patch, shape, strict=True)
    ]
    return tuple(slice(start, start + wanted) for start, wanted in zip(starts, patch, strict=True))
