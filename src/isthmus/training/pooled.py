"""The soft Jaccard index that Keras shows after each epoch: pooled over batches of held-out cases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


class PooledJaccard:
    """Sum of p y over sum of p + y - p y, with probabilities p and truth y, of each batch; the mean over batches.

    This is the metric ``jacard`` of the authors' code of MultiResUNet and Sharp U-Net, as Keras 2.3 averages it: each
    batch counts the same, also a last one of fewer cases. With several classes it is the mean over them.

    Args:
        batch: number of cases in a batch.

    >>> pooled = PooledJaccard(2)
    >>> for p, y in (([0.5, 0.5], [1, 0]), ([1.0, 0.0], [1, 0]), ([0.25], [1])):
    ...     pooled.add({"cell": np.array(p)}, {"cell": np.array(y, bool)})
    >>> pooled.value()  # the mean of 1.5 / (2 + 2 - 1.5) and 0.25 / 1
    0.425
    """

    def __init__(self, batch: int) -> None:
        self.batch = batch
        self._shared: list[list[float]] = []  # by case and class
        self._united: list[list[float]] = []

    def add(self, probabilities: Mapping[str, NDArray[Any]], true: Mapping[str, NDArray[np.bool_]]) -> None:
        """Takes note of a case: probabilities and truth ``(*spatial)`` of each class."""
        shared = [float(probabilities[name][mask].sum(dtype=np.float64)) for name, mask in true.items()]
        both = [float(probabilities[name].sum(dtype=np.float64)) + mask.sum() for name, mask in true.items()]
        self._shared.append(shared)
        self._united.append([total - part for total, part in zip(both, shared, strict=True)])

    def value(self) -> float:
        """Returns the mean over all batches, in [0, 1]; a batch without any foreground counts as 1."""
        starts = range(0, len(self._shared), self.batch)
        shared, united = (np.add.reduceat(sums, starts) for sums in (self._shared, self._united))
        return float(np.mean(np.divide(shared, united, out=np.ones_like(shared), where=united > 0)))
