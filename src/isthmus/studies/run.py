"""A study from its file to its run folders: plans the cells, and computes those that are missing."""

from __future__ import annotations

from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from isthmus.errors import IsthmusError
from isthmus.studies.planning import StudyData, budget, plan_study
from isthmus.studies.running.estimate import estimate
from isthmus.studies.running.execute import Machines, Outcome, execute, this_machine
from isthmus.studies.running.on_ray import cluster, parse
from isthmus.studies.running.workers import Launch
from isthmus.studies.study import Study
from isthmus.studies.study_folder import Plan, StudyFolder, StudyRequest
from isthmus.watch import Watch

SHORT = 120.0
"""Seconds below which cells share processes; starting a process takes a few of them."""


@dataclass(frozen=True)
class RunOptions:
    """How the cells of a study are computed.

    Attributes:
        jobs: cells at a time; None: one for each GPU, or else one for every four cores, at the small scale for each.
        scale: "small" or "paper" for a study of a paper; empty for any other.
        launch: starts the process of a cell on this machine; None: short cells share processes, long ones do not.
        on: a Ray cluster, in the form that `isthmus.studies.running.on_ray.parse` reads; None: this machine.
        only_estimate: end before the first cell, once it is known how long all will take.
    """

    jobs: int | None = None
    scale: str = ""
    launch: Launch | None = None
    on: str | None = None
    only_estimate: bool = False

    def check(self) -> None:
        """Raises an error if a value is not possible, whatever the study.

        Raises:
            IsthmusError: the number of jobs, or the form of the cluster's address.
        """
        if self.jobs is not None and self.jobs < 1:
            raise IsthmusError(f"--jobs is {self.jobs}; give 1 or more processes")
        if self.on is not None:
            parse(self.on)


def run_study(
    study: Study,
    data: StudyData,
    out: Path,
    watch: Watch,
    *,
    printed: str | None = None,
    options: RunOptions | None = None,
) -> Outcome:
    """Computes the missing cells of a study.

    Args:
        study: the study.
        data: its data sets, from `find_data`.
        out: the folder of the study; cells that an earlier run, or a smaller study, finished there are kept.
        watch: receives the plan and the progress.
        printed: CSV of the numbers that the paper prints.
        options: how cells are computed.

    Raises:
        IsthmusError: an option or a recipe is wrong; nothing is computed then.
    """
    options = options or RunOptions()
    options.check()
    folder = StudyFolder(out)
    folder.refuse_others()
    plan, recipes = plan_study(study, data, options.scale)
    cost = budget(folder, plan)
    if study.counted or not cost.left:
        with suppress(IsthmusError):  # the plan on disk keeps its number of jobs
            plan = replace(plan, jobs=folder.plan().jobs)
        with folder.held():
            folder.write(study, plan, recipes, printed)
        if not study.counted:
            watch.say(f"{study.name}: {cost.line()}")
        return Outcome((), (), StudyRequest(study, plan, printed))
    with _machines(options, watch) as machines:
        plan = replace(plan, jobs=machines.jobs)
        with folder.held():
            folder.write(study, plan, recipes, printed)
        watch.say(f"{study.name}: {cost.line()}; {machines.line}")
        seconds = estimate(folder, plan, machines, watch)
        if options.only_estimate:
            return Outcome((), (), StudyRequest(study, plan, printed))
        outcome = execute(folder, plan, machines.sharing(_short(study, seconds / cost.left)), watch)
        return replace(outcome, request=StudyRequest(study, plan, printed))


def _machines(options: RunOptions, watch: Watch) -> AbstractContextManager[Machines]:
    if options.on is None:
        return this_machine(options.jobs, options.launch, small=options.scale == "small")
    return cluster(options.on, options.jobs, watch)


def _short(study: Study, seconds: float) -> bool:
    """Returns whether cells share processes, given the time of one; not where the memory of each is a measure."""
    return seconds < SHORT and all(measure.column != "peak_memory_bytes" for measure in study.measures)


def failure_lines(outcome: Outcome, plan: Plan, folder: StudyFolder) -> list[str]:
    """Returns the lines that name the failed cells and their reasons; none if no cell failed."""
    found = [f"{cell.label} ({folder.cells / cell.name}): {folder.why(cell.name)}" for cell in outcome.failed]
    return (
        [f"{len(found)} of {len({cell.name for cell in plan.cells})} cells failed:", *found] if found else []
    )
