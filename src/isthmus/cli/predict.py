"""``isthmus predict``."""

from __future__ import annotations

from pathlib import Path

from isthmus.cli.progress import Display


def run(
    run: Path,
    images: list[Path],
    out: Path,
    root: Path | None,
    probabilities: bool,
    device: str,
    engine: str,
    statistics: str,
    overwrite: bool,
    skip_existing: bool,
    display: Display,
) -> None:
    """Segment images and say where the masks are."""
    from isthmus.inference.predict import predict_folder

    written = predict_folder(
        run,
        images,
        out,
        root=root,
        probabilities=probabilities,
        device=device,
        engine=engine,
        statistics=statistics,
        overwrite=overwrite,
        skip_existing=skip_existing,
        watch=display,
    )
    display.say(f"{len(written)} {'mask' if len(written) == 1 else 'masks'} in {out}")
