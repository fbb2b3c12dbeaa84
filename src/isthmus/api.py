"""The main job from Python: the functions that the command line calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from isthmus import training
from isthmus.comparison import ProgramComparison
from isthmus.comparison.compare import Groups, Images
from isthmus.comparison.compare import compare as compare_programs
from isthmus.comparison.options import CompareOptions
from isthmus.errors import IsthmusError
from isthmus.evaluation.evaluate import evaluate_folder
from isthmus.evaluation.options import EvaluateOptions
from isthmus.evaluation.scores import Evaluation
from isthmus.inference.evaluated_images import unlike_training
from isthmus.inference.export import Exported
from isthmus.inference.export import export_run as export
from isthmus.inference.predict import PredictOptions, predict_folder
from isthmus.inference.predictor import Predictor
from isthmus.measurement.measure import measure as measure_objects
from isthmus.measurement.options import MeasureOptions
from isthmus.measurement.result import Measurements
from isthmus.report import write_page
from isthmus.report.measured import measure_into
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import make_recipe, overlaid, preset_of
from isthmus.training import finish, resume
from isthmus.training.preparation.start import values_of
from isthmus.watch import Watch

__all__ = [
    "Evaluation",
    "Exported",
    "Measurements",
    "Predictor",
    "ProgramComparison",
    "RunFolder",
    "compare",
    "evaluate",
    "export",
    "finish",
    "measure",
    "predict",
    "report",
    "resume",
    "train",
]


def train(
    data: str | Path | dict[str, Any],
    out: str | Path,
    *,
    model: str | None = None,
    root: str | Path | None = None,
    preset: str | None = None,
    start: str | Path | None = None,
    minutes: float | None = None,
    watch: Watch | None = None,
    **sections: dict[str, Any],
) -> RunFolder:
    """Trains a network on images and masks.

    Args:
        data: a folder with ``images/`` and ``masks/``, a CSV (columns image, mask, group), or the name of a built-in
            data set; or the values of the recipe's section ``data``, as ``{"source": "cells", "instances": True}``.
        out: the run folder to write.
        model: a network of `isthmus.list_models`, trained as its paper does; None: our own network and recipe.
        root: folder to which a built-in data set was downloaded.
        preset: ``"default"``, ``"paper"``, ``"keras"`` or ``"bare"``, instead of the preset that ``model`` implies.
        start: a run, or a name of `isthmus.list_trained`, whose weights training starts from and whose network,
            losses, normalisation and patches it takes over; excludes ``model``.
        minutes: minutes for training and scoring, into which our own recipe is fitted; None: as many epochs as the
            recipe says.
        watch: receives the progress.
        **sections: recipe values by section, as ``training={"epochs": 80}, input={"resize": [256, 256]}``.

    Returns:
        The run folder; ``isthmus.Predictor.load(run.path)`` is the trained network.

    Raises:
        IsthmusError: something is wrong with the data or the recipe; the message is one line.
    """
    about = {"source": str(data)} if isinstance(data, str | Path) else data
    given: dict[str, Any] = {"data": {key: str(v) if isinstance(v, Path) else v for key, v in about.items()}}
    if root is not None:
        given["data"]["root"] = str(root)
    if model is not None:
        given["network"] = {"model": model}
    if minutes is not None:
        given["training"] = {"minutes": minutes}
    base: dict[str, Any] = {}
    if start is not None:
        if model is not None:
            raise IsthmusError("start takes over the network of that run; leave out model")
        base = values_of(str(start))
    recipe = make_recipe(preset or preset_of(model), base, overlaid(given, sections))
    return training.train(recipe, Path(out), watch=watch)


def predict(
    run: str | Path,
    images: str | Path | Sequence[str | Path],
    out: str | Path,
    *,
    root: str | Path | None = None,
    watch: Watch | None = None,
    **options: Any,
) -> list[Path]:
    """Segments images and writes a mask for each: `isthmus.inference.predict.predict_folder`.

    Args:
        run: a run folder, or the folder of a cross-validation, whose networks are averaged.
        images: files or folders; with ``root``, the name of a built-in data set.
        out: folder for the masks.
        root: folder to which a built-in data set was downloaded.
        watch: receives the progress.
        **options: fields of `isthmus.inference.predict.PredictOptions`, such as ``probabilities=True`` (also write
            probabilities), ``min_size=15`` (drop specks), ``rois=True`` (also write ImageJ ROIs) or
            ``skip_existing=True`` (keep masks of an earlier call).

    Returns:
        The paths of the masks.

    Raises:
        IsthmusError: something is wrong, in one line; images that failed are named after all others were segmented.
    """
    where = None if root is None else Path(root)
    return predict_folder(run, images, out, PredictOptions(**options), root=where, watch=watch)


def evaluate(
    predictions: str | Path,
    truth: str | Path,
    *,
    root: str | Path | None = None,
    run: str | Path | None = None,
    watch: Watch | None = None,
    **options: Any,
) -> Evaluation:
    """Scores every predicted mask against the true one of the same name: `isthmus.evaluation.evaluate.evaluate_folder`.

    Args:
        predictions: folder of masks.
        truth: folder of true masks, or a data set: a folder of images and masks, a CSV, or, with ``root``, a name.
        root: folder of a built-in data set.
        run: the run that made the predictions, to report how images and masks differ from its training data; None: the
            run in whose folder the predictions lie.
        watch: receives the progress.
        options: fields of `isthmus.evaluation.options.EvaluateOptions`, such as ``objects=True`` (score whole objects,
            too) or ``classes={1: "liver", 2: "kidney"}``.

    Returns:
        The scores of every case; ``.means()`` gives the mean of each metric by class.

    Raises:
        IsthmusError: anything wrong, as one line.
    """
    return evaluate_folder(
        predictions,
        truth,
        EvaluateOptions(**options),
        root=None if root is None else Path(root),
        remarks_on=unlike_training(None if run is None else Path(run), Path(predictions)),
        watch=watch,
    )


def measure(
    masks: Any,
    images: Any = None,
    *,
    out: str | Path | None = None,
    rois: bool = False,
    geojson: bool = False,
    watch: Watch | None = None,
    **options: Any,
) -> Measurements:
    """Measures the objects in masks, and the intensities of images in them: `isthmus.measurement.measure.measure`.

    Args:
        masks: a folder of masks, a mask file, or a data set; or a mask `(height, width)` or `(depth, height, width)` of
            booleans or integers, or such masks by name.
        images: the folder of their images, or an image file; or an image `(*spatial)` or `(channels, *spatial)`, or
            images by name. None: those of the data set, else intensities are left out.
        out: CSV to write, with a table of images and a page beside it; None: nothing is written.
        rois: also write the outlines as ImageJ ROIs, ``rois/<image>.zip`` beside the table.
        geojson: also write the outlines as GeoJSON for QuPath, ``geojson/<image>.geojson`` beside the table.
        watch: receives the progress.
        **options: fields of `isthmus.measurement.options.MeasureOptions`, such as ``pixel_size=0.25`` (micrometres) or
            ``instances=True`` (values number objects).

    Returns:
        The measurements: ``.objects`` has an array for each column, ``.images`` a row for each image.

    Raises:
        IsthmusError: anything wrong, as one line.

    >>> import numpy as np
    >>> mask = np.zeros((6, 8), np.uint8)
    >>> mask[1:3, 1:5] = 1
    >>> found = measure(mask, pixel_size=0.5)
    >>> found.objects["area_px"].tolist(), found.objects["area_um2"].tolist(), found.images[0]["objects"]
    ([8], [2.0], 1)
    """
    asked = MeasureOptions(**options)
    if out is not None:
        return measure_into(Path(out), masks, images, asked, rois=rois, geojson=geojson, watch=watch)[0]
    if rois or geojson:
        raise IsthmusError("rois and geojson are written beside the table; say with out where that is")
    return measure_objects(masks, images, asked, watch)


def compare(
    truth: Any,
    programs: Mapping[str, Any] | None = None,
    *,
    metrics: Sequence[str] | Mapping[str, Any] = (),
    margin: float | None = None,
    common: bool = False,
    groups: Groups = None,
    images: Images = None,
    watch: Watch | None = None,
    **reading: Any,
) -> ProgramComparison:
    """Compares programs, networks or readers by their masks, whatever made these, or by scores computed elsewhere.

    Args:
        truth: folder of true masks, or a data set; or true masks `(*spatial)`, booleans or integers, by case; or,
            without ``programs``, a data frame (or a list of rows) with the columns ``case``, ``program`` and one for
            each metric, and optionally ``group`` and ``class``.
        programs: the folder of masks of each program by its name, as ``{"unet": "masks", "nnunet": "theirs"}``; or its
            masks by case. A case that a program lacks counts as a miss.
        metrics: names of `isthmus.metrics.list_metrics`, the most important one first; for scores of your own a
            mapping to ``"higher"`` or ``"lower"``, whichever is better.
        margin: largest loss in the first metric that would be acceptable, in its unit, for non-inferiority.
        common: leave out the cases that not every program has.
        groups: patient or slide of each case, as a mapping or a CSV with the columns ``case`` and ``group``.
        images: folder of the images, or the images by case, for the pictures.
        watch: receives the progress.
        **reading: fields of `isthmus.evaluation.options.EvaluateOptions`, such as ``objects=True``; and ``root``, the
            folder of a built-in data set.

    Returns:
        The comparison: ``.tables`` holds every number, and ``.save("page")`` writes the page.

    Raises:
        IsthmusError: anything wrong, as one line.

    >>> scores = [{"case": i, "program": name, "dice": value} for name, values in
    ...           {"a": [0.9, 0.8, 0.7], "b": [0.6, 0.7, 0.4]}.items() for i, value in enumerate(values)]
    >>> row = compare(scores).tables["differences"][0]
    >>> round(row["difference"], 3), row["wins"], row["p"]
    (0.233, 3, 0.25)
    """
    root = reading.pop("root", None)
    return compare_programs(
        truth,
        programs,
        CompareOptions(metrics, margin, common),
        EvaluateOptions(**reading),
        groups=groups,
        images=images,
        root=None if root is None else Path(root),
        watch=watch,
    )


def report(run: str | Path, *, data: str | Path | None = None) -> Path:
    """Writes ``report.html`` with scores, curves and pictures of every scored case.

    Args:
        run: a run folder, or the folder of a cross-validation.
        data: current folder of the data, if it has moved.

    Returns:
        The path of the page.
    """
    return write_page(run, Path(data) if data else None)
