"""The search is a study in which no candidate sees the cases that are set aside."""

from __future__ import annotations

from pathlib import Path

from benchmarks.accuracy import search
from isthmus.studies.planning import find_data, plan_study
from isthmus.studies.study import make_study


def test_every_candidate_is_a_cell_that_never_sees_the_cases_set_aside(shared_data: Path) -> None:
    made = search.study(shared_data)
    study = make_study(made, "search")
    plan, recipes = plan_study(study, find_data(study, shared_data).complete(), "")
    assert len(plan.cells) == 2 * len(search.CANDIDATES)
    aside = {len(about["protocol"]["test"]) for about in made["data"].values()}
    assert aside == {6, 24}  # a fifth of 30 and of 120
    assert {len(recipe.protocol.test or ()) for recipe in recipes.values()} == aside
