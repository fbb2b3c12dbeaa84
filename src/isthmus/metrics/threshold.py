"""Which pixels are foreground: the one place where probabilities become masks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

THRESHOLD = 0.5
"""The probability above which a pixel is foreground unless another is chosen."""


def is_foreground(probabilities: NDArray[Any], threshold: float = THRESHOLD) -> NDArray[np.bool_]:
    """Returns where a probability is above a threshold; one that equals it is background.

    Rounding to whole numbers, as in the authors' code of MultiResUNet and Sharp U-Net, takes 0.5 to 0.

    >>> is_foreground(np.array([0.49, 0.5, 0.51])).tolist()
    [False, False, True]
    """
    return np.asarray(probabilities > threshold)
