"""Objects larger or smaller than in training: images are seen at the scale at which their objects are alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from numpy.typing import NDArray

from isthmus.errors import IsthmusError
from isthmus.inference.predictor import Prediction, Predictor
from isthmus.metrics.objects import median_diameter
from isthmus.runs.recipe import Recipe

Diameter: TypeAlias = float | str | None

ALIKE = 1.2
"""Objects larger or smaller by less than this factor are seen at their own scale."""
PASSES = 3
"""``auto`` looks at an image at most this often: first as it is, then at the scale of what the pass before found. Large
objects fall into pieces at first, and whole ones are found step by step. A look that finds nothing does not count."""
MOST = 8.0
"""Images are enlarged or reduced at most by this factor."""


def refuse_diameter(recipe: Recipe) -> None:
    """Refuses to look at images at the scale of their objects where that has no meaning.

    Raises:
        IsthmusError: a run that numbers no objects, one of which nobody knows how large its objects were, one that
            brings images to a size or a spacing.
    """
    if not recipe.data.instances:
        raise IsthmusError("a diameter is that of objects, and this run numbers none; leave --diameter out")
    if recipe.input.resize or recipe.input.spacing or recipe.roi:
        raise IsthmusError(
            "this run brings all images to one scale (input.resize, input.spacing or roi), so that a diameter changes "
            "nothing; leave --diameter out"
        )
    if recipe.input.diameter is None:
        raise IsthmusError(
            "this run does not know the diameter of its training objects, as it separates them without the head "
            "'distance' or was trained by an earlier version; train it again, or leave --diameter out"
        )


def predict_at(
    predictor: Predictor,
    image: NDArray[Any],
    spacing: Sequence[float] | None = None,
    *,
    diameter: Diameter,
    maps: bool = False,
) -> Prediction:
    """Segments an image whose objects have a diameter; arguments as `Predictor.predict`.

    Args:
        predictor: with a diameter, of a run that `refuse_diameter` lets through.
        image: ``(channels, *spatial)``.
        spacing: size of its pixels; where images are scaled, all axes are alike.
        diameter: of the objects of this image, in its pixels; ``"auto"``: the median of what the network finds, seen
            anew until that is as it was seen (`PASSES`); None: as in training.
        maps: also return the maps.
    """
    known = predictor.recipe.input.diameter
    if diameter is None or known is None:
        return predictor.predict(image, spacing, maps=maps)
    if not isinstance(diameter, str):
        return _seen_as(predictor, image, spacing, known, diameter, maps)
    seen, best = known, _seen_as(predictor, image, spacing, known, known, maps)
    for _ in range(PASSES - 1):
        found = median_diameter(best.mask)
        if found is None or _are_alike(_within(found, known), seen):
            break
        seen = _within(found, known)
        again = _seen_as(predictor, image, spacing, known, seen, maps)
        if median_diameter(again.mask) is None:
            break
        best = again
    return best


def _seen_as(
    predictor: Predictor,
    image: NDArray[Any],
    spacing: Sequence[float] | None,
    known: float,
    diameter: float,
    maps: bool,
) -> Prediction:
    """Segments an image whose objects have a diameter, at its own scale where that is like the one of training."""
    if _are_alike(diameter, known):
        return predictor.predict(image, spacing, maps=maps)
    factor = _within(diameter, known) / known
    predicted = scaled(predictor, factor).predict(image, (1.0,) * (image.ndim - 1), maps=maps)
    note = (
        f"objects of {diameter:.3g} pixels, {known:.3g} in training: the network sees the image at {1 / factor:.2g} "
        "times its size"
    )
    return replace(predicted, notes=[*predicted.notes, note])


def _within(diameter: float, known: float) -> float:
    """Returns the diameter, or the nearest to which images are brought."""
    return min(max(diameter, known / MOST), known * MOST)


def _are_alike(diameter: float, known: float) -> bool:
    return 1 / ALIKE < diameter / known < ALIKE


def scaled(predictor: Predictor, factor: float) -> Predictor:
    """Returns a predictor whose network sees so many pixels of an image along each axis as one, and whose smallest
    size, if it was chosen in training, is that of an object as the network sees it."""
    recipe = predictor.recipe
    axes, cleanup = recipe.spatial_dims, recipe.cleanup
    least = cleanup.chosen.get("min_size")
    if least is not None and cleanup.min_size == least:
        cleanup = cleanup.model_copy(update={"min_size": round(least * factor**axes)})
    given = recipe.input.model_copy(update={"spacing": (factor,) * axes})
    changed = recipe.model_copy(update={"input": given, "cleanup": cleanup})
    return Predictor(changed, predictor.network, unfamiliar=predictor.unfamiliar)
