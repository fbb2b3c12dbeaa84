"""``isthmus data``: the data sets by name, a look at every file, and how a protocol divides them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isthmus.cli.results import AsJson, Told, emit
from isthmus.cli.streams import show
from isthmus.cli.tables import add_row, print_table, split_table, table_of
from isthmus.errors import IsthmusError, nearest

if TYPE_CHECKING:
    from isthmus.cli.progress import Display
    from isthmus.data.checks.inspect import Finding
    from isthmus.data.splits.folds import Split

app = typer.Typer(
    name="data",
    help="List data sets, check every file of one, see how a protocol divides it.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(help="A data set of `isthmus data list`, a folder or a CSV.")]
Root = Annotated[
    Path | None, typer.Argument(help="The folder it was downloaded to, for a name.", show_default=False)
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace a file that this command did not write.")
]
Rule = Annotated[
    str | None,
    typer.Option(
        help="How mask values apply: exact, threshold or objects.  [default: as they look]",
        show_default=False,
    ),
]


@app.command("list")
def list_() -> None:
    """List the public data sets that are read from the layout in which they are downloaded."""
    from isthmus.data.catalog import DATASETS

    table = table_of("name", "data set", "tried on", "layout of ROOT")
    for name, entry in sorted(DATASETS.items()):
        add_row(table, name, entry.title, entry.tried or "not tried on the real files", entry.layout)
    print_table(table)


@app.command()
def check(
    name: Name,
    root: Root = None,
    page: Annotated[
        Path | None, typer.Option(help="Also write this HTML page, with pictures.", show_default=False)
    ] = None,
    overwrite: Overwrite = False,
    distance: Annotated[
        int, typer.Option(min=0, max=63, help="Bits in which near-duplicates differ at most.")
    ] = 4,
    rule: Rule = None,
    axes: Annotated[
        str | None, typer.Option(help="Axes of TIFF images, such as CYX.", show_default=False)
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Threads.  [default: one per core]", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Open every file of a data set and tell all that is wrong, odd or there twice.

    Exit code 0 when every image and mask reads and fits (other findings are warnings), 2 when one does not.
    """
    from isthmus.cli.progress import Display
    from isthmus.data.checks.inspect import inspect_dataset, open_tolerant
    from isthmus.data.masks.values import as_rule

    taken = None if rule is None else as_rule(rule)
    dataset, problems = open_tolerant(name, root, axes)
    keep = None
    if page is not None:
        from isthmus.report.data_page import refuse_to_replace, write_data_page

        keep = refuse_to_replace(page, _read(name, root), overwrite)
    with Display() as display:
        display.stage("checking files", len(dataset.cases))
        found = inspect_dataset(
            dataset,
            lambda *_: display.advance(),
            problems=problems,
            workers=workers,
            distance=distance,
            rule=taken,
        )
    if not as_json:
        print_table(_findings_table(found.findings()))
    if page is not None:
        page = write_data_page(found, page, guard=keep)
        if not as_json:
            show(page)
    problem = None if found.usable else _unusable(dataset.name, len(found.bad))
    if as_json:
        about = {"data": dataset.name, "cases": len(found.cases), "bad_cases": len(found.bad)}
        listed = {"findings": found.findings(), "page": page}
        emit(about | {"usable": found.usable, "error": problem} | listed)
    if problem:
        raise Told(problem) if as_json else IsthmusError(problem)


def _findings_table(findings: list[Finding]) -> Any:
    table = table_of("", "finding", "count", "details", numbers=("count",))
    for row in findings:
        mark = {"error": "error", "warning": "!", "fact": ""}[row.level]
        add_row(table, mark, row.what, str(row.count), row.detail)
    return table


def _unusable(name: str, bad: int) -> str:
    """Why a data set cannot be trained on."""
    what = f"{bad} case{'s' * (bad != 1)} cannot be used" if bad else "the cases do not fit together"
    return f"{name}: {what}; mend what the table calls an error, or leave it out"


