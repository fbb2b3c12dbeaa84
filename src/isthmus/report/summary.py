"""The numbers of a report: means over cases, the order of the cases, and how numbers are written."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence

from isthmus.metrics import Summary, over_classes, pooled
from isthmus.metrics.summary import mean_of
from isthmus.metrics.table import COUNTS, METRICS, direction, is_shown
from isthmus.metrics.table import title as plain_title
from isthmus.runs.results import Run, Score

DASH = "–"
GRIDS = {"original": "the images' own grid", "network": "the grid the network sees"}


def by_case(scores: Iterable[Score], metric: str) -> dict[str, float]:
    """Returns a metric for each case: the mean over its classes without NaN, infinite if one of them is."""
    return {
        case: mean_of(values[metric] for values in classes.values())
        for case, classes in _cases(scores).items()
    }


def summarise(scores: Iterable[Score]) -> Mapping[str, Summary]:
    """Returns the summary of every metric over cases, each case the mean over its classes.

    See `isthmus.metrics.over_classes`. Where the rows hold no counts of points, nothing counts as missed; see
    `Run.has_counts`.
    """
    nothing = dict.fromkeys(COUNTS, math.nan)
    return over_classes(
        {label: {**nothing, **values} for label, values in classes.items()}
        for classes in _cases(scores).values()
    )


def pooled_overlap(scores: Sequence[Score]) -> dict[str, float]:
    """Returns Dice and IoU of all cases taken as one large image; empty if the rows hold no counts."""
    if not all(score.has_counts for score in scores):
        return {}
    counts = pooled(score.values for score in scores)
    return {"dice": counts.dice, "iou": counts.iou}


def _cases(scores: Iterable[Score]) -> dict[str, dict[str, Mapping[str, float]]]:
    found: dict[str, dict[str, Mapping[str, float]]] = {}
    for score in scores:
        found.setdefault(score.case, {})[score.label] = score.values
    return found


def over_folds(means: Iterable[float]) -> tuple[float, float]:
    """Returns mean and sample standard deviation (n - 1) of the folds' means; NaN if there are too few.

    >>> over_folds([0.5, 1.0, 0.75])
    (0.75, 0.25)
    """
    numbers = [mean for mean in means if not math.isnan(mean)]
    if not numbers:
        return math.nan, math.nan
    spread = statistics.stdev(numbers) if len(numbers) > 1 and all(map(math.isfinite, numbers)) else math.nan
    return statistics.fmean(numbers), spread


def on_grid(grids: Iterable[str]) -> str:
    """Returns where cases were scored, for a caption.

    >>> on_grid(["network"]), on_grid([""])
    ('on the grid the network sees', '')
    """
    named = [GRIDS.get(grid, f"the grid '{grid}'") for grid in grids if grid]
    return f"on {' and '.join(named)}" if named else ""


def main_metrics(metrics: Sequence[str]) -> tuple[str, ...]:
    """Returns the metrics that a table of cases shows, and columns that are not in the table of metrics."""
    return tuple(m for m in metrics if is_shown(m, "report") or m not in METRICS)


def leading(run: Run) -> tuple[str, ...]:
    """Returns the metrics of the headline, or the first three metrics if the run has none of them.

    They are Dice, IoU and Hausdorff distance, or the metrics of objects and Dice where objects were scored: the first
    orders the cases, and nuclei that run together have a high Dice.
    """
    objects = any(m in METRICS and METRICS[m].objects for m in run.metrics)
    named = [m for m in METRICS if is_shown(m, "object headline" if objects else "headline")]
    named.sort(key=lambda metric: not METRICS[metric].objects)
    return tuple(m for m in named if m in run.metrics) or run.metrics[:3]


def ranked(values: dict[str, float], metric: str) -> list[str]:
    """Returns case ids, best first, with undefined cases last and ties in the order of their names.

    >>> ranked({"a": 0.2, "b": float("nan"), "c": 0.9}, "dice")
    ['c', 'a', 'b']
    """
    sign = 1 if direction(metric) < 0 else -1
    return sorted(values, key=lambda case: (math.isnan(values[case]), sign * values[case], case))


def landmarks(order: Sequence[str]) -> dict[str, str]:
    """Returns the best, the median and the worst of cases in order; fewer than three cases have fewer landmarks.

    >>> landmarks(["c", "a", "b"]), landmarks(["c", "a"]), landmarks(["c"])
    ({'c': 'Best', 'a': 'Median', 'b': 'Worst'}, {'c': 'Best', 'a': 'Worst'}, {'c': 'Only case'})
    """
    if len(order) < 2:
        return dict.fromkeys(order, "Only case")
    middle = {order[len(order) // 2]: "Median"} if len(order) > 2 else {}
    return {order[0]: "Best", **middle, order[-1]: "Worst"}


def title(metric: str) -> str:
    """Returns the name of a metric as people write it.

    >>> title("iou"), title("volume_similarity")
    ('IoU', 'Volume similarity')
    """
    return plain_title(metric).replace(" %", "\u00a0%")


def decimals(metric: str, values: Iterable[float]) -> int:
    """Returns the digits after the point for a whole column: three for shares of 1, two for anything else."""
    largest = max((abs(v) for v in values if math.isfinite(v)), default=0.0)
    share = metric not in METRICS or METRICS[metric].unit == "share"
    return 3 if share and largest <= 1 else 2


def number(value: float, digits: int) -> str:
    """Returns a number as a table shows it.

    >>> number(0.91249, 3), number(float("inf"), 2), number(float("nan"), 2), number(-0.25, 2)
    ('0.912', '∞', '–', '−0.25')
    """
    if math.isnan(value):
        return DASH
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:.{digits}f}".replace("-", "−")


def p_text(p: float) -> str:
    """Returns a p-value as a table shows it.

    >>> p_text(0.04237), p_text(2e-7), p_text(float("nan"))
    ('0.0424', '< 0.0001', '–')
    """
    return DASH if math.isnan(p) else "< 0.0001" if p < 1e-4 else f"{p:.4f}"


def duration(seconds: float | None) -> str:
    """Returns a time in its two largest units.

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
