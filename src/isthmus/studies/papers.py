"""The papers' tables and figures as studies, at the papers' scale or at a small one."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml

from isthmus.errors import IsthmusError, counted, nearest
from isthmus.files import atomic_path
from isthmus.networks.registry import entry, tiny_options
from isthmus.runs.recipe import overlaid
from isthmus.studies.planning import Place, StudyData, find_data, without_unsplittable
from isthmus.studies.run import RunOptions, run_study
from isthmus.studies.running.execute import Outcome
from isthmus.studies.study import Phantoms, Sections, Study, make_study
from isthmus.studies.study_folder import StudyFolder
from isthmus.watch import Watch

SCALES = ("paper", "small")
WIDTHS = (8, 16, 32, 64)
"""Channels of the levels of a U-Net at the small scale: doubled from level to level, as in the papers."""
LEAST = {"brats": 12, "glas-2015": 60, "isic-2018": 24}
"""Cases of a data set of which small networks learn something; where there are fewer, phantoms are drawn."""
WIDER = 2
"""Factor by which networks that tests make tiny in a way of their own are widened at the small scale."""


@dataclass(frozen=True)
class Paper:
    """A table or figure: the study that makes it, and the CSV of the numbers that the paper prints."""

    study: Study
    printed: str | None


def list_papers() -> list[str]:
    """Returns the names of all tables and figures.

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
    """Reads the study of a table or figure.

    Raises:
        IsthmusError: there is no such table or figure; the message names the nearest.
    """
    if name not in list_papers():
        raise IsthmusError(f"no table or figure '{name}': {nearest(name, list_papers())}")
    home = _recipes() / name.partition("/")[0]
    text = (_recipes() / f"{name}.yaml").read_text(encoding="utf-8")
    study = make_study(yaml.safe_load(text), f"{name}.yaml")
    printed = (home / study.printed).read_text(encoding="utf-8") if study.printed else None
    return Paper(study, printed)


def reproduce(
    name: str, out: Path, watch: Watch, *, root: Path | None = None, options: RunOptions | None = None
) -> Outcome:
    """Computes a table or figure of a paper.

    Args:
        name: one of `list_papers`.
        out: the folder of the study.
        watch: receives the plan and the progress.
        root: folder of the data sets, each in a folder of its name. Missing data sets are left out, or at
            the small scale replaced by phantoms.
        options: how cells are computed, and at which scale.

    Raises:
        IsthmusError: as `run_study`; at the paper's scale, none of the data sets is there.
    """
    options = options or RunOptions(scale="paper")
    refuse_wrong(options, root)
    paper = read_paper(name)
    StudyFolder(out).refuse_others()
    data = find_data(paper.study, root)
    small = options.scale == "small" and not paper.study.counted
    if small:
        data = without_few(data)
    study = reduced(paper.study, tuple(data.absent)) if small else paper.study
    data = without_unsplittable(study, data)
    if small:
        study = reduced(paper.study, tuple(data.absent))
        phantoms = {label: _draw(out, label, study) for label in data.absent}
        for label, why in data.absent.items():
            watch.say(f"phantoms replace {label}: {why}")
        data = StudyData({**data.places, **phantoms}, tuple(phantoms))
    if not data.places and not study.counted:
        sources = ", ".join(str(each["data"]["source"]) for each in study.data.values())
        first = next(iter(data.absent.values()))
        raise IsthmusError(
            f"{name}: none of its data sets ({sources}) is available: {first}; or use --scale small"
        )
    for label, why in data.absent.items():
        watch.say(f"left out: {label}: {why}")
    return run_study(study, data, out, watch, printed=paper.printed, options=options)


def refuse_wrong(options: RunOptions, root: Path | None) -> None:
    """Raises an error if no table or figure could be made this way.

    Raises:
        IsthmusError: the scale, the folder of the data sets, or how cells are computed.
    """
    options.check()
    if options.scale not in SCALES:
        raise IsthmusError(f"--scale {options.scale}: {nearest(options.scale, SCALES)}")
    if root is not None and not root.is_dir():
        raise IsthmusError(f"{root}: no such folder; --data is the folder that holds the data sets")


