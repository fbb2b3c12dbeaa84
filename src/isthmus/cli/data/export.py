"""``isthmus data export``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from isthmus.cli.options import AllowLeak, DataSet, Root, Rule, SkipBad
from isthmus.cli.streams import show
from isthmus.errors import IsthmusError, counted, nearest

if TYPE_CHECKING:
    from isthmus.data.checks.check import Checked
    from isthmus.data.splits.folds import Split

Out = Annotated[
    Path, typer.Argument(help="The new folder; for nnU-Net call it DatasetNNN_Name, as Dataset007_Pancreas.")
]
To = Annotated[str, typer.Option(help="The layout to write: nnunet.")]
Splits = Annotated[
    Path | None,
    typer.Option(
        help="Folds to write: those of a run, the folder of a cross-validation, or a splits.json.",
        show_default="--folds",
    ),
]
Folds = Annotated[
    int, typer.Option(min=0, help="Number of folds to divide into, by group, without --splits; 0: none.")
]
Seed = Annotated[int, typer.Option(help="Seed of these folds.")]
Channels = Annotated[
    str | None,
    typer.Option(
        help="Names of the channels, as flair,t1 (nnU-Net treats CT specially).",
        show_default="by number",
    ),
]


def export(
    name: DataSet,
    out: Out,
    to: To = "nnunet",
    root: Root = None,
    splits: Splits = None,
    folds: Folds = 5,
    seed: Seed = 0,
    channels: Channels = None,
    rule: Rule = None,
    skip_bad: SkipBad = False,
    allow_leak: AllowLeak = False,
) -> None:
    """Write a data set in nnU-Net's raw layout, with folds by group in splits_final.json.

    The folds are checked first: no group and no picture may be on both sides.
    """
    from isthmus.cli.progress import Display
    from isthmus.data.checks.check import check_dataset
    from isthmus.data.checks.inspect import open_tolerant
    from isthmus.data.layouts import nnunet
    from isthmus.data.masks.values import as_rule
    from isthmus.data.originals import refuse_among
    from isthmus.data.sources import open_dataset

    if to != "nnunet":
        raise IsthmusError(f"no layout '{to}' to write; {nearest(to, ['nnunet'])}")
    nnunet.refuse_existing(out)
    refuse_among(out, [root or Path(name)])
    value_rule = None if rule is None else as_rule(rule)
    dataset, unfit = open_tolerant(name, root) if skip_bad else (open_dataset(name, root), ())
    with Display() as display:
        display.stage("checking files", len(dataset.cases))
        checked = check_dataset(dataset, lambda *_: display.advance(), rule=value_rule, skip_bad=skip_bad)
        found = _folds(checked, splits, folds, seed, strict=not skip_bad)
        notes = [f"left out: {problem}" for problem in (*unfit, *(bad.problem for bad in checked.bad))]
        notes += _checked_notes(checked, found, allow_leak)
        display.stage("writing", len(checked.dataset.cases))
        names = None if channels is None else [part.strip() for part in channels.split(",")]
        nnunet.write(checked.dataset, out, names, found, lambda *_: display.advance())
    for note in dict.fromkeys([*notes, *_advice(out, found)]):
        show(f"note: {note}")
    show(checked.values.describe(checked.dataset.classes))
    show(f"{out}: {counted(len(checked.dataset.cases), 'case')}, {counted(len(found), 'fold')}")


def _folds(checked: Checked, splits: Path | None, folds: int, seed: int, *, strict: bool) -> list[Split]:
    """Returns the folds of a file, or new ones by group."""
    from isthmus.data.splits.files import assign, read_splits
    from isthmus.data.splits.folds import kfold

    cases = checked.dataset.cases
    if splits is not None:
        return assign(read_splits(splits), cases, splits, strict=strict)
    return kfold(cases, folds, seed) if folds else []


def _checked_notes(checked: Checked, found: list[Split], allow_leak: bool) -> list[str]:
    """Checks the folds for leaks; returns the notes about them."""
    from isthmus.data.splits.leaks import check_split

    hashes = {facts.id: facts.pixels for facts in checked.cases}
    notes: list[str] = []
    for split in found:
        notes += check_split(split, checked.dataset.cases, hashes, allow_leak=allow_leak)
        if split.test:
            notes.append("nnU-Net has no test set, so the test cases of these folds are in no list")
    return notes


def _advice(out: Path, found: list[Split]) -> list[str]:
    """Returns the remaining steps for nnU-Net."""
    from isthmus.data.layouts.nnunet import is_name
    from isthmus.data.splits.files import NNUNET

    advice = []
    if not is_name(out.name):
        advice.append(f"nnU-Net finds data sets called DatasetNNN_Name only, so rename {out.name} for it")
    if found:
        advice.append(f"nnU-Net reads {NNUNET} from its folder of preprocessed data: copy it there")
    return advice
