"""How long a study will take, said before its cells start: from one step of each network on each data set."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable

from isthmus.errors import counted
from isthmus.studies.running.execute import POLL, Machines
from isthmus.studies.running.progress import status
from isthmus.studies.running.workers import Crew, Process
from isthmus.studies.study_folder import Plan, Planned, StudyFolder
from isthmus.watch import Watch, duration

LEAST, SHARE = 20.0, 0.02
"""Each network is measured once, and on its other data sets within so many seconds, or that share of the whole."""


def estimate(folder: StudyFolder, plan: Plan, machines: Machines, watch: Watch) -> float:
    """Says how long the cells that are not done will take, and returns their seconds, added up; infinity if unknown.

    Finished cells tell it for cells of the same network and data set. For the others, one step is measured.
    """
    cells = {cell.name: cell for cell in plan.cells}.values()
    done = [cell for cell in cells if folder.run(cell.name).finished()]
    known = {_kind(cell) for cell in done}
    new = [cell for cell in cells if _kind(cell) not in known]
    measured = _measure(folder, new, machines, machines.crew) if machines.crew else 0
    left = _left(folder)
    if math.isinf(left):
        return left
    how = [f"one step of each of {counted(measured, 'network')}"] if measured else []
    how += [counted(len(done), "finished cell")] if done else []
    watch.say(f"about {duration(left)} (measured: {' and '.join(how)})")
    return left * max(1, min(plan.jobs, len(cells) - len(done)))


def _kind(cell: Planned) -> tuple[str, str]:
    return cell.data, cell.network


def _ranked(cells: Iterable[Planned]) -> list[list[Planned]]:
    """Returns a cell of each network on each data set: one of each network, and those on its other data sets."""
    first: dict[tuple[str, str], Planned] = {}
    once: dict[str, Planned] = {}
    for cell in cells:
        once.setdefault(cell.network, first.setdefault(_kind(cell), cell))
    return [list(once.values()), [cell for cell in first.values() if cell is not once[cell.network]]]


def _measure(folder: StudyFolder, cells: Iterable[Planned], machines: Machines, crew: Crew) -> int:
    """Measures a step of one cell of each network, and on its other data sets if time allows; returns their number."""
    needed, useful = _ranked(cells)
    waiting = [cell.name for cell in (*needed, *useful) if not folder.forecast(cell.name).is_file()]
    running: dict[int, Process] = {}
    started, number = time.monotonic(), 0
    while waiting or running:
        running = {slot: process for slot, process in running.items() if process.poll() is None}
        if waiting and len(running) < machines.jobs:
            spent = time.monotonic() - started
            if number >= len(needed) and spent > LEAST and spent > SHARE * _left(folder):
                waiting.clear()
                continue
            slot = next(number for number in range(machines.jobs) if number not in running)
            running[slot] = crew.measure(folder, waiting.pop(0), machines.threads, slot)
            number += 1
        time.sleep(POLL)
    return sum(folder.forecast(cell.name).is_file() for cell in (*needed, *useful))


def _left(folder: StudyFolder) -> float:
    left = status(folder).left
    return math.inf if left is None else left.seconds
