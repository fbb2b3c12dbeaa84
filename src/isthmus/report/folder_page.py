"""The page of a run or of a cross-validation from its folder, with pictures if the data is still available."""

from __future__ import annotations

from pathlib import Path

from isthmus.errors import IsthmusError
from isthmus.report.crossval import folds_in, write_folds
from isthmus.report.gallery import CaseImages, Loader
from isthmus.report.run_images import RunImages
from isthmus.report.run_page import write_report
from isthmus.runs.folder import RunFolder


def write_page(path: Path | str, data: Path | None = None) -> Path:
    """Writes `report.html` into a run folder or the folder of a cross-validation.

    Args:
        path: the folder.
        data: current folder of the data, if it was moved. If None, pictures are left out if the data is not found.

    Returns:
        The path of the page.

    Raises:
        IsthmusError: as `write_report` and `write_folds`; or `data` is given and cannot be read.
    """
    path = Path(path)
    folds = folds_in(path) if not (path / "recipe.yaml").is_file() else []
    if folds:
        return write_folds(path, images=_images_of_folds(folds, data))
    return write_report(path, images=_images(RunFolder.open(path).path, data))


def _images(path: Path, data: Path | None) -> Loader | None:
    try:
        return RunImages(RunFolder.open(path), data)
    except IsthmusError:
        if data is not None:
            raise
        return None


def _images_of_folds(folds: list[Path], data: Path | None) -> Loader | None:
    """Returns a loader that takes each case from the fold that predicted it; all folds have the same data."""
    loaders = {fold.name: _images(fold, data) for fold in folds if (fold / "recipe.yaml").is_file()}

    def load(case: str) -> CaseImages:
        name, _, fold = case.rpartition(", fold ")
        wanted = loaders.get(f"fold-{fold}")
        if name and wanted is not None:
            return wanted(name)
        owners = [each for each in loaders.values() if isinstance(each, RunImages) and each.predicted(case)]
        if not owners:
            raise IsthmusError("no fold has a predicted mask of it; predict it again")
        return owners[0](case)

    return load if any(loaders.values()) else None
