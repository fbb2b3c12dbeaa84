"""``isthmus explain``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def explain(
    run: Annotated[
        Path, typer.Argument(help="A run folder, or the folder of a cross-validation (folds are averaged).")
    ],
    images: Annotated[list[Path], typer.Argument(help="Images, or folders of images.")],
    out: Annotated[Path, typer.Option(help="Folder for the pictures (PNG) and maps (float32 TIFF).")],
    method: Annotated[
        str,
        typer.Option(help="saliency (of the decoder stages), grad-cam (at the concatenations) or input."),
    ] = "saliency",
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--class", help="Explain this class alone; may be repeated.  [default: all]", show_default=False
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")] = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there already.")] = False,
) -> None:
    """Show which parts of images a trained network's answer depends on: saliency or Grad-CAM."""
    from isthmus.cli.progress import Display
    from isthmus.explain import explain_folder

    with Display() as display:
        explain_folder(
            run,
            images,
            out,
            method=method,
            classes=label or None,
            device=device,
            overwrite=overwrite,
            watch=display,
        )
        display.say(f"pictures and maps in {out}")
