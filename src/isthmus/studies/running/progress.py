"""How far a study is, what it has cost, and what is left of it: from its files alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from isthmus.studies.running.times import spent, trained_for
from isthmus.studies.study_folder import Planned, State, StudyFolder


@dataclass(frozen=True)
class Span:
    """Seconds, and whether they are the whole of it: else of some cells only the epochs are in it."""

    seconds: float
    whole: bool = True


@dataclass(frozen=True)
class Status:
    """How far a study is: names of cells by state, and the time that is left, where it can be told.

    Attributes:
        spent: of all cells one after another, whatever ran beside what.
        left: with as many at a time as now.
    """

    cells: Mapping[State, tuple[Planned, ...]]
    spent: Span
    left: Span | None

    def count(self, state: State) -> int:
        """How many cells are in a state."""
        return len(self.cells[state])


def status(folder: StudyFolder) -> Status:
    """How far a study is.

    What a cell costs is the time from its beginning to its end, all attempts together. The time that is left is that
    of finished cells of the same network (else of any), less the epochs that are done, divided by how many run at once.
    """
    plan = folder.plan()
    found: dict[State, list[Planned]] = {"done": [], "running": [], "failed": [], "left": []}
    for cell in _once(plan.cells):
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
    known: dict[tuple[str, str], list[tuple[float, float | None]]] = {}
    for cell in done:
        times = trained_for(folder.run(cell.name)), spent(folder, cell.name)
        known.setdefault((cell.data, cell.network), []).append(times)
    if not known:
        return None
    every = [times for cells in known.values() for times in cells]
    total, whole = 0.0, True
    for cell in left:
        alike = known.get((cell.data, cell.network), every)
        trained, all_of_it = _mean(x for x, _ in alike), [x for _, x in alike if x is not None]
        whole &= bool(all_of_it)
        total += (_mean(all_of_it) if all_of_it else trained) - trained * _share(folder, cell)
    return Span(max(0.0, total), whole)


def _share(folder: StudyFolder, cell: Planned) -> float:
    """Of the epochs of a cell, how many are done."""
    run = folder.run(cell.name)
    if not run.history.is_file():
        return 0.0
    return min(1.0, len(run.read_rows(run.history)) / folder.recipe(cell.name).training.epochs)


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)


def _once(cells: Iterable[Planned]) -> list[Planned]:
    """Two places on the axes may be one computation."""
    return list({cell.name: cell for cell in cells}.values())
