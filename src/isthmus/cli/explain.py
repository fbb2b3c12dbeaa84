"""``isthmus explain``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from isthmus.cli.options import Device, Overwrite, Run


def explain(
    run: Run,
    images: Annotated[list[Path], typer.Argument(help="Images or folders of images.")],
    out: Annotated[Path, typer.Option(help="Folder for the pictures (PNG) and the maps (float32 TIFF).")],
    method: Annotated[
        str,
        typer.Option(
            help="saliency (of the decoder's stages), grad-cam (at the concatenations) or input (gradient at the "
            "image)."
        ),
    ] = "saliency",
    label: Annotated[
        list[str] | None,
        typer.Option(
            "--class",
            help="Explain this class only; may be repeated.",
            show_default="all classes",
        ),
    ] = None,
    device: Device = "auto",
    overwrite: Overwrite = False,
) -> None:
    """Show which parts of an image a trained network's answer depends on (saliency or Grad-CAM)."""
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
