"""``isthmus data splits``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isthmus.cli.options import AllowLeak, DataRoot, Distance, ReplaceOthers
from isthmus.cli.streams import show
from isthmus.cli.tables import add_row, print_table, split_table, table_of
from isthmus.errors import IsthmusError, nearest

if TYPE_CHECKING:
    from isthmus.data.splits.folds import Split

Protocol = Annotated[
    str,
    typer.Argument(
        help="holdout, kfold, mildnet, multiresunet, sharp, sharp-code, hmedn, within-case, last-part or nnunet "
        "(docs/folds.md)."
    ),
]
Name = Annotated[
    str | None,
    typer.Argument(
        help="A folder with images/ and masks/, a CSV, or a name of `isthmus data list`; mildnet and multiresunet "
        "print their papers' tables without one.",
        show_default=False,
    ),
]
Seed = Annotated[int, typer.Option(help="Seed of the split.")]
Folds = Annotated[int, typer.Option(min=2, help="Number of folds, for protocols that have folds.")]
Fraction = Annotated[float, typer.Option(help="Share of the cases that `holdout` sets aside.")]
Shares = Annotated[
    str | None,
    typer.Option(
        help="Shares of training, validation and test in `hmedn`, as 60,15,25.",
        show_default="the paper's",
    ),
]
Stratify = Annotated[
    bool, typer.Option("--stratify", help="Balance the sides by the share of foreground in their cases.")
]
From = Annotated[
    Path | None,
    typer.Option(
        "--from",
        help="File of `nnunet`: a splits_final.json, or the splits of a run.",
        show_default="beside the data set",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        help="Write the ids of every split to this JSON file; a file named splits_final.json gets nnU-Net's format.",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class _Guard:
    """How splits are checked for groups and copies that are on both sides."""

    distance: int
    allow_leak: bool


def splits(
    protocol: Protocol,
    name: Name = None,
    root: DataRoot = None,
    seed: Seed = 0,
    folds: Folds = 5,
    fraction: Fraction = 0.2,
    shares: Shares = None,
    stratify: Stratify = False,
    distance: Distance = 4,
    allow_leak: AllowLeak = False,
    listed: From = None,
    out: Out = None,
    overwrite: ReplaceOthers = False,
) -> None:
    """Show how a protocol divides a data set or, without one, the papers' tables of data and splits.

    If the files are available, every split is checked: no group and no picture may be on both sides.
    """
    from isthmus.data.splits.protocols import PROTOCOLS

    if protocol not in PROTOCOLS:
        raise IsthmusError(f"no protocol '{protocol}'; {nearest(protocol, PROTOCOLS)}")
    if listed is not None and protocol != "nnunet":
        raise IsthmusError(f"--from is for the protocol nnunet only, and this is {protocol}; leave it out")
    options: dict[str, Any] = {"seed": seed, "folds": folds, "fraction": fraction, "listed": listed}
    if shares is not None:
        options["shares"] = _parse_shares(shares)
    if name is None or (root is None and not Path(name).exists()):
        if stratify or out is not None:
            raise IsthmusError("--stratify and --out need the files: give the data set and its folder")
        _print_paper_table(protocol, name, options)
        return
    found = _divide(protocol, name, root, options, stratify, _Guard(distance, allow_leak))
    if out is not None:
        _write(out, found, [root or Path(name), *([listed] if listed else [])], overwrite)


def _divide(
    protocol: str, name: str, root: Path | None, options: dict[str, Any], stratify: bool, guard: _Guard
) -> list[Split]:
    """Divides the cases of a data set whose files are there, and prints the result."""
    from isthmus.cli.progress import Display
    from isthmus.data.checks.check import check_dataset
    from isthmus.data.sources import open_dataset
    from isthmus.data.splits import protocols
    from isthmus.data.splits.leaks import check_split

    dataset = open_dataset(name, root)
    with Display() as display:
        display.stage("checking files", len(dataset.cases))
        checked = check_dataset(dataset, lambda *_: display.advance())
    cases = checked.dataset.cases
    foreground = {facts.id: facts.foreground for facts in checked.cases}
    if stratify:
        options["foreground"] = foreground
    if protocol == "hmedn":
        options.setdefault("shares", protocols.SHARES.get(dataset.name))
    found = protocols.splits(protocol, cases, **options)
    print_table(split_table(found, cases, foreground))
    hashes = {facts.id: facts.pixels for facts in checked.cases}
    perceptual = {facts.id: facts.perceptual for facts in checked.cases}
    notes = [protocols.GROUP_NOTES[dataset.name]] if dataset.name in protocols.GROUP_NOTES else []
    for split in found:
        notes += check_split(
            split, cases, hashes, perceptual, distance=guard.distance, allow_leak=guard.allow_leak
        )
    for note in dict.fromkeys(notes):
        show(f"note: {note}")
    return found


def _write(out: Path, found: list[Split], read: list[Path], overwrite: bool) -> None:
    """Writes splits as JSON; only an earlier such file is replaced.

    Args:
        read: files and folders from which the splits were made.
    """
    from isthmus.data.originals import originals
    from isthmus.data.splits.files import as_json, is_splits
    from isthmus.files import write_bytes
    from isthmus.outputs import Guard

    content = as_json(out, found)
    if not out.is_file() or out.read_bytes() != content:
        Guard([*read, *originals(read[:1])], overwrite).refuse(out, ours=is_splits, kind=".json")
        write_bytes(out, content)
    show(out)


def _print_paper_table(protocol: str, name: str | None, options: dict[str, Any]) -> None:
    """Prints the paper's table of data, and how the protocol divides as many images."""
    from isthmus.data.splits.papers import PAPER_DATA, placeholders
    from isthmus.data.splits.protocols import splits as divide

    known = {row.name: row for row in PAPER_DATA.get(protocol, ())}
    if not known:
        having = " and ".join(PAPER_DATA)
        raise IsthmusError(
            f"{protocol}: give the data set and its folder (only {having} print a table of data)"
        )
    if name is not None and name not in known:
        raise IsthmusError(f"{name}: no such folder or CSV, nor data of {protocol}; {nearest(name, known)}")
    rows = [known[name]] if name is not None else list(known.values())
    folds = [f"fold {i}" for i in range(options["folds"])]
    tested = bool(divide(protocol, placeholders(30), **options)[0].test)
    titles = ["images", "size", "input", "samples", *folds, *(["test"] if tested else [])]
    table = table_of("data set", *titles, numbers=titles)
    for row in rows:
        found = divide(protocol, placeholders(row.images), **options)
        parts = [len(split.validation) for split in found] + ([len(found[0].test)] if tested else [])
        counts = [row.images * row.pieces, *(part * row.pieces for part in parts)]
        add_row(table, row.title, str(row.images), row.size, row.input, *map(str, counts))
    print_table(table)
    show(
        "as the paper counts: every image is a group of its own; samples are the pieces that images are cut into. "
        "With ROOT the real cases are divided, by patient, slide or sequence."
    )
    for note in dict.fromkeys(note for split in found for note in split.notes):
        show(f"note: {note}")


def _parse_shares(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise IsthmusError(f"--shares {text}: give three numbers with commas, such as 60,15,25") from error
