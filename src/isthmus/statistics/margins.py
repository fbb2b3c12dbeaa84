"""Non-inferiority: whether a difference is shown to be no worse than a margin that was chosen beforehand.

Piaggio, Elbourne, Pocock, Evans, Altman: Reporting of noninferiority and equivalence randomized trials: extension of
the CONSORT 2010 statement. JAMA 308:2594-2604 (2012), doi:10.1001/jama.2012.87802, figure.
"""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

from isthmus.errors import IsthmusError
from isthmus.statistics.bootstrap import Interval
from isthmus.statistics.pairs import number

Verdict: TypeAlias = Literal["superior", "non-inferior", "inconclusive", "inferior"]


def non_inferiority(interval: Interval, margin: float, *, higher_is_better: bool = True) -> Verdict:
    """Judges a difference (new minus reference) by its confidence interval.

    The bound towards the worse side of a two-sided interval of 95 % is a one-sided bound of 97.5 %. The new method is
    non-inferior if this bound lies strictly within the margin, superior if it even lies on the better side of 0, and
    inferior if the whole interval lies beyond the margin. In every other case nothing is shown, which is not the same
    as equal.

    Args:
        interval: interval of the mean difference, new minus reference.
        margin: largest loss that would be acceptable, above 0, in the unit of the score.
        higher_is_better: False for distances and losses.

    Raises:
        IsthmusError: a margin that is not a positive number.

    >>> lost_little = Interval(-0.005, -0.012, 0.002, 0.95)
    >>> non_inferiority(lost_little, 0.02), non_inferiority(lost_little, 0.01)
    ('non-inferior', 'inconclusive')
    """
    margin = number(margin, "the margin")
    if not 0 < margin < math.inf:
        raise IsthmusError(
            f"the margin is {margin:g}; give the largest loss that would be acceptable, a number above 0"
        )
    low, high = (interval.low, interval.high) if higher_is_better else (-interval.high, -interval.low)
    if low > 0:
        return "superior"
    if low > -margin:
        return "non-inferior"
    return "inferior" if high < -margin else "inconclusive"
