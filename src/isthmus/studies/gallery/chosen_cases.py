"""The figure of cases chosen by the rules in `selection_rules`, with the networks side by side."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from isthmus.errors import IsthmusError
from isthmus.report import drawing, gallery
from isthmus.report.summary import number
from isthmus.runs.files import cell, write_text
from isthmus.studies.figures.source import FigureSource
from isthmus.studies.gallery.predicted_cases import (
    CasePredictions,
    PredictedCases,
    class_keys,
    missing_pictures,
    outlines,
    predicted_cases,
)
from isthmus.studies.gallery.sections import CaseEntry, CaseGroup, KeyPart, PictureSection, Stack
from isthmus.studies.gallery.selection_rules import RULES, SIDE, Rule, reduced_case
from isthmus.studies.results import Results
from isthmus.studies.study_folder import StudyFolder

PICTURES = 500
"""The number of pictures that a gallery holds, roughly; it limits the number of cases under a rule."""
FEW = 3
"""The largest number of cases of a data set under a rule."""
POINTS = 200_000_000
"""The number of pixels of a data set that the rules read, roughly; of larger data sets, cases are selected evenly."""
LEAST = 20
"""The number of cases that the rules always read, however large they are."""

Found = Mapping[str, PredictedCases]
"""The cases of each data set, by its label."""


@dataclass(frozen=True)
class RatedCase:
    """The scores of a case under each rule, by the rule's name."""

    data: str
    case: str
    scores: Mapping[str, float]


def draw(source: FigureSource) -> list[PictureSection]:
    """Draws the gallery, and writes ``tables/gallery.csv`` with the scores of all cases that the rules read."""
    found, missing = predicted_cases(source), missing_pictures(source)
    rules, rated = rules_of(source.results), []
    for data, cases in found.items():
        for case in cases_to_rate(cases):
            try:
                rated.append(RatedCase(data, case, rate(cases, case, rules)))
            except IsthmusError as error:
                missing.append(f"{cases.case_name(case)} could not be drawn: {error}")
    _write(source.folder, found, rules, rated)
    few = cases_per_rule(len(found), max((len(each.networks) for each in found.values()), default=1))
    anchors: dict[tuple[str, str], str] = {}
    groups = [_group(rule, highest(rule, rated, few), found, anchors) for rule in rules]
    shown = [group for group in groups if group.entries or group.elsewhere]
    empty = [group.title for group in groups if group not in shown]
    section = PictureSection(
        "Cases chosen by rule",
        _caption(few, source.folder),
        shown,
        missing,
        _notes(found, empty),
        class_keys(found),
        _key(found),
    )
    return [section] if section else []


def _caption(few: int, folder: StudyFolder) -> str:
    return (
        f"For each rule the {'case' if few == 1 else f'{few} cases'} of each data set with the highest score, with all "
        f"networks side by side. Rules read the mean of an image's channels, reduced to at most {SIDE} pixels a side, "
        "with tones from 0 (0.5th percentile) to 1 (99.5th percentile); of a volume they read the slice with most true "
        f"foreground. Each case is drawn once. {folder.tables.name}/gallery.csv, beside this page, has the scores of "
        "every case."
    )


def _notes(found: Found, empty: Sequence[str]) -> list[str]:
    """Returns lines on cases, networks and rules that are left out."""
    notes = []
    for data, cases in found.items():
        count = len(cases_to_rate(cases))
        if count < len(cases.cases):
            notes.append(
                f"{data}: {count} of {len(cases.cases)} cases were read, evenly spread over their names."
            )
        if cases.left_out:
            notes.append(f"{data}: the {len(cases.networks)} best networks are shown.")
    return [*notes, f"No case for: {', '.join(empty)}."] if empty and found else notes


def _key(found: Found) -> list[KeyPart]:
    """Returns what the key explains: differences, and outlines of one class or mix-ups of several."""
    several = {each.several for each in found.values()}
    parts: list[KeyPart] = ["found", "errors"]
    parts += ["outlines"] if False in several else []
    return [*parts, "other class"] if True in several else parts


def rules_of(results: Results) -> list[Rule]:
    """Returns the rules; the last one names what the study compares."""
    pairs = results.study.parts
    *rest, last = RULES
    if pairs:
        named = "; ".join(f"{a} and {b}" for a, b in pairs.items())
        description = f"the Dice scores of these networks differ most: {named}."
        return [*rest, replace(last, description=description)]
    description = "the Dice scores of two networks differ most."
    return [*rest, replace(last, title="Networks differ", description=description)]


