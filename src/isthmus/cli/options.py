"""Options and arguments that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Run = Annotated[
    Path,
    typer.Argument(
        help="A run folder, the folder of a cross-validation (the folds are averaged), or a name from `isthmus models "
        "--trained`."
    ),
]
Root = Annotated[
    Path | None,
    typer.Option(help="Folder to which a built-in data set was downloaded.", show_default=False),
]
Device = Annotated[str, typer.Option(help="Where to compute: auto, cpu, cuda, cuda:1 or mps.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")]
SkipBad = Annotated[
    bool,
    typer.Option("--skip-bad", help="Leave out cases that cannot be read or do not fit, and list them."),
]
AllowLeak = Annotated[
    bool,
    typer.Option(
        "--allow-leak",
        help="Warn about a group or a copy on both sides of a split instead of refusing the split.",
    ),
]
Axes = Annotated[
    str | None,
    typer.Option(
        help="Meaning of the axes of TIFF images, such as CYX.",
        show_default="as the files say",
    ),
]
DataSet = Annotated[
    str, typer.Argument(help="A folder with images/ and masks/, a CSV, or a name from `isthmus data list`.")
]
DataRoot = Annotated[
    Path | None,
    typer.Argument(help="Folder to which a built-in data set was downloaded.", show_default=False),
]
ReplaceOthers = Annotated[
    bool, typer.Option("--overwrite", help="Replace a file that this command did not write.")
]
Rule = Annotated[
    str | None,
    typer.Option(
        help="How mask values are read: exact, threshold (128 and more is foreground) or objects (values number "
        "objects).",
        show_default="decided from the masks",
    ),
]
Distance = Annotated[
    int,
    typer.Option(
        min=0, max=63, help="Two images whose hashes differ in at most this many bits are near-duplicates."
    ),
]
Jobs = Annotated[
    int | None,
    typer.Option(
        help="Number of processes at a time; they share the cores.",
        show_default="one for each GPU, else one for every 4 cores (at the small scale, for each core)",
    ),
]
On = Annotated[
    str | None,
    typer.Option(
        help="A Ray cluster: ray (this machine's, started if there is none), ray://HOST or HOST:PORT.",
        show_default="processes on this machine",
    ),
]
AsJson = Annotated[
    bool,
    typer.Option(
        "--json", help="Print one JSON object (docs/json.md); everything else goes to standard error."
    ),
]
StudyPath = Annotated[Path, typer.Argument(help="The folder of a study.")]
