"""``isthmus export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def export(
    run: Annotated[
        Path, typer.Argument(help="A run folder, or the folder of a cross-validation (each fold).")
    ],
    to: Annotated[str, typer.Option(help="onnx, openvino or torch (a program of torch.export).")] = "onnx",
    out: Annotated[
        Path | None,
        typer.Option(help="File or folder to write.  [default: RUN/export]", show_default=False),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="Also compare the masks of the validation cases (their data is needed)."
        ),
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(help="Where the data of --check lies now, if it moved.", show_default=False),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace files that are there already.")
    ] = False,
) -> None:
    """Write a trained network as ONNX, OpenVINO or torch.export, and all that is needed to run it elsewhere as JSON."""
    from isthmus.cli.progress import Display
    from isthmus.inference.export import export_run

    with Display() as display:
        export_run(run, to, out, check=check, data=data, overwrite=overwrite, watch=display)
