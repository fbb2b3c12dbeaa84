"""The figure of the fifteen best and worst cases: scores by rank (HMEDN figure 7), and strips of small pictures."""

from __future__ import annotations

from collections.abc import Mapping

from isthmus.errors import IsthmusError
from isthmus.report import gallery
from isthmus.report.charts import SERIES, Chart, line_key
from isthmus.report.figures.registry import Figure
from isthmus.report.summary import number, ranked
from isthmus.studies.figure_registry import Section
from isthmus.studies.figures import charts
from isthmus.studies.figures.source import FigureSource, without_empty
from isthmus.studies.gallery.predicted_cases import PredictedCases, missing_pictures, predicted_cases
from isthmus.studies.gallery.sections import CaseEntry, CaseGroup, PictureSection, Stack
from isthmus.studies.results import case_measures

FIFTEEN = 15
"""The number of cases at either end, as in the paper."""
THUMB = 128
"""Longest side of a small picture in pixels."""


def draw(source: FigureSource) -> list[Section]:
    """Draws the ranks of all networks, and the pictures of the reference network's best and worst cases."""
    pictures = _pictures(source)
    return [*_ranks(source), *([pictures] if pictures else [])]


def ends(values: Mapping[str, float], column: str) -> tuple[list[str], list[str]]:
    """Returns the best cases, best first, and the worst, worst first: up to fifteen each, and no case in both.

    >>> ends({"a": 0.1, "b": 0.9, "c": 0.5}, "dice")
    (['b'], ['a'])
    """
    order = ranked({case: value for case, value in values.items() if value == value}, column)
    count = min(FIFTEEN, len(order) // 2)
    return order[:count], order[::-1][:count]


def _ranks(source: FigureSource) -> list[Figure]:
    results, found = source.results, []
    measure = case_measures(results)[0]
    for first in range(0, len(results.networks), SERIES):
        names = results.networks[first : first + SERIES]
        made: list[Chart | None] = []
        for data, label, title in results.places():
            values = [results.sample(data, name, label, measure).by_case() for name in names]
            both = [ends(each, measure.column) for each in values]
            for i, word in enumerate(("best", "worst")):
                series = [[of[case] for case in end[i]] for of, end in zip(values, both, strict=True)]
                count = max(map(len, series), default=0)
                title_of = f"{title}, {word} {count}"
                made.append(charts.ranks(title_of, series, f"rank, {word} first", measure.name))
        caption = (
            f"{measure.name} of the {FIFTEEN} best and the {FIFTEEN} worst cases of each network; with fewer than "
            f"{2 * FIFTEEN} cases, of the better and the worse half."
        )
        title = f"Best and worst cases{', further networks' if first else ''}"
        if shown := without_empty(made):
            found.append(Figure(title, caption, shown, line_key(names)))
    return found


def _pictures(source: FigureSource) -> PictureSection:
    found, missing = predicted_cases(source), missing_pictures(source)
    groups: list[CaseGroup] = []
    for cases in found.values():
        groups += _strips(cases, len(groups), missing)
    caption = (
        "By the first measure, for the network that the study compares the others with (or else the best), in the "
        "first repeat. Correct foreground keeps the tones of the image, correct background is darker; volumes show the "
        "slice with most true foreground."
    )
    several = any(each.several for each in found.values())
    return PictureSection(
        "Best and worst cases, pictures",
        caption,
        groups,
        missing,
        key=["errors", "other class"] if several else ["errors"],
    )


def _strips(cases: PredictedCases, before: int, missing: list[str]) -> list[CaseGroup]:
    """Returns the strips of a data set; a line for each case that cannot be drawn is added to `missing`."""
    network = cases.reference()
    groups: list[CaseGroup] = []
    values = {case: cases.value(network, case) for case in cases.cases}
    for word, chosen in zip(("best", "worst"), ends(values, cases.measure.column), strict=True):
        entries = []
        for place, case in enumerate(chosen, 1):
            caption = f"{place}. {short(case)}: {number(values[case], cases.measure.digits)}"
            try:
                stack = _thumb(cases, network, case, caption)
            except IsthmusError as error:
                missing.append(f"{cases.case_name(case)} could not be drawn: {error}")
                continue
            entries.append(CaseEntry("", "", [], [(None, [stack])]))
        description = f"{cases.measure.name} of the {len(chosen)} {word} cases of {network}, {word} first."
        anchor, title = f"{word}-{before + len(groups)}", f"{cases.title}: {word} {len(chosen)}"
        if entries:
            groups.append(CaseGroup(anchor, title, description, entries, compact=True))
    return groups


def _thumb(cases: PredictedCases, network: str, case: str, caption: str) -> Stack:
    shown, _ = cases(case, [network]).slice()
    picture = shown.pictures(THUMB)[network]
    return Stack(caption, [gallery.errors_panel(picture, case, f"Errors of {network}")])


def short(case: str) -> str:
    """Returns a name that fits below a small picture.

    >>> short("slice-04"), short("03b9306f44e9b8951461623dcbd6")
    ('slice-04', '03b9306f…dcbd6')
    """
    return case if len(case) <= 18 else f"{case[:8]}…{case[-5:]}"
