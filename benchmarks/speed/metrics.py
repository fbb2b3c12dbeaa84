"""Surface and object metrics beside MONAI and DeepMind's surface-distance: time, memory, agreement.

Hausdorff distance, its 95th percentile and the average surface distance of every class: ours in one pass, MONAI by one
call for each (`pip install monai`), DeepMind's in one pass for each class (`pip install surface-distance`). In one
process, one thread each, in turn, by processor time; memory is the peak above what was in use. A peer that is missing
is left out.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import cv2
import numpy as np

from benchmarks.frame.benchmark import ONE_THREAD, Benchmark, Row, Settings
from benchmarks.frame.markdown import compared, milliseconds
from benchmarks.frame.memory import peak_memory
from benchmarks.speed.metric_scenes import Scene, nuclei, scenes
from isthmus.metrics.distances import Sides
from isthmus.metrics.measurements import Measurements
from isthmus.metrics.object_matching import Overlaps
from isthmus.metrics.pairs import Pair, per_class
from isthmus.metrics.table import METRICS

OURS, MEMORY = "isthmus", "sizes of both masks"
Answers = list[tuple[float, float, float]]  # Hausdorff, its 95th percentile, average; by case and class


def ours(scene: Scene) -> Callable[[], Answers]:
    """Measures with isthmus."""

    def measure(pair: Pair) -> tuple[float, float, float]:
        distances = Sides(pair, (1.0,) * len(pair.shape)).surface()
        return distances.hausdorff(), distances.hausdorff(95), distances.average()

    named = list(range(1, scene.classes + 1))
    return lambda: [
        answer
        for p, t in zip(scene.predictions, scene.truths, strict=True)
        for answer in per_class(measure, p, t, named).values()
    ]


def monai(scene: Scene) -> Callable[[], Answers]:
    """Measures with MONAI, on masks that are one-hot beforehand."""
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance

    torch.set_num_threads(1)

    def one_hot(masks: list[np.ndarray]) -> Any:
        labels = torch.from_numpy(np.stack(masks)).long()
        return torch.nn.functional.one_hot(labels, scene.classes + 1).movedim(-1, 1)

    pair = one_hot(scene.predictions), one_hot(scene.truths)
    how = {"include_background": False}

    def run() -> Answers:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answers = (
                compute_hausdorff_distance(*pair, **how),
                compute_hausdorff_distance(*pair, percentile=95, **how),
                compute_average_surface_distance(*pair, symmetric=True, **how),
            )
        return list(zip(*(answer.flatten().tolist() for answer in answers), strict=True))

    return run


def deepmind(scene: Scene) -> Callable[[], Answers]:
    """Measures with surface-distance, each class separately."""
    import surface_distance as peer

    vars(np).setdefault("Inf", np.inf)  # its release of 2018 still uses the name that NumPy 2 dropped

    def run() -> Answers:
        found = []
        for p, t in zip(scene.predictions, scene.truths, strict=True):
            for label in range(1, scene.classes + 1):
                distances = peer.compute_surface_distances(t == label, p == label, (1,) * t.ndim)
                average = peer.compute_average_surface_distance(distances)
                largest, robust = (float(peer.compute_robust_hausdorff(distances, q)) for q in (100, 95))
                found.append((largest, robust, sum(map(float, average)) / 2))
        return found

    return run


CONTENDERS = {OURS: ours, "MONAI": monai, "surface-distance": deepmind}


def differences(outputs: dict[str, Answers]) -> dict[str, Any]:
    """Returns each peer's largest difference from ours where both masks have the class: empty ones have other rules."""
    found, answers = {}, {name: np.asarray(each) for name, each in outputs.items()}
    for name in answers.keys() - {OURS}:
        with np.errstate(invalid="ignore"):
            difference = np.abs(answers[name] - answers[OURS])
        largest = np.where(np.isfinite(difference), difference, 0).max(axis=0).round(6).tolist()
        found[name] = dict(zip(("hausdorff", "hausdorff_95", "average"), largest, strict=True))
    return {"largest_difference": found}


def in_masks(prepare: Callable[[Scene], Callable[[], Answers]], scene: Scene) -> Callable[[], float | None]:
    """Returns what measures the peak memory of a contender, in sizes of both masks."""
    work, size = prepare(scene), sum(mask.nbytes for mask in scene.predictions + scene.truths)
    work()  # warms up

    def measure() -> float | None:
        peak = peak_memory(work)
        return None if peak is None else round(peak / size, 1)

    return measure


def objects(count: int, side: int) -> Callable[[], dict[str, float]]:
    """Returns what computes all metrics of objects between two masks of nuclei."""
    prediction, truth = nuclei(count, side)

    names = [name for name, metric in METRICS.items() if metric.objects and not metric.probabilities]

    def work() -> dict[str, float]:
        pair, overlaps = Pair.whole(prediction > 0, truth > 0), Overlaps.of(prediction, truth)
        found = Measurements(pair, (1.0, 1.0), numbered=overlaps)
        return {name: float(METRICS[name].value(found)) for name in names}

    return work


def rows(settings: Settings) -> Iterator[Row]:
    """Yields time and memory of surfaces in every scene, and the time of objects."""
    cv2.setNumThreads(1)
    clock, rounds = time.process_time, 1 if settings.toy else 15
    for scene in scenes(settings.toy):
        works = {name: partial(prepare, scene) for name, prepare in CONTENDERS.items()}
        yield Row(scene.name, works, rounds=rounds, limit=20, clock=clock, facts=differences)
        peaks = {name: partial(in_masks, prepare, scene) for name, prepare in CONTENDERS.items()}
        yield Row(scene.name, peaks, MEMORY)
    count, side = (20, 120) if settings.toy else (2000, 2000)
    yield Row(
        f"{count} nuclei in {side} x {side}, all object metrics",
        {OURS: partial(objects, count, side)},
        rounds=min(rounds, 5),
        clock=clock,
        facts=lambda outputs: {
            "objects": {which: int(outputs[OURS][f"{which}_objects"]) for which in ("prediction", "truth")}
        },
    )


BENCHMARK = Benchmark(
    rows,
    {"time": compared("masks", milliseconds, OURS), "memory": compared("masks", str, unit=MEMORY)},
    packages=("numpy", "scipy", "opencv-python-headless", "torch", "monai", "surface-distance"),
    environment=ONE_THREAD,
)
