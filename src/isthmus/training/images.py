"""Describes a run's images: what its training images are like, and how the images it scores differ from them."""

from __future__ import annotations

from isthmus.data.checks.facts import CaseFacts
from isthmus.data.likeness.familiar import Familiar
from isthmus.data.masks.values import ValueMap
from isthmus.inference.unfamiliar import Remembered, Unfamiliar
from isthmus.training.preparation.prepared import Prepared


def describe_images(prepared: Prepared) -> Remembered:
    """Returns the content of `images.json`, from the check of all files."""
    train = set(prepared.split.train)
    cases = {case.id: case for case in prepared.data.dataset.cases}
    facts = [each for each in prepared.data.cases if each.id in train]
    spacings = [cases[each.id].millimetres for each in facts]
    known = Familiar.of(
        [each.appearance for each in facts if each.appearance],
        groups=len({cases[each.id].group for each in facts}),
        spacings=[spacing for spacing in spacings if spacing] if all(spacings) else [],
        shares=[each.foreground for each in facts],
        thicknesses=[_thickness(each, prepared.data.values) for each in facts],
    )
    if known is None:
        return Remembered(None, [])
    found = Unfamiliar.of_input(known, prepared.recipe.input)
    for each in prepared.data.cases:
        if each.appearance and each.id in {*prepared.split.validation, *prepared.split.test}:
            found.see_appearance(each.appearance, cases[each.id].millimetres)
    return Remembered(known, found.lines())


def _thickness(facts: CaseFacts, values: ValueMap) -> float:
    """Returns the thickness of the foreground in a case's mask, in pixels; 0 if the background is not the value 0."""
    if values.rule == "exact" and dict(values.pairs).get(0) != 0:
        return 0.0
    return facts.thickness[1 if values.rule == "threshold" and facts.thickness[1] else 0]
