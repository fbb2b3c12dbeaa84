"""How far a study has come, what it has cost, and how long the rest will take, from its files only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from isthmus.studies.running.times import forecast, spent, trained_for
from isthmus.studies.study_folder import Planned, State, StudyFolder


@dataclass(frozen=True)
class Span:
    """A time in seconds; `whole` is False if only the epochs of some cells are known."""

    seconds: float
    whole: bool = True


@dataclass(frozen=True)
class Status:
    """How far a study has come.

    Attributes:
        cells: the cells in each state.
        spent: the sum of the times of all cells, also of those that ran at the same time.
        left: the time that is left with as many cells at a time as now; None if it cannot be estimated.
    """

    cells: Mapping[State, tuple[Planned, ...]]
    spent: Span
    left: Span | None

    def count(self, state: State) -> int:
        """Counts the cells in a state."""
        return len(self.cells[state])


def status(folder: StudyFolder) -> Status:
    """Returns how far a study has come.

    The time of a cell runs from its start to its end, over all attempts. The time that is left is estimated from
    finished cells of the same network and data set, or else from the steps that were measured before cells started, or
    else from any finished cell, less the epochs that are done, and divided by the number of cells that run at a time.
    """
    plan = folder.plan()
    found: dict[State, list[Planned]] = {"done": [], "running": [], "failed": [], "left": []}
    for cell in {cell.name: cell for cell in plan.cells}.values():  # two places on the axes may share one run
        found[folder.state(cell.name)].append(cell)
    left = [*found["running"], *found["left"]]
    rest = _left(folder, found["done"], left)
    if rest is not None:
        at_once = max(1, min(max(plan.jobs, len(found["running"])), len(left)))
        rest = Span(rest.seconds / at_once, rest.whole)
    cells = {state: tuple(cells) for state, cells in found.items()}
    return Status(cells, _spent(folder, found), rest)


def _spent(folder: StudyFolder, found: Mapping[State, Sequence[Planned]]) -> Span:
    total, whole = 0.0, True
    for state, cells in found.items():
        for cell in cells:
            seconds = spent(folder, cell.name, running=state == "running")
            whole &= seconds is not None
            total += trained_for(folder.run(cell.name)) if seconds is None else seconds
    return Span(total, whole)


def _left(folder: StudyFolder, done: Sequence[Planned], left: Sequence[Planned]) -> Span | None:
    if not left:
        return Span(0.0)
    finished: dict[tuple[str, str], list[tuple[float, float | None]]] = {}
    for cell in done:
        times = trained_for(folder.run(cell.name)), spent(folder, cell.name)
        finished.setdefault((cell.data, cell.network), []).append(times)
    forecasts = [
        (cell, seconds) for cell in (*done, *left) if (seconds := forecast(folder, cell.name)) is not None
    ]
    every = [times for cells in finished.values() for times in cells]
    total, whole = 0.0, True
    for cell in left:
        alike = finished.get((cell.data, cell.network))
        measured = None if alike else _forecast(cell, forecasts)
        if measured is not None:
            total += measured * (1 - _share(folder, cell))
            continue
        if not every:
            return None
        alike = alike or every
        trained, all_of_it = _mean(x for x, _ in alike), [x for _, x in alike if x is not None]
        whole &= bool(all_of_it)
        total += (_mean(all_of_it) if all_of_it else trained) - trained * _share(folder, cell)
    return Span(max(0.0, total), whole)


def _forecast(cell: Planned, forecasts: Sequence[tuple[Planned, float]]) -> float | None:
    """Returns the mean forecast for cells of the same network on the same data, or else of the network, or of any."""
    for alike in (
        [x for other, x in forecasts if (other.data, other.network) == (cell.data, cell.network)],
        [x for other, x in forecasts if other.network == cell.network],
        [x for _, x in forecasts],
    ):
        if alike:
            return _mean(alike)
    return None


def _share(folder: StudyFolder, cell: Planned) -> float:
    """Returns the share of a cell's epochs that are done."""
    run = folder.run(cell.name)
    if not run.history.is_file():
        return 0.0
    return min(1.0, len(run.read_rows(run.history)) / folder.recipe(cell.name).training.epochs)


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)
