"""Makes streams of samples."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.data.cases import Case, Dataset
from isthmus.data.sampling.cache import ByteBudget
from isthmus.data.sampling.intensity import Intensity, Normaliser, intensity
from isthmus.data.sampling.loading import Preprocessing
from isthmus.data.sampling.samples import Samples, Sampling

SCALE = partial(intensity, mode="scale")
ZSCORE = partial(intensity, mode="zscore")
PREPROCESSING = ("grid", "instances", "targets")
SAMPLING = ("slices", "patches", "per_epoch", "augment")


def raw(image: NDArray[Any]) -> Intensity:
    """The normalisation that leaves all pixels as they are."""
    return Intensity(np.zeros(len(image), np.float32), np.ones(len(image), np.float32))


def make(
    dataset: Dataset,
    cases: Sequence[Case] | None = None,
    *,
    channels: int = 1,
    batch: int = 2,
    seed: int = 3,
    normaliser: Normaliser = raw,
    budget: int | ByteBudget | None = None,
    **options: Any,
) -> Samples:
    """Samples of one channel; each option goes to the part that takes it."""
    preprocessing = {name: options.pop(name) for name in PREPROCESSING if name in options}
    sampling = {name: options.pop(name) for name in SAMPLING if name in options}
    return Samples(
        dataset,
        dataset.cases if cases is None else cases,
        Preprocessing(channels, normaliser, **preprocessing),
        Sampling(**sampling),
        batch=batch,
        seed=seed,
        budget=ByteBudget(budget) if isinstance(budget, int) else budget,
        **options,
    )
