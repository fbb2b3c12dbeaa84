"""What every table of a study says about its scale, its data, its pixel grid and its protocol."""

from __future__ import annotations

from collections.abc import Iterator

from isthmus.data.splits.protocols import EPOCH, GROUP_NOTES, OVERLAPPING, PROTOCOLS
from isthmus.errors import counted
from isthmus.report.summary import on_grid
from isthmus.studies.results import Results, recipe_value


def about(results: Results) -> str:
    """Returns the sentences that stand below every table."""
    sentences = [*_data(results), *_grids(results), *_protocol(results), *_notes(results)]
    return " ".join(sentences)


def columns_about(results: Results) -> dict[str, str]:
    """Returns the columns that are the same for every record of a CSV."""
    plan = results.plan
    return {
        "scale": plan.scale,
        "phantoms": ", ".join(plan.drawn),
        "grid of pixels": ", ".join(_grid_names(results)),
        "protocol": str(recipe_value(results, "protocol.kind") or ""),
    }


def _data(results: Results) -> Iterator[str]:
    plan = results.plan
    if plan.scale == "small":
        yield (
            "Scale: small (networks, images and epochs are reduced; these numbers cannot be compared with the paper's)."
        )
    elif plan.scale:
        yield "Scale: as in the paper."
    if plan.drawn:
        yield f"Phantoms replace missing data: {', '.join(plan.drawn)}."
    if plan.absent:
        yield f"Not given, and left out: {', '.join(plan.absent)}."
    cases: dict[str, set[str]] = {}
    for x in results.found:
        for name in ("train", "validation", "test"):
            cases.setdefault(x.cell.data, set()).update(x.run.splits.get(name) or ())
    yield f"Cases: {', '.join(f'{name} {len(ids)}' for name, ids in cases.items())}."


def _grids(results: Results) -> Iterator[str]:
    if where := on_grid(_grid_names(results)):
        yield f"Scored {where}."


def _grid_names(results: Results) -> list[str]:
    return sorted({grid for x in results.found for grid in x.run.grids})


def _protocol(results: Results) -> Iterator[str]:
    study, kind = results.study, recipe_value(results, "protocol.kind")
    if kind not in PROTOCOLS:
        return
    sets = {x.scores(study.scored)[0].set for x in results.found}
    scored = f"; scored: the {' and '.join(sorted(sets))} cases" if sets else ""
    folds, repeats = counted(len(study.fold_numbers()), "fold"), counted(study.repeats, "repeat")
    yield f"Protocol: {kind} ({PROTOCOLS[kind]}); {folds}, {repeats}{scored}."


def _notes(results: Results) -> Iterator[str]:
    """Yields the notes of the protocols that concern how a score may be read."""
    scored = results.study.scored
    notes = [EPOCH] if any(x.scores(scored)[0].set == "validation" for x in results.found) else []
    known = (EPOCH, OVERLAPPING, *GROUP_NOTES.values())
    notes += [note for x in results.found for note in x.run.splits.get("notes") or () if note in known]
    for note in dict.fromkeys(notes):
        yield f"{note[0].upper()}{note[1:]}."