def cases_to_rate(cases: PredictedCases) -> list[str]:
    """Returns all cases, or as many as `POINTS` allows, evenly spread over their names."""
    count = len(cases.cases)
    most = min(count, max(LEAST, POINTS // math.prod(cases.shape)))
    return [cases.cases[i * count // most] for i in range(most)]


def cases_per_rule(data: int, networks: int) -> int:
    """Returns how many cases of a data set stand under a rule, so that there are about `PICTURES` in all.

    Args:
        data: the number of data sets.
        networks: the number of networks.

    >>> cases_per_rule(1, 2), cases_per_rule(1, 9), cases_per_rule(6, 2)
    (3, 2, 1)
    """
    every = len(RULES) * max(1, data) * (2 + 2 * networks)
    return max(1, min(FEW, PICTURES // every))


def rate(cases: PredictedCases, case: str, rules: Sequence[Rule]) -> dict[str, float]:
    """Returns the score of a case under each rule."""
    shown, _ = cases(case).slice()
    indices = tuple(range(1, max(2, len(cases.classes))))
    reduced = reduced_case(shown.image, shown.truth, shown.predicted, indices, cases.results.study.parts)
    return {rule.name: rule.score(reduced) for rule in rules}


def highest(rule: Rule, rated: Sequence[RatedCase], few: int) -> list[RatedCase]:
    """Returns the cases of each data set with the highest scores above the rule's threshold; ties go by name."""
    found: list[RatedCase] = []
    for data in dict.fromkeys(each.data for each in rated):
        above = [each for each in rated if each.data == data and each.scores[rule.name] > rule.threshold]
        found += sorted(above, key=lambda each: (-each.scores[rule.name], each.case))[:few]
    return found


def _group(
    rule: Rule, best: Sequence[RatedCase], found: Found, anchors: dict[tuple[str, str], str]
) -> CaseGroup:
    """Returns the cases of a rule; `anchors` holds the cases that are drawn already, and those drawn now."""
    entries: list[CaseEntry] = []
    elsewhere: list[tuple[str, str]] = []
    for each in best:
        cases = found[each.data]
        score = f"{rule.unit} {number(each.scores[rule.name], 3)}"
        if (each.data, each.case) in anchors:
            elsewhere.append((f"{cases.case_name(each.case)} ({score})", anchors[each.data, each.case]))
            continue
        anchor = f"{rule.name}-{len(entries) + 1}"
        anchors[each.data, each.case] = anchor
        entries.append(_entry(cases, each.case, anchor, score))
    description = f"Cases in which {rule.description}"
    return CaseGroup(f"rule-{rule.name}", rule.title, description, entries, elsewhere)


def _entry(cases: PredictedCases, case: str, anchor: str, score: str) -> CaseEntry:
    shown, note = cases(case).slice()
    facts = [part for part in (note, score) if part]
    return CaseEntry(anchor, cases.case_name(case), facts, [(None, stacks(cases, case, shown))])


def stacks(cases: PredictedCases, case: str, shown: CasePredictions) -> list[Stack]:
    """Returns the image above its true outline, then for each network its outline above the difference map."""
    pictures = shown.pictures(longest=256 if len(shown.predicted) <= 4 else 192)
    first = next(iter(pictures.values()))
    colours = None if cases.several else drawing.TRUTH
    truth = gallery.labels_panel(first, first.truth, case, "True outline", colours, broad=not cases.several)
    found = [Stack("Image, true outline", [gallery.image_panel(first, case), truth])]
    for name, picture in pictures.items():
        outline = outlines(picture, case, f"Outline by {name}", several=cases.several)
        panels = [outline, gallery.difference_panel(picture, case, f"Difference, {name}")]
        found.append(Stack(f"{name}: {cases.score_text(shown.values[name])}", panels))
    return found


def _write(folder: StudyFolder, found: Found, rules: Sequence[Rule], rated: Sequence[RatedCase]) -> None:
    """Writes a row for each case: its scores under each rule, and each network's first measure."""
    names = list(dict.fromkeys(name for each in found.values() for name in each.networks))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["data", "case", *map(cell, (rule.name for rule in rules)), *map(cell, names)])
    for each in rated:
        cases = found[each.data]
        values: list[Any] = [each.scores[rule.name] for rule in rules]
        values += [cases.value(name, each.case) if name in cases.networks else math.nan for name in names]
        writer.writerow(
            [cell(each.data), cell(each.case), *("" if math.isnan(v) else f"{v:.6g}" for v in values)]
        )
    write_text(folder.tables / "gallery.csv", text.getvalue())
