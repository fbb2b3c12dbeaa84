"""A study from its file to its page: plan, compute what is missing, write tables."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from isthmus.errors import IsthmusError
from isthmus.studies.planning import Place, budget, find_data, plan_study
from isthmus.studies.running.execute import Launch, Machines, Outcome, execute, launch, this_machine
from isthmus.studies.running.on_ray import cluster, parse
from isthmus.studies.study import Study
from isthmus.studies.study_folder import Order, Plan, StudyFolder
from isthmus.watch import Watch


@dataclass(frozen=True)
class Asked:
    """How a study is to be run."""

    jobs: int | None = None
    scale: str = ""
    launch: Launch = launch
    on: str | None = (
        None  # a Ray cluster, as `isthmus.studies.running.on_ray.cluster` takes it; None: this machine
    )


def run_study(
    study: Study,
    out: Path,
    watch: Watch,
    *,
    root: Path | None = None,
    beside: Path | None = None,
    places: Mapping[str, Place] | None = None,
    printed: str | None = None,
    drawn: tuple[str, ...] = (),
    absent: Mapping[str, str] | None = None,
    asked: Asked | None = None,
) -> Outcome:
    """Compute the cells of a study that are missing.

    Args:
        out: the folder of the study; what an earlier run of it, or of a smaller one, finished there is kept.
        root: where built-in data sets lie, each in a folder of its name.
        beside: where relative paths start.
        places: where data lies, if it is known; None: looked for in ``root``.
        printed: CSV of the paper's own numbers.
        drawn, absent: labels of phantoms, and of data that was not given.

    Raises:
        IsthmusError: a data set is missing or a recipe is wrong; nothing is computed then.
    """
    asked = asked or Asked()
    if places is None:
        found, missing = find_data(study, root, beside)
        if missing:
            raise IsthmusError(next(iter(missing.values())))
        places = found
    if asked.jobs is not None and asked.jobs < 1:
        raise IsthmusError(f"--jobs is {asked.jobs}; at least one process computes")
    if asked.on is not None:
        parse(asked.on)
    folder = StudyFolder(out)
    folder.refuse_others()
    plan, recipes = plan_study(
        study, dict(places), scale=asked.scale, drawn=drawn, absent=tuple(absent or ())
    )
    cost = budget(folder, plan)
    if study.counted or not cost.left:
        with suppress(IsthmusError):  # what was written stays as it is
            plan = replace(plan, jobs=folder.plan().jobs)
        with folder.held():
            folder.write(study, plan, recipes, printed)
        if not study.counted:
            watch.say(f"{study.name}: {cost.line()}")
        return Outcome((), (), Order(study, plan, printed))
    with _machines(asked, watch) as here:
        plan = replace(plan, jobs=here.jobs)
        with folder.held():
            folder.write(study, plan, recipes, printed)
        watch.say(f"{study.name}: {cost.line()}; {here.line}")
        return replace(execute(folder, plan, here, watch), order=Order(study, plan, printed))


def _machines(asked: Asked, watch: Watch) -> AbstractContextManager[Machines]:
    if asked.on is None:
        return nullcontext(this_machine(asked.jobs, asked.launch))
    return cluster(asked.on, asked.jobs, watch)


def lines_of(outcome: Outcome, plan: Plan, folder: StudyFolder) -> list[str]:
    """What is said at the end: the cells that failed, and why."""
    found = [f"{cell.label} ({folder.cells / cell.name}): {folder.why(cell.name)}" for cell in outcome.failed]
    return (
        [f"{len(found)} of {len({cell.name for cell in plan.cells})} cells failed:", *found] if found else []
    )