def without_few(data: StudyData) -> StudyData:
    """Returns the data without the data sets that have fewer cases than `LEAST`, which count as absent."""
    few = {}
    for label, place in data.places.items():
        cases, least = len(place.dataset.cases), LEAST.get(place.source, 0)
        if cases < least:
            few[label] = (
                f"{counted(cases, 'case')}, and small networks need {least} to learn from {place.source}"
            )
    places = {label: place for label, place in data.places.items() if label not in few}
    return replace(data, places=places, absent={**data.absent, **few})


def reduced(study: Study, phantoms: tuple[str, ...] = ()) -> Study:
    """Returns the study at the small scale, with phantoms for the data sets of these labels."""
    small = study.small
    dropped = ("input",) if "input" in small.recipe else ()  # the small scale has its own sizes
    data = {}
    for label, sections in study.data.items():
        data[label] = overlaid(_without(sections, *dropped), small.data.get(label, {}))
        if label in phantoms:
            about = {"data": {**_classes(_phantoms(small.phantoms, label)), "source": label}}
            data[label] = overlaid(overlaid(_without(data[label], "data"), about), small.drawn.get(label, {}))
    changes: dict[str, Any] = {
        "recipe": overlaid(study.recipe, small.recipe),
        "data": data,
        "networks": {
            label: overlaid(_smaller(_without(sections, *dropped)), small.networks.get(label, {}))
            for label, sections in study.networks.items()
        },
    }
    for key in ("folds", "repeats", "grid", "around", "floor"):
        given = getattr(small, key)
        if given is not None:
            changes[key] = given
    return make_study(study.to_dict() | changes, f"{study.name} at the small scale")


def _smaller(sections: Sections) -> Sections:
    """Returns the sections with the options of a small such network."""
    model = sections.get("network", {})["model"]
    found, own = entry(model), tiny_options(model)
    if "encoder_weights" in inspect.signature(found.make).parameters:
        own["encoder_weights"] = None
    if "widths" in own and found.tiny is None:
        own["widths"] = WIDTHS + (WIDTHS[-1],) * (len(own["widths"]) - len(WIDTHS))
        if "up_widths" in own:
            own["up_widths"] = own["widths"][-2::-1]
    elif "widths" in own:
        own |= {
            name: tuple(WIDER * each for each in own[name]) for name in ("widths", "up_widths") if name in own
        }
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in own.items()}
    return overlaid(sections, {"network": {"options": plain}})


def _without(sections: Mapping[str, Any], *keys: str) -> Sections:
    return {name: value for name, value in sections.items() if name not in keys}


def _classes(phantoms: Phantoms) -> Sections:
    """Returns what a recipe says about the values in the masks of phantoms."""
    if phantoms.kind == "organs":
        from isthmus.data.phantoms.organs import ORGANS

        return {"classes": list(ORGANS), "values": {index: index for index in range(len(ORGANS))}}
    return {"instances": True} if phantoms.kind == "touching" else {}


def _phantoms(phantoms: Phantoms | Mapping[str, Phantoms], label: str) -> Phantoms:
    return phantoms if isinstance(phantoms, Phantoms) else phantoms.get(label, Phantoms())


def _draw(out: Path, label: str, study: Study) -> Place:
    """Opens the phantoms of a data set, which are written first if they are missing."""
    wanted = _phantoms(study.small.phantoms, label)
    word = re.sub(r"\W+", "-", label.lower())
    path = out / "phantoms" / f"{word}-{wanted.kind}-{wanted.cases}-{wanted.size}-{wanted.seed}"
    if not path.is_dir():
        StudyFolder(out).begin()
        with atomic_path(path) as aside:
            _write(aside, wanted)
    return Place.open(str(path))


def _write(folder: Path, wanted: Phantoms) -> None:
    if wanted.kind == "organs":
        from isthmus.data.phantoms.organs import SHAPE, SPACING, write_organ_phantoms

        shape = (wanted.slices, wanted.size, wanted.size)
        spacing = [n * step / side for n, step, side in zip(SHAPE, SPACING, shape, strict=True)]
        write_organ_phantoms(folder, wanted.cases, seed=wanted.seed, shape=shape, spacing=spacing)
    elif wanted.kind == "touching":
        from isthmus.data.phantoms.nuclei import write_touching_nuclei

        write_touching_nuclei(folder, wanted.cases, wanted.size, wanted.seed)
    else:
        from isthmus.data.phantoms.cells import write_phantoms

        write_phantoms(folder, wanted.cases, wanted.size, wanted.seed)


def _recipes() -> Traversable:
    return files("isthmus") / "recipes"
