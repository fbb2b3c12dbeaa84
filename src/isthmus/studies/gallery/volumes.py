"""The figure of volumes: slices and surfaces of the best, the median and the worst case."""

from __future__ import annotations

from collections.abc import Sequence

from isthmus.errors import IsthmusError
from isthmus.report import volumes
from isthmus.report.summary import landmarks, ranked
from isthmus.studies.figures.source import FigureSource
from isthmus.studies.gallery.predicted_cases import (
    PredictedCases,
    class_keys,
    missing_pictures,
    predicted_cases,
)
from isthmus.studies.gallery.sections import (
    CaseEntry,
    CaseGroup,
    KeyPart,
    PictureSection,
    Stack,
    under_own_caption,
)

SURFACES = 6
"""The largest number of networks whose surfaces are drawn."""


def draw(source: FigureSource) -> list[PictureSection]:
    """Draws the data sets that hold volumes."""
    found = {data: cases for data, cases in predicted_cases(source).items() if len(cases.shape) == 3}
    missing = missing_pictures(source)
    groups = [_group(cases, i, missing) for i, cases in enumerate(found.values())]
    binary = any(not cases.several for cases in found.values())
    caption = (
        "Three orthogonal slices through the middle of the truth (the median of its voxels along each axis), with "
        "voxels in their true proportions, and surfaces seen from the front, with the patient's left on the right. "
    )
    if binary:
        caption += "A predicted surface is grey where it lies on the true one, orange outside of it, and blue inside."
    key: list[KeyPart] = ["outlines"] if binary else []
    section = PictureSection("Volumes", caption, groups, missing, [], class_keys(found), key)
    return [section] if section else []


def _group(cases: PredictedCases, index: int, missing: list[str]) -> CaseGroup:
    """Returns the cases of a data set; a line for each that cannot be drawn is added to `missing`."""
    network = cases.reference()
    values = {case: cases.value(network, case) for case in cases.cases}
    entries: list[CaseEntry] = []
    for case, word in landmarks(ranked(values, cases.measure.column)).items():
        try:
            entries.append(_entry(cases, network, case, word, f"volume-{index}-{len(entries)}"))
        except IsthmusError as error:
            missing.append(f"{cases.case_name(case)} could not be drawn: {error}")
    description = f"The best, the median and the worst case of {network}; slices show its outlines."
    return CaseGroup(f"volumes-{index}", cases.title, description, entries)


def _entry(cases: PredictedCases, network: str, case: str, word: str, anchor: str) -> CaseEntry:
    names = [network, *(name for name in cases.networks if name != network)][:SURFACES]
    shown = cases(case, names)
    slices = volumes.slice_panels(
        case, (shown.image, shown.truth, shown.predicted[network], shown.spacing), several=cases.several
    )
    captions = {
        f"{name}: {cases.score_text(shown.values[name])}": labels for name, labels in shown.predicted.items()
    }
    surfaces = volumes.surface_panels(case, shown.truth, captions, shown.spacing, several=cases.several)
    rows: list[tuple[int | None, Sequence[Stack]]] = [(3, [under_own_caption(panel) for panel in slices])]
    rows += [(None, [under_own_caption(panel) for panel in surfaces])] if surfaces else []
    return CaseEntry(anchor, f"{word}: {case}", [cases.score_text(shown.values[network])], rows)
