"""Writes the networks of a run as files for other programs, each checked, with a JSON of what else is needed."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from isthmus.data.originals import originals, refuse_among
from isthmus.errors import IsthmusError, nearest
from isthmus.files import sweep, write_bytes
from isthmus.inference.averaging import run_folders
from isthmus.inference.engines.portable import (
    INPUT,
    OPSET,
    SUFFIXES,
    Captured,
    Opened,
    axis_names,
    by_head,
    capture,
    example,
    require,
    write,
)
from isthmus.inference.export_check import ExportCheck, check_export
from isthmus.inference.outputs.by_distance import SEED
from isthmus.inference.outputs.classes import Classes
from isthmus.inference.settings import channels_seen
from isthmus.inference.tiling.margin import margin
from isthmus.outputs import Guard
from isthmus.runs.files import write_json
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import Recipe
from isthmus.runs.standing import standing
from isthmus.runs.trained import run_path
from isthmus.watch import Silent, Watch

CLOSE = 1e-3
"""The file may differ from the network by this share of the largest output, both in float32."""

NORMALISE = {
    "auto": "8-bit images as scale, others as zscore",
    "scale": "8-bit images divided by 255, 16-bit ones by 65535; others as minmax",
    "minmax": "(image - minimum) / (maximum - minimum), over all channels of the image together; constant images: 0",
    "zscore": "(image - mean) / standard deviation of each channel of the image, all of it; constant channels: 0",
    "percentile": "(image - percentile 1) / (percentile 99.8 - percentile 1) of each channel of the image, nothing "
    "cut off; where the two are equal, minimum and maximum; constant channels: 0",
    "dataset": "(image - mean) / deviation, by channel, with the numbers given here; where the deviation is 0: 0",
}

SPACING = (
    "mm along the axes of the array to which images are brought after normalising, by cubic convolution, their sizes "
    "rounded; logits return to the image's own grid linearly; along an axis more than 3 times as coarse as another, "
    "both take the nearest slice; null: images keep their own"
)


OBJECTS = (
    "with an output distance: seeds are the parts of bodies (logits above the threshold) whose distance is above the "
    "seed; they are flooded over the bodies, the largest distance first, across faces of pixels; a body without a seed "
    "is one object; objects below min_size are dropped"
)


@dataclass(frozen=True)
class Exported:
    """One network that was written.

    Attributes:
        path: the file (for OpenVINO the ``.xml``; the ``.bin`` lies beside it).
        description: the JSON beside it, ``<path>.json``.
        difference: the largest difference from the network's own outputs on a random image, of another size than it
            was captured on if the file takes one, both in float32.
        scale: the largest of these outputs.
        dice: Dice of the validation cases, with the network and with the file, if requested.
    """

    path: Path
    description: Path
    difference: float
    scale: float
    dice: ExportCheck | None = None


def export_run(
    run: Path | str,
    to: str = "onnx",
    out: Path | str | None = None,
    *,
    check: bool = False,
    data: Path | None = None,
    overwrite: bool = False,
    watch: Watch | None = None,
) -> list[Exported]:
    """Writes the trained network of a run as ONNX, OpenVINO IR or a program of `torch.export`.

    A cross-validation gives a file for each fold; a run that first finds its region of interest gives one more,
    ``…-localiser``. The outputs are logits by head. Every file appears whole or not at all, and only after it has
    given the network's outputs.

    Args:
        run: a run folder, or that of a cross-validation.
        to: ``"onnx"``, ``"openvino"`` or ``"torch"``.
        out: a file, if there is one network, else a folder; None: ``RUN/export``.
        check: also compare the masks of the validation cases.
        data: current folder of the validation cases, if they have moved.
        overwrite: replace files that exist.
        watch: receives the progress.

    Raises:
        IsthmusError: no run; an unknown format or a missing package; a network that cannot be exported; files that
            exist; a file that gives other outputs than the network.
    """
    watch = watch or Silent()
    if to not in SUFFIXES:
        raise IsthmusError(f"unknown format '{to}': {nearest(to, SUFFIXES)}")
    require(to)
    folders = {folder.path.resolve().name: folder for folder in run_folders(Path(run))}
    for name, folder in list(folders.items()):
        if folder.recipe().roi is not None:
            folders[f"{name}-localiser"] = RunFolder.open(folder.localiser)
    targets = _targets(list(folders), Path(run), to, None if out is None else Path(out))
    read = folders[next(iter(folders))].recipe().data
    places = [Path(read.root or read.source), *([data] if data else [])]
    guard = Guard(originals(places), overwrite)
    for path in targets.values():
        refuse_among(path.parent, places)
        for each in _files(path, to):
            guard.refuse(each)
        sweep(path.parent)
    result = []
    for name, folder in folders.items():
        if note := standing(folder).note():
            watch.say(note)
        made = _export(folder, targets[name], to, check=check and not name.endswith("-localiser"), data=data)
        watch.say(
            f"{made.path}: differs from the network by {made.difference:.1e} at most, on outputs up to "
            f"{made.scale:.3g} (random image, float32)"
        )
        if made.dice is not None:
            watch.say(made.dice.describe())
        result.append(made)
    return result


def _targets(names: Sequence[str], run: Path, to: str, out: Path | None) -> dict[str, Path]:
    suffix = SUFFIXES[to]
    if out is None and run_path(run) != run:
        raise IsthmusError(
            f"{run} comes with isthmus, and nothing is written into it; name a folder with --out"
        )
    if out is not None and out.suffix == suffix and not out.is_dir():
        if len(names) > 1:
            raise IsthmusError(
                f"{out} is one file and there are {len(names)} networks; give a folder with --out"
            )
        return {names[0]: out}
    folder = run / "export" if out is None else out
    if folder.is_file():
        raise IsthmusError(f"{folder} is a file; give a folder, or a file that ends in {suffix}")
    if folder.suffix in {*SUFFIXES.values()} and not folder.is_dir():
        raise IsthmusError(f"{folder} looks like a format other than {to}; give a file that ends in {suffix}")
    return {name: folder / f"{name}{suffix}" for name in names}


def _files(path: Path, to: str) -> list[Path]:
    """Returns all files of an exported network, the description last."""
    more = [path.with_suffix(".bin")] if to == "openvino" else []
    return [*more, path, path.with_name(f"{path.name}.json")]


def _export(folder: RunFolder, path: Path, to: str, *, check: bool, data: Path | None) -> Exported:
    recipe = folder.recipe()
    network = folder.load_network()
    dims, divisor = recipe.spatial_dims, int(getattr(network, "divisor", 1))
    captured = capture(network, channels_seen(recipe), dims, divisor)
    threads = torch.get_num_threads()
    with tempfile.TemporaryDirectory() as made:
        aside = Path(made) / f"network{SUFFIXES[to]}"
        write(captured, to, aside)
        opened = Opened(aside, to, captured.heads, threads)
        difference, scale = _difference(network, opened, captured, divisor)
        if not difference <= CLOSE * max(scale, 1.0):
            raise IsthmusError(
                f"the {to} file differs from the network of {folder.path} (by {difference:.1e}, on outputs up to "
                f"{scale:.3g}), so nothing was written; choose another format"
            )
        dice = check_export(folder, opened, data) if check else None
        about = _description(folder, network, captured, to, path.name)
        about["checked"] = {"largest_difference": difference, "largest_output": scale} | (
            {} if dice is None else {"dice": dice.to_dict()}
        )
        *parts, description = _files(path, to)
        for stale in (description, *parts[1:]):  # nothing of other weights stays beside these
            stale.unlink(missing_ok=True)
        for part in parts:
            write_bytes(part, aside.with_suffix(part.suffix).read_bytes())
        write_json(description, about)
    return Exported(path, description, difference, scale, dice)


def _difference(network: nn.Module, opened: Opened, captured: Captured, divisor: int) -> tuple[float, float]:
    """Returns the largest difference and the largest output, with another batch size and sides if these are free."""
    batch, channels, *sides = captured.shape
    if 0 in captured.free:
        batch += 1
    if 2 in captured.free:
        sides = [side + (index + 1) * divisor for index, side in enumerate(sides)]
    image = example(channels, sides, divisor, batch, seed=2)
    with torch.no_grad():
        expected = by_head(network(image))
    found = opened(image.numpy())
    differences = [float(np.abs(found[name] - maps.numpy()).max()) for name, maps in expected.items()]
    return max(differences), max(float(maps.abs().max()) for maps in expected.values())


def _description(
    folder: RunFolder, network: nn.Module, captured: Captured, to: str, file: str
) -> dict[str, Any]:
    """Returns what is needed to run the network elsewhere, in plain values."""
    recipe = folder.recipe()
    dims, given = recipe.spatial_dims, recipe.input
    classes = Classes.of(recipe.data, recipe.cleanup.threshold)
    axes = axis_names(dims)
    free = [axes[index] for index in captured.free]
    outputs = {name: _output(name, recipe, classes) for name in captured.heads}
    made = recipe.network
    return {
        "file": file,
        "format": to,
        **({"opset": OPSET} if to == "onnx" else {}),
        "made_with": {name: metadata.version(name) for name in ("isthmus", "torch")},
        "run": folder.path.resolve().name,
        "network": {
            "model": made.model,
            "version": made.version,
            "options": made.options,
            "heads": made.heads or [],
        },
        "input": {
            "name": INPUT,
            "type": "float32",
            "axes": list(axes),
            "channels": captured.shape[1],
            "free_axes": free,
            "captured_shape": list(captured.shape),
            "divisor": int(getattr(network, "divisor", 1)),
            "divisor_means": "every side must divide by it; reflect the image evenly on both sides, crop the output",
        },
        "preparation": {
            "image_channels": recipe.data.channels or 1,
            "slices_as_channels": given.slices,
            "normalise": given.normalise,
            "normalise_means": NORMALISE[given.normalise],
            "mean": given.mean,
            "deviation": given.deviation,
            "resize": given.resize,
            "resize_means": "area means where the image shrinks, linear where it grows; after normalising",
            "spacing": given.spacing,
            "spacing_means": SPACING,
            "patch": given.patch,
            "margin": margin(network),
            "margin_means": "pixels along a cut side of a tile that differ from the whole image; null: no such number",
            "region_of_interest": None if recipe.roi is None else recipe.roi.model_dump(mode="json"),
        },
        "outputs": outputs,
        "decision": {
            "classes": recipe.data.classes,
            "regions": dict(classes.regions),
            "rule": "probability > threshold" if classes.independent else "the class of the largest logit",
            "threshold": classes.threshold if classes.independent else None,
            "objects": recipe.data.instances,
            "mask_values": {str(index): value for value, index in recipe.data.values.items()},
            "cleanup": recipe.cleanup.model_dump(mode="json")
            | {"threshold": classes.threshold, "seed": recipe.cleanup.seed or SEED},
            "objects_means": OBJECTS,
        },
    }


def _output(name: str, recipe: Recipe, classes: Classes) -> dict[str, Any]:
    if name == "logits":
        return {
            "maps": classes.map_count,
            "activation": "sigmoid" if classes.independent else "softmax over maps",
        }
    trained = recipe.objective.heads.get(name, {})
    return {"activation": "none" if "contour_l2" in trained else "sigmoid", "trained": bool(trained)}
