"""How long to train, from a measured step."""

from __future__ import annotations


def fitted(left: float, epoch: float, steps: int) -> tuple[int, int]:
    """Returns how many epochs fit, and the steps of an epoch: fewer only where not even one epoch fits.

    Args:
        left: seconds.
        epoch: seconds of an epoch.
        steps: of an epoch.

    >>> fitted(300, 40, 25), fitted(20, 40, 25), fitted(-1, 40, 25)
    ((7, 25), (1, 12), (1, 1))
    """
    if left >= epoch:
        return int(left / epoch), steps
    return 1, max(1, int(steps * left / epoch))
