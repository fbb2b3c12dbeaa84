"""``isthmus export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from isthmus.cli.options import Overwrite


def export(
    run: Annotated[
        Path,
        typer.Argument(help="A run folder, or the folder of a cross-validation (each fold is exported)."),
    ],
    to: Annotated[str, typer.Option(help="onnx, openvino or torch (a program of torch.export).")] = "onnx",
    out: Annotated[
        Path | None,
        typer.Option(help="File or folder to write.", show_default="RUN/export"),
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Also compare the masks of the validation cases; needs their images."),
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(help="Where the data for --check is now, if it has moved.", show_default=False),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Write a trained network as ONNX, OpenVINO or torch.export.

    Everything needed to run it elsewhere is written beside it as JSON.
    """
    from isthmus.cli.progress import Display
    from isthmus.inference.export import export_run

    with Display() as display:
        export_run(run, to, out, check=check, data=data, overwrite=overwrite, watch=display)
