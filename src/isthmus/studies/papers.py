"""The papers' tables and figures as studies: which there are, on which data, at which scale."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml

from isthmus.errors import IsthmusError, nearest
from isthmus.files import atomic_path
from isthmus.networks.registry import entry, tiny_options
from isthmus.runs.recipe import overlaid
from isthmus.studies.planning import Place, find_data, undivided
from isthmus.studies.run import Asked, run_study
from isthmus.studies.running.execute import Outcome
from isthmus.studies.study import Phantoms, Sections, Study, make_study
from isthmus.studies.study_folder import StudyFolder
from isthmus.watch import Watch

SCALES = ("paper", "small")
WIDER = 2
"""By which the smallest networks, which are for tests, are made wider at the small scale."""


@dataclass(frozen=True)
class Paper:
    """A table or figure: the study that makes it, and the CSV of the numbers that the paper prints."""

    study: Study
    printed: str | None


def list_papers() -> list[str]:
    """Names of all tables and figures.

    >>> "mildnet/table5" in list_papers()
    True
    """
    return [
        f"{folder.name}/{each.name.removesuffix('.yaml')}"
        for folder in sorted(_recipes().iterdir(), key=lambda each: each.name)
        for each in sorted(folder.iterdir(), key=lambda each: each.name)
        if each.name.endswith(".yaml")
    ]


def read_paper(name: str) -> Paper:
    """The study of a table or figure.

    Raises:
        IsthmusError: no such one; the nearest is named.
    """
    if name not in list_papers():
        raise IsthmusError(f"no table or figure '{name}': {nearest(name, list_papers())}")
    home = _recipes() / name.partition("/")[0]
    text = (_recipes() / f"{name}.yaml").read_text(encoding="utf-8")
    study = make_study(yaml.safe_load(text), f"{name}.yaml")
    printed = (home / study.printed).read_text(encoding="utf-8") if study.printed else None
    return Paper(study, printed)


def reproduce(
    name: str, out: Path, watch: Watch, *, root: Path | None = None, asked: Asked | None = None
) -> Outcome:
    """Compute a table or figure of a paper.

    Args:
        name: one of `list_papers`.
        out: the folder of the study.
        root: where the data sets lie, each in a folder of its name; those that are not there are left out, or at the
            small scale replaced by phantoms.

    Raises:
        IsthmusError: as `run_study`; at the paper's scale, none of the data sets is there.
    """
    asked = asked or Asked(scale="paper")
    if asked.scale not in SCALES:
        raise IsthmusError(f"--scale {asked.scale}: {nearest(asked.scale, SCALES)}")
    if root is not None and not root.is_dir():
        raise IsthmusError(f"{root}: no such folder; --data is where the data sets lie")
    paper = read_paper(name)
    StudyFolder(out).refuse_others()
    places, absent = find_data(paper.study, root)
    small = asked.scale == "small" and not paper.study.counted
    study = reduced(paper.study, tuple(absent)) if small else paper.study
    for label, why in undivided(study, places).items():
        absent[label] = why
        del places[label]
    drawn: tuple[str, ...] = ()
    if small:
        study = reduced(paper.study, tuple(absent))
        drawn = tuple(absent)
        places |= {label: _draw(out, label, study) for label in absent}
        absent = {}
    if not places and not study.counted:
        sources = ", ".join(str(each["data"]["source"]) for each in study.data.values())
        first = next(iter(absent.values()))
        raise IsthmusError(
            f"{name}: none of its data sets ({sources}) is there: {first}; or take --scale small"
        )
    for label, why in absent.items():
        watch.say(f"left out: {label}: {why}")
    if drawn:
        watch.say(f"phantoms stand in for {', '.join(drawn)}")
    return run_study(
        study, out, watch, places=places, printed=paper.printed, drawn=drawn, absent=absent, asked=asked
    )


def reduced(study: Study, drawn: tuple[str, ...] = ()) -> Study:
    """The study at the small scale, on phantoms for the data sets of these labels."""
    small = study.small
    dropped = ("input",) if "input" in small.recipe else ()  # sizes are the small scale's
    data = {}
    for label, sections in study.data.items():
        data[label] = overlaid(_without(sections, *dropped), small.data.get(label, {}))
        if label in drawn:
            about = {"data": {**_meaning(_phantoms(small.phantoms, label)), "source": label}}
            data[label] = overlaid(overlaid(_without(data[label], "data"), about), small.drawn.get(label, {}))
    changes: dict[str, Any] = {
        "recipe": overlaid(study.recipe, small.recipe),
        "data": data,
        "networks": {
            label: overlaid(_smaller(_without(sections, *dropped)), small.networks.get(label, {}))
            for label, sections in study.networks.items()
        },
    }
    for key in ("folds", "repeats", "grid", "around"):
        given = getattr(small, key)
        if given is not None:
            changes[key] = given
    return make_study(study.to_dict() | changes, f"{study.name} at the small scale")


def _smaller(sections: Sections) -> Sections:
    """With the fewest weights that the layout allows, a little wider."""
    network = sections.get("network", {})
    tiny = {name: _wider(name, value) for name, value in tiny_options(network["model"]).items()}
    if "encoder_weights" in inspect.signature(entry(network["model"]).make).parameters:
        tiny["encoder_weights"] = None
    return overlaid(sections, {"network": {"options": tiny}})


def _wider(name: str, value: Any) -> Any:
    if name in ("widths", "up_widths"):
        return [WIDER * each for each in value]
    return list(value) if isinstance(value, tuple) else value


def _without(sections: Mapping[str, Any], *keys: str) -> Sections:
    return {name: value for name, value in sections.items() if name not in keys}


def _meaning(phantoms: Phantoms) -> Sections:
    """What the masks of phantoms mean."""
    if phantoms.kind == "organs":
        from isthmus.data.phantoms.organs import ORGANS

        return {"classes": list(ORGANS), "values": {index: index for index in range(len(ORGANS))}}
    return {"instances": True} if phantoms.kind == "touching" else {}


def _phantoms(phantoms: Phantoms | Mapping[str, Phantoms], label: str) -> Phantoms:
    return phantoms if isinstance(phantoms, Phantoms) else phantoms.get(label, Phantoms())


def _draw(out: Path, label: str, study: Study) -> Place:
    """Write the phantoms of a data set, where they are not written yet."""
    asked = _phantoms(study.small.phantoms, label)
    word = re.sub(r"\W+", "-", label.lower())
    path = out / "phantoms" / f"{word}-{asked.kind}-{asked.cases}-{asked.size}-{asked.seed}"
    if not path.is_dir():
        StudyFolder(out).begin()
        with atomic_path(path) as aside:
            _write(aside, asked)
    return Place.open(str(path))


def _write(folder: Path, asked: Phantoms) -> None:
    if asked.kind == "organs":
        from isthmus.data.phantoms.organs import SHAPE, SPACING, write_organ_phantoms

        shape = (asked.slices, asked.size, asked.size)
        spacing = [n * step / side for n, step, side in zip(SHAPE, SPACING, shape, strict=True)]
        write_organ_phantoms(folder, asked.cases, seed=asked.seed, shape=shape, spacing=spacing)
    elif asked.kind == "touching":
        from isthmus.data.phantoms.nuclei import write_touching_nuclei

        write_touching_nuclei(folder, asked.cases, asked.size, asked.seed)
    else:
        from isthmus.data.phantoms.cells import write_phantoms

        write_phantoms(folder, asked.cases, asked.size, asked.seed)


def _recipes() -> Traversable:
    return files("isthmus") / "recipes"
