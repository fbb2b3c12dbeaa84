"""Statistical power: how many cases are needed to show a difference, such as the one that a paper claims.

Power is computed for the two-sided paired t-test. For normal differences, rank tests need more cases, by one over
their asymptotic relative efficiency: 3/pi for Wilcoxon's test, 2/pi for the sign test (Lehmann: Nonparametrics, 2nd
ed. 2006, section 4.3). If differences have heavy tails, they need fewer.
"""

from __future__ import annotations

import math
from typing import Literal

from scipy import optimize, special, stats

from isthmus.errors import IsthmusError
from isthmus.statistics.pairs import number

Test = Literal["t", "wilcoxon", "sign"]
EFFICIENCY = {"t": 1.0, "wilcoxon": 3 / math.pi, "sign": 2 / math.pi}
_LARGE = 1e4  # cases from which the non-central t is nearly normal


def power(cases: int, difference: float, sd: float, *, alpha: float = 0.05, test: Test = "t") -> float:
    """Computes the probability that a test of this many cases shows a difference between two networks.

    1 - F(t*) + F(-t*), with F the non-central t distribution of n - 1 degrees of freedom and non-centrality
    sqrt(n) |difference| / sd, n the number of cases times the test's efficiency, and t* the critical value.

    Args:
        cases: number of paired cases, at least 2.
        difference: true mean of the paired differences.
        sd: their standard deviation over cases, in the same unit (not that of a mean over folds); see
            `sd_of_difference` if only the networks' own deviations are known.
        alpha: two-sided level.
        test: ``"t"``, ``"wilcoxon"`` or ``"sign"``.

    Raises:
        IsthmusError: an argument is out of range.

    >>> round(power(34, difference=0.5, sd=1.0), 3)
    0.808
    """
    difference, sd = _check(difference, sd, alpha, test)
    count = number(cases, "cases")
    if not count >= 2:
        raise IsthmusError(f"at least two cases can be tested, found {count:g}")
    if count < _fewest(alpha, test):
        return 0.0
    if sd == 0:
        return 1.0 if difference else 0.0
    return _power(count * EFFICIENCY[test], abs(difference) / sd, alpha)


def cases_needed(
    difference: float, sd: float, *, alpha: float = 0.05, power: float = 0.8, test: Test = "t"
) -> float:
    """Computes the smallest number of paired cases with at least this power; infinity for no difference.

    Arguments are those of `power`. The number is never smaller than what can reach ``alpha`` at all (6 for the rank
    tests at 0.05).

    >>> cases_needed(difference=0.5, sd=1.0), cases_needed(difference=0.5, sd=1.0, test="wilcoxon")
    (34, 35)
    """
    difference, sd = _check(difference, sd, alpha, test)
    if not alpha < power < 1:
        raise IsthmusError(f"the power must lie between alpha and 1, found {power!r}")
    fewest = _fewest(alpha, test)
    if difference == 0:
        return math.inf
    if sd == 0:
        return fewest
    effect, efficiency = abs(difference) / sd, EFFICIENCY[test]
    high = fewest
    while _power(high * efficiency, effect, alpha) < power:
        high *= 2
    low = fewest if high == fewest else high // 2 + 1
    while low < high:
        middle = (low + high) // 2
        if _power(middle * efficiency, effect, alpha) < power:
            low = middle + 1
        else:
            high = middle
    return high


def detectable_difference(
    cases: int, sd: float, *, alpha: float = 0.05, power: float = 0.8, test: Test = "t"
) -> float:
    """Computes the smallest true difference that this many cases show with this power; arguments as in `power`.

    >>> round(detectable_difference(34, sd=1.0), 2)
    0.5
    """
    _, sd = _check(1.0, sd, alpha, test)
    if not alpha < power < 1:
        raise IsthmusError(f"the power must lie between alpha and 1, found {power!r}")
    count = number(cases, "cases")
    if not count >= _fewest(alpha, test):
        return math.inf
    n = count * EFFICIENCY[test]
    high = 1.0
    while _power(n, high, alpha) < power:
        high *= 2
    return sd * float(optimize.brentq(lambda effect: _power(n, effect, alpha) - power, 0.0, high))


def sd_of_difference(first: float, second: float, correlation: float) -> float:
    """Computes the standard deviation of paired differences, sqrt(s1^2 + s2^2 - 2 r s1 s2).

    Papers print the networks' own deviations and no correlation r. Cases that are hard for one network are usually
    hard for the other, so r is well above 0, and r = 0 gives an upper bound.

    >>> sd_of_difference(3.0, 4.0, 0.0), sd_of_difference(3.0, 3.0, 1.0)
    (5.0, 0.0)
    """
    first, second = number(first, "deviations"), number(second, "deviations")
    correlation = number(correlation, "a correlation")
    if not (first >= 0 and second >= 0 and -1 <= correlation <= 1):
        raise IsthmusError(
            "deviations are at least 0 and a correlation lies from -1 to 1, found "
            f"{first!r}, {second!r} and {correlation!r}"
        )
    return math.sqrt(max(0.0, first**2 + second**2 - 2 * correlation * first * second))


def _power(n: float, effect: float, alpha: float) -> float:
    """Computes the power of the t-test of n cases (any real number above 1)."""
    if n <= 1:
        return 0.0
    away, df = math.sqrt(n) * effect, n - 1
    limit = float(special.stdtrit(df, 1 - alpha / 2))
    if n < _LARGE:
        found = float(stats.nct.sf(limit, df, away) + stats.nct.cdf(-limit, df, away))
        if math.isfinite(found):
            return found
    shrunk, spread = limit * (1 - 1 / (4 * df)), math.sqrt(1 + limit**2 / (2 * df))  # Johnson, Welch 1940
    return float(special.ndtr((away - shrunk) / spread) + special.ndtr((-away - shrunk) / spread))


def _fewest(alpha: float, test: Test) -> int:
    """Returns the fewest cases for which the exact test can go below alpha: two tails of 2^-n."""
    return 2 if test == "t" else max(2, math.ceil(1 - math.log2(alpha)))


def _check(difference: float, sd: float, alpha: float, test: str) -> tuple[float, float]:
    """Checks the arguments; returns the first two as floats."""
    difference, sd = number(difference, "a difference"), number(sd, "a standard deviation")
    if not math.isfinite(difference) or not math.isfinite(sd) or sd < 0:
        raise IsthmusError(
            f"a difference and its standard deviation (at least 0) are needed, found {difference!r} and {sd!r}"
        )
    if not 0 < alpha < 1:
        raise IsthmusError(f"alpha must lie between 0 and 1, found {alpha!r}")
    if test not in EFFICIENCY:
        raise IsthmusError(f"the test is {test!r}; choose {', '.join(EFFICIENCY)}")
    return difference, sd
