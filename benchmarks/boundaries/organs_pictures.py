"""HMEDN's figures on phantoms: feature maps of the three pathways (4), output maps (5), false predictions (8)."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from benchmarks.boundaries import PICTURES
from benchmarks.boundaries.organs_runs import by_case
from benchmarks.frame.pictures import Pixels, grey, heat, larger, sheet
from isthmus.data.cases import Source
from isthmus.data.phantoms.organs import ORGANS
from isthmus.data.sampling.slices import slice_channels
from isthmus.inference.predictor import Predictor
from isthmus.io.images import read_image, read_mask
from isthmus.networks.models.hmedn import HMEDN
from isthmus.report.drawing import CLASSES, outline
from isthmus.runs.folder import RunFolder

LOW, HIGH = -160.0, 240.0  # window in which the scans are shown
NETWORKS = ("DstNet1", "HMEDN")
MAPS = 4  # feature maps shown of each pathway
STRETCH = 3  # slices are so much thicker than pixels


def draw(scans: Path, runs: dict[str, list[RunFolder]]) -> dict[str, Any]:
    """Draws all sheets, of the middle case by HMEDN's mean surface distance, and of the worst for failures."""
    distances = by_case(runs["HMEDN"], "average_surface_distance")
    ranked = sorted(distances, key=lambda case: distances[case])
    middle, worst = ranked[len(ranked) // 2], ranked[-1]
    predictors = {row: Predictor.load(runs[row][0].path, device="cpu") for row in NETWORKS}
    return {
        "middle": middle,
        "worst": worst,
        "features": _features(scans, middle, predictors["HMEDN"]),
        "outputs": _outputs(scans, middle, predictors),
        "false-middle": _false(scans, middle, predictors, "middle"),
        "false-worst": _false(scans, worst, predictors, "worst"),
    }


def _load(scans: Path, case: str) -> tuple[NDArray[Any], NDArray[Any]]:
    name = f"{case}.nii.gz"
    return read_image(Source(scans / "images" / name)), read_mask(Source(scans / "masks" / name))


def _plane(truth: NDArray[Any], axis: int = 0) -> int:
    """Returns the index of the plane that shows most of all organs."""
    others = tuple(other for other in range(3) if other != axis)
    return int(np.argmax(sum(np.sqrt((truth == k).sum(axis=others)) for k in range(1, len(ORGANS)))))


def _scan(plane: NDArray[Any]) -> Pixels:
    return grey(plane, LOW, HIGH)


def _features(scans: Path, case: str, predictor: Predictor) -> str:
    """Draws the maps of the skip, of the distilling network and of the high-resolution pathway where the three meet."""
    image, truth = _load(scans, case)
    network, index = predictor.networks[0], _plane(truth)
    assert isinstance(network, HMEDN)
    assert network.pathway is not None
    assert network.level is not None
    seen: dict[str, torch.Tensor] = {}
    joined = len(network.encoder) - 1 - network.level
    parts = {
        "skip": network.encoder[network.level - 1],
        "distilling": network.ups[joined],
        "high-resolution": network.pathway,
        "all three": network.decoder[joined],
    }
    hooks = [
        module.register_forward_hook(lambda *of, name=name: seen.update({name: of[2].float()}))
        for name, module in parts.items()
    ]
    stack = slice_channels(
        predictor.normaliser(image).apply(image), index, predictor.recipe.input.slices or 1
    )
    with torch.inference_mode():
        network(torch.from_numpy(stack[None]))
    for hook in hooks:
        hook.remove()
    rows = []
    for name in parts:
        maps = seen[name][0].numpy()
        order = np.argsort(-maps.std(axis=(1, 2)))[:MAPS]
        pictures = [_scan(image[0, index]), heat(_large(np.abs(maps).mean(axis=0), image.shape[2:]))]
        rows.append(
            (f"{name}: {len(maps)} maps", pictures + [heat(_large(maps[i], image.shape[2:])) for i in order])
        )
    heads = ("scan", "mean of all", *(f"map {i + 1}" for i in range(MAPS)))
    return sheet(PICTURES / "organs-features.png", rows, heads)


def _large(values: NDArray[Any], size: tuple[int, ...]) -> NDArray[Any]:
    factors = [side // small for side, small in zip(size, values.shape, strict=True)]
    return np.kron(values, np.ones(factors))


def _outputs(scans: Path, case: str, predictors: dict[str, Predictor]) -> str:
    """Draws the probabilities of every organ, and the contour where there is one."""
    image, truth = _load(scans, case)
    index, rows = _plane(truth), []
    for row, predictor in predictors.items():
        maps = predictor.maps(image)
        pictures = [outline(_scan(image[0, index]), truth[index])]
        pictures += [heat(maps["logits"][k, index], 0, 1) for k in range(1, len(ORGANS))]
        if "contour" in maps:
            pictures.append(heat(maps["contour"][0, index]))
        rows.append((row, pictures))
    heads = ("scan, true outlines", *ORGANS[1:], "contour")
    return sheet(PICTURES / "organs-outputs.png", rows, heads, scale=2)


def _false(scans: Path, case: str, predictors: dict[str, Predictor], name: str) -> str:
    """Draws wrong voxels in the colour of their organ: missed ones by the true organ, false ones by the predicted."""
    image, truth = _load(scans, case)
    axial = _plane(truth)
    coronal_index = _plane(truth, axis=1)
    rows = []
    for row, predictor in predictors.items():
        found = predictor.labels(image)
        wrong = np.where(found != truth, np.where(truth > 0, truth, found), 0)
        coronal = [np.repeat(v[::-1, coronal_index], STRETCH, axis=0) for v in (image[0], truth, wrong)]
        pictures = [
            outline(_scan(image[0, axial]), truth[axial]),
            _painted(image[0, axial], wrong[axial]),
            outline(_scan(coronal[0]), coronal[1]),
            _painted(coronal[0], coronal[2]),
        ]
        pictures = [*map(larger, pictures), _solid(truth, wrong)]
        counts = {
            organ: ((truth == k) & (found != k), (found == k) & (truth != k))
            for k, organ in enumerate(ORGANS)
            if k
        }
        caption = ", ".join(f"{organ}: {a.sum()} missed, {b.sum()} false" for organ, (a, b) in counts.items())
        rows.append((f"{row}: {caption}", pictures))
    heads = ("axial, truth", "axial, wrong", "coronal, truth", "coronal, wrong", "all wrong voxels, by organ")
    return sheet(PICTURES / f"organs-false-{name}.png", rows, heads)


def _painted(plane: NDArray[Any], wrong: NDArray[Any]) -> Pixels:
    picture = _scan(plane)
    for k in range(1, len(ORGANS)):
        picture[wrong == k] = CLASSES[k - 1]
    return picture


def _solid(truth: NDArray[Any], wrong: NDArray[Any]) -> Pixels:
    """Draws wrong voxels in space, with the organs' surfaces as a grey cloud."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.2, 2.1), dpi=100)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((-0.25, -0.25, 1.5, 1.5), projection="3d")
    inside = truth > 0
    inner = inside.copy()
    for axis in range(3):
        inner &= np.roll(inside, 1, axis) & np.roll(inside, -1, axis)
    z, y, x = np.nonzero(inside & ~inner)
    axes.scatter(x[::6], y[::6], STRETCH * z[::6], s=1, c="0.8", alpha=0.4, linewidths=0)
    for k in range(1, len(ORGANS)):
        z, y, x = np.nonzero(wrong == k)
        colour = np.array(CLASSES[k - 1]) / 255
        axes.scatter(x, y, STRETCH * z, s=1.5, color=colour, alpha=0.6, linewidths=0)
    axes.set_box_aspect((1, 1, STRETCH * truth.shape[0] / truth.shape[2]))
    axes.set_axis_off()
    axes.view_init(elev=18, azim=-60)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return np.asarray(Image.open(file).convert("RGB"))
