"""A study from its file to its page: plan, compute what is missing, write tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from isthmus.errors import IsthmusError
from isthmus.studies.execute import Launch, Outcome, default_jobs, execute, launch
from isthmus.studies.folder import Plan, StudyFolder
from isthmus.studies.planning import Place, budget, find_data, plan_study
from isthmus.studies.study import Study
from isthmus.watch import Watch


@dataclass(frozen=True)
class Asked:
    """How a study is to be run."""

    jobs: int | None = None
    scale: str = ""
    launch: Launch = launch


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
    jobs = default_jobs() if asked.jobs is None else asked.jobs
    if jobs < 1:
        raise IsthmusError(f"--jobs is {jobs}; at least one process computes")
    folder = _folder(out)
    plan, recipes = plan_study(
        study, dict(places), scale=asked.scale, drawn=drawn, absent=tuple(absent or ()), jobs=jobs
    )
    folder.write(study, plan, recipes, printed)
    if study.counted:
        return Outcome((), ())
    cost = budget(folder, plan)
    watch.say(f"{study.name}: {cost.line()}; {jobs} process{'es' if jobs > 1 else ''} at a time")
    if not cost.left:
        return Outcome((), ())
    return execute(folder, plan, jobs, watch, asked.launch)


def _folder(out: Path) -> StudyFolder:
    """The folder of a study; other things are not written among."""
    if out.exists() and not out.is_dir():
        raise IsthmusError(f"{out} is a file; choose another --out")
    folder = StudyFolder(out)
    own = {"phantoms", "plan.json", "planned", "study.yaml"}
    if out.is_dir() and any(out.iterdir()) and not any((out / name).exists() for name in own):
        raise IsthmusError(f"{out} exists and holds no study; choose another --out")
    return folder


def lines_of(outcome: Outcome, plan: Plan, folder: StudyFolder) -> list[str]:
    """What is said at the end: the cells that failed, and why."""
    found = [f"{cell.label} ({folder.cells / cell.name}): {folder.why(cell.name)}" for cell in outcome.failed]
    return (
        [f"{len(found)} of {len({cell.name for cell in plan.cells})} cells failed:", *found] if found else []
    )
