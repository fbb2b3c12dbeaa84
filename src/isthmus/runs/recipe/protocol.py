"""The section ``protocol``: which cases train and which are scored."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import field_validator

from isthmus.runs.recipe.section import Section
from isthmus.settings import Range


class Protocol(Section):
    """Which cases train and which are scored. A group (patient, slide, …) is never divided."""

    kind: Annotated[
        Literal[
            "holdout",
            "kfold",
            "mildnet",
            "multiresunet",
            "sharp",
            "sharp-code",
            "hmedn",
            "within-case",
            "last-part",
            "nnunet",
        ],
        "How cases are divided ([folds](folds.md)). A single image or volume is divided by `last-part` instead of "
        "`holdout`.",
    ] = "holdout"
    fraction: Annotated[
        float,
        Range(above=0, below=1),
        "Share of the cases that validates in `holdout`, and of the image in `last-part`.",
    ] = 0.2
    folds: Annotated[int, Range(2), "Number of folds."] = 5
    fold: Annotated[int, Range(0), "Fold to train, counted from 0."] = 0
    repeat: Annotated[int, Range(0), "Repeat of a protocol that has several, counted from 0."] = 0
    shares: Annotated[
        tuple[float, float, float] | None,
        "`hmedn`: shares of training, validation and test, as `[60, 15, 25]`. Open: the paper's.",
    ] = None
    stratify: Annotated[bool, "Balance the folds by the share of foreground in their cases."] = False
    validation: Annotated[
        list[str] | None, "Ids of the cases that validate, instead of `fraction`; one id may stand alone."
    ] = None
    test: Annotated[
        list[str] | None, "Ids of cases that neither train nor choose the epoch and are only scored."
    ] = None
    allow_leak: Annotated[
        bool,
        "Train although a group, or copies of an image, are on both sides of the split; the report says so.",
    ] = False
    distance: Annotated[
        int,
        Range(0, 64),
        "Two images whose perceptual hashes differ in at most this many bits count as near-duplicates.",
    ] = 4
    seed: Annotated[int, "Seed of the split."] = 0

    @field_validator("validation", "test", mode="before")
    @classmethod
    def _one_case(cls, value: Any) -> Any:
        return [str(value)] if isinstance(value, str | int) else value