@app.command()
def splits(
    protocol: Annotated[str, typer.Argument(help="mildnet, multiresunet, sharp, sharp-code, hmedn, …")],
    name: Annotated[
        str | None,
        typer.Argument(
            help="A data set, a folder or a CSV; mildnet and multiresunet print their papers' tables without one.",
            show_default=False,
        ),
    ] = None,
    root: Root = None,
    seed: Annotated[int, typer.Option(help="Seed of the split.")] = 0,
    folds: Annotated[int, typer.Option(min=2, help="Folds, where the protocol has them.")] = 5,
    fraction: Annotated[float, typer.Option(help="Share that `holdout` sets aside.")] = 0.2,
    shares: Annotated[
        str | None,
        typer.Option(help="Training, validation and test of `hmedn`, as 60,15,25.", show_default=False),
    ] = None,
    stratify: Annotated[
        bool, typer.Option("--stratify", help="Balance the share of the foreground.")
    ] = False,
    distance: Annotated[
        int, typer.Option(min=0, max=63, help="Bits in which near-duplicates differ at most.")
    ] = 4,
    allow_leak: Annotated[
        bool, typer.Option("--allow-leak", help="Warn of a group or a copy on two sides, do not refuse.")
    ] = False,
    listed: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="The file of `nnunet`: a splits_final.json, or the splits of a run.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write the ids of every split as JSON; a splits_final.json as nnU-Net reads it.",
            show_default=False,
        ),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Show how a protocol divides a data set; without one, the papers' tables of data and splits.

    With the files at hand every split passes the guard: no group and no picture stands on two sides.
    """
    from isthmus.data.splits.protocols import PROTOCOLS

    if protocol not in PROTOCOLS:
        raise IsthmusError(f"no protocol '{protocol}'; {nearest(protocol, PROTOCOLS)}")
    given: dict[str, Any] = {"seed": seed, "folds": folds, "fraction": fraction}
    if shares is not None:
        given["shares"] = _numbers(shares)
    if listed is not None and protocol != "nnunet":
        raise IsthmusError(
            f"--from names the splits of the protocol nnunet, and this is {protocol}; leave it out"
        )
    given["listed"] = listed
    if name is None or (root is None and not Path(name).exists()):
        if stratify or out is not None:
            raise IsthmusError("--stratify and --out need the files: name the data and where it lies")
        _paper(protocol, name, given)
        return
    from isthmus.cli.progress import Display

    with Display() as display:
        found = _real(protocol, name, root, given, display, stratify, distance, allow_leak)
    if out is not None:
        _write_splits(out, found, [*_read(name, root), *([listed] if listed else [])], overwrite)


def _real(
    protocol: str,
    name: str,
    root: Path | None,
    given: dict[str, Any],
    display: Display,
    stratify: bool,
    distance: int,
    allow_leak: bool,
) -> list[Split]:
    """Divide the cases of a data set at hand, and show how."""
    from isthmus.data.checks.check import check_dataset
    from isthmus.data.sources import open_dataset
    from isthmus.data.splits.protocols import GROUP_NOTES, SHARES, check_split
    from isthmus.data.splits.protocols import splits as divide

    dataset = open_dataset(name, root)
    display.stage("checking files", len(dataset.cases))
    checked = check_dataset(dataset, lambda *_: display.advance())
    cases = checked.dataset.cases
    if stratify:
        given["foreground"] = {facts.id: facts.foreground for facts in checked.cases}
    if protocol == "hmedn":
        given.setdefault("shares", SHARES.get(dataset.name))
    found = divide(protocol, cases, **given)
    print_table(split_table(found, cases, {facts.id: facts.foreground for facts in checked.cases}))
    hashes = {facts.id: facts.pixels for facts in checked.cases}
    perceptual = {facts.id: facts.perceptual for facts in checked.cases}
    notes = [GROUP_NOTES[dataset.name]] if dataset.name in GROUP_NOTES else []
    for split in found:
        notes += check_split(split, cases, hashes, perceptual, distance=distance, allow_leak=allow_leak)
    for note in dict.fromkeys(notes):
        show(f"note: {note}")
    return found


def _read(name: str, root: Path | None) -> list[Path]:
    """The files and folders that a data set is read from."""
    from isthmus.data.originals import originals

    place = root or Path(name)
    return [place, *originals([place])]


def _write_splits(out: Path, found: list[Split], read: list[Path], overwrite: bool) -> None:
    """Write splits as JSON, over an earlier such file too."""
    from isthmus.data.splits.files import as_json, is_splits
    from isthmus.files import write_bytes
    from isthmus.outputs import Guard

    content = as_json(out, found)
    if not out.is_file() or out.read_bytes() != content:
        Guard(read, overwrite).refuse(out, ours=is_splits, kind=".json")
        write_bytes(out, content)
    show(out)


@app.command()
def export(
    name: Name,
    out: Annotated[Path, typer.Argument(help="The new folder; nnU-Net wants it called DatasetNNN_Name.")],
    to: Annotated[str, typer.Option(help="The layout to write: nnunet.")] = "nnunet",
    root: Annotated[
        Path | None, typer.Option(help="The folder it was downloaded to, for a name.", show_default=False)
    ] = None,
    splits: Annotated[
        Path | None,
        typer.Option(
            help="Folds to write: a run, the folder of a cross-validation, or a splits.json.",
            show_default=False,
        ),
    ] = None,
    folds: Annotated[int, typer.Option(min=0, help="Folds by group where none are named; 0: none.")] = 5,
    seed: Annotated[int, typer.Option(help="Seed of these folds.")] = 0,
    channels: Annotated[
        str | None,
        typer.Option(
            help="Names of the channels, as flair,t1 (nnU-Net treats CT specially).", show_default=False
        ),
    ] = None,
    rule: Rule = None,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out cases that do not read or fit.")
    ] = False,
    allow_leak: Annotated[
        bool, typer.Option("--allow-leak", help="Warn of a group or a copy on two sides, do not refuse.")
    ] = False,
) -> None:
    """Write a data set in nnU-Net's raw layout, with our folds as its splits_final.json.

    The folds pass the guard: no group and no picture stands on two sides.
    """
    from isthmus.cli.progress import Display
    from isthmus.data.checks.check import check_dataset
    from isthmus.data.checks.inspect import open_tolerant
    from isthmus.data.layouts import nnunet
    from isthmus.data.masks.values import as_rule
    from isthmus.data.originals import refuse_among
    from isthmus.data.sources import open_dataset
    from isthmus.data.splits.files import NNUNET, assign, read_splits
    from isthmus.data.splits.folds import kfold
    from isthmus.data.splits.protocols import check_split

    if to != "nnunet":
        raise IsthmusError(f"no layout '{to}' to write; {nearest(to, ['nnunet'])}")
    nnunet.refuse_existing(out)
    refuse_among(out, [root or Path(name)])
    taken = None if rule is None else as_rule(rule)
    dataset, unfit = open_tolerant(name, root) if skip_bad else (open_dataset(name, root), ())
    with Display() as display:
        display.stage("checking files", len(dataset.cases))
        checked = check_dataset(dataset, lambda *_: display.advance(), rule=taken, skip_bad=skip_bad)
        cases = checked.dataset.cases
        if splits is not None:
            found = assign(read_splits(splits), cases, splits, strict=not skip_bad)
        else:
            found = kfold(cases, folds, seed) if folds else []
        hashes = {facts.id: facts.pixels for facts in checked.cases}
        notes = [f"left out: {problem}" for problem in (*unfit, *(bad.problem for bad in checked.bad))]
        for split in found:
            notes += check_split(split, cases, hashes, allow_leak=allow_leak)
            if split.test:
                notes.append("nnU-Net has no test set: the cases of ours are in no list")
        display.stage("writing", len(cases))
        nnunet.write(
            checked.dataset,
            out,
            None if channels is None else [part.strip() for part in channels.split(",")],
            found,
            lambda *_: display.advance(),
        )
    if not nnunet.is_name(out.name):
        notes.append(f"nnU-Net finds data sets called DatasetNNN_Name only, so rename {out.name} for it")
    if found:
        notes.append(f"nnU-Net reads {NNUNET} from its folder of preprocessed data: copy it there")
    for note in dict.fromkeys(notes):
        show(f"note: {note}")
    show(checked.values.describe(checked.dataset.classes))
    show(f"{out}: {len(cases)} cases, {len(found)} folds")


def _paper(protocol: str, name: str | None, given: dict[str, Any]) -> None:
    """The paper's table of data, and how the protocol divides as many images."""
    from isthmus.data.splits.protocols import PAPER_DATA, images
    from isthmus.data.splits.protocols import splits as divide

    known = {row.name: row for row in PAPER_DATA.get(protocol, ())}
    if not known:
        having = " and ".join(PAPER_DATA)
        raise IsthmusError(
            f"{protocol}: name the data and where it lies (only {having} print a table of data)"
        )
    if name is not None and name not in known:
        raise IsthmusError(f"{name}: no such folder or CSV, nor data of {protocol}; {nearest(name, known)}")
    rows = [known[name]] if name is not None else list(known.values())
    folds = [f"fold {i}" for i in range(given["folds"])]
    tested = bool(divide(protocol, images(30), **given)[0].test)
    titles = ["images", "size", "input", "samples", *folds, *(["test"] if tested else [])]
    table = table_of("data set", *titles, numbers=titles)
    for row in rows:
        found = divide(protocol, images(row.images), **given)
        parts = [len(split.validation) for split in found] + ([len(found[0].test)] if tested else [])
        counts = [row.images * row.pieces, *(part * row.pieces for part in parts)]
        add_row(table, row.title, str(row.images), row.size, row.input, *map(str, counts))
    print_table(table)
    show(
        "as the paper counts: images, each a group of its own; samples are the pieces they are cut into. "
        "With ROOT the real cases are divided, by patient, slide or sequence."
    )
    for note in dict.fromkeys(note for split in found for note in split.notes):
        show(f"note: {note}")


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise IsthmusError(f"--shares {text}: give three numbers with commas, such as 60,15,25") from error
