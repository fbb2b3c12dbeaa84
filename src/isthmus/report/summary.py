"""Numbers of a report: means over cases, the order of the cases, and how figures are written."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from isthmus.report.folder import Run, Score

DASH = "–"
TITLES = {
    "dice": "Dice",
    "iou": "IoU",
    "hausdorff_distance": "Hausdorff distance",
    "hausdorff_distance_95": "Hausdorff distance, 95\u00a0%",
    "average_surface_distance": "Average surface distance",
}


@dataclass(frozen=True)
class Summary:
    """Mean and sample standard deviation (n - 1) of the `n` finite ones among `total` values."""

    mean: float
    std: float
    n: int
    total: int


def summarise(values: Iterable[float]) -> Summary:
    """Summary of a metric over cases; NaN (nothing to measure) and infinity count in `total` only.

    >>> summarise([1.0, 3.0, float("inf"), float("nan")])
    Summary(mean=2.0, std=1.4142135623730951, n=2, total=4)
    """
    array = np.fromiter(values, dtype=np.float64)
    finite = array[np.isfinite(array)]
    return Summary(
        mean=float(finite.mean()) if len(finite) else math.nan,
        std=float(finite.std(ddof=1)) if len(finite) > 1 else math.nan,
        n=len(finite),
        total=len(array),
    )


def by_case(scores: Iterable[Score], metric: str) -> dict[str, float]:
    """A metric for each case: the mean over its classes, NaN ones left out, infinite where one of them is."""
    found: dict[str, list[float]] = {}
    for score in scores:
        found.setdefault(score.case, []).append(score.values[metric])
    return {case: _mean(values) for case, values in found.items()}


def _mean(values: Sequence[float]) -> float:
    defined = [v for v in values if not math.isnan(v)]
    return sum(defined) / len(defined) if defined else math.nan


def missed(score: Score) -> bool:
    """Whether nothing of this class was found in this case: no overlap at all, or no finite distance.

    The rule holds whether the metrics gave a missed mask the image diagonal, infinity or NaN for a distance.
    """
    overlap = (score.values.get(m) for m in ("dice", "iou"))
    return any(v == 0 for v in overlap) or any(math.isinf(v) for v in score.values.values())


def missed_cases(scores: Iterable[Score]) -> int:
    """How many cases have a class of which nothing was found."""
    return len({score.case for score in scores if missed(score)})


def leading(run: Run) -> tuple[str, ...]:
    """The metrics of the headline: Dice, IoU and Hausdorff distance; the first three where there are none."""
    named = tuple(m for m in ("dice", "iou", "hausdorff_distance") if m in run.metrics)
    return named or run.metrics[:3]


def lower_is_better(metric: str) -> bool:
    """Whether a smaller value of this metric is the better one.

    >>> lower_is_better("dice"), lower_is_better("hausdorff_distance")
    (False, True)
    """
    return any(word in metric for word in ("distance", "error", "loss", "difference"))


def ranked(values: dict[str, float], metric: str) -> list[str]:
    """Case ids, best first; undefined cases last; ties in the order of their names.

    >>> ranked({"a": 0.2, "b": float("nan"), "c": 0.9}, "dice")
    ['c', 'a', 'b']
    """
    sign = 1.0 if lower_is_better(metric) else -1.0
    return sorted(values, key=lambda case: (math.isnan(values[case]), sign * values[case], case))


def landmarks(order: Sequence[str]) -> dict[str, str]:
    """Best, median and worst of cases ordered best first; fewer than three cases have fewer landmarks.

    >>> landmarks(["c", "a", "b"]), landmarks(["c", "a"]), landmarks(["c"])
    ({'c': 'Best', 'a': 'Median', 'b': 'Worst'}, {'c': 'Best', 'a': 'Worst'}, {'c': 'Only case'})
    """
    if len(order) < 2:
        return dict.fromkeys(order, "Only case")
    middle = {order[len(order) // 2]: "Median"} if len(order) > 2 else {}
    return {order[0]: "Best", **middle, order[-1]: "Worst"}


def title(metric: str) -> str:
    """The name of a metric's column as people write it.

    >>> title("iou"), title("volume_similarity")
    ('IoU', 'Volume similarity')
    """
    return TITLES.get(metric, metric.replace("_", " ").capitalize())


def decimals(metric: str, values: Iterable[float]) -> int:
    """Digits after the point for a whole column: three for shares of one, two for anything larger."""
    largest = max((abs(v) for v in values if math.isfinite(v)), default=0.0)
    return 2 if lower_is_better(metric) or largest > 1 else 3


def number(value: float, digits: int) -> str:
    """A figure of a table.

    >>> number(0.91249, 3), number(float("inf"), 2), number(float("nan"), 2), number(-0.25, 2)
    ('0.912', '∞', '–', '−0.25')
    """
    if math.isnan(value):
        return DASH
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:.{digits}f}".replace("-", "−")


def duration(seconds: float | None) -> str:
    """A span of time in its two largest units.

    >>> duration(3.2), duration(200), duration(3840), duration(None)
    ('3 s', '3 min 20 s', '1 h 04 min', '–')
    """
    if seconds is None or not math.isfinite(seconds):
        return DASH
    whole = round(seconds)
    minutes, rest = divmod(whole, 60)
    if minutes == 0:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
