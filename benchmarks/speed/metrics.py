"""Surface and object metrics beside MONAI and DeepMind's surface-distance: time, memory, agreement.

    python -m benchmarks.metrics                measures and writes benchmarks/results/metrics.json
    python -m benchmarks.metrics --toy          the same at toy size; prints, writes nothing
    python -m benchmarks.metrics --shape 90 70  a shape of your own with five classes; prints, writes nothing
    python -m benchmarks.metrics --page         writes the table of the results into docs/metrics.md
    python -m benchmarks.metrics --costs        measures the constants of isthmus.metrics.nearest

Hausdorff distance, its 95th percentile and the average surface distance of every class: ours in one pass,
MONAI by one call for each (`pip install monai`), DeepMind's in one pass for each class (`pip install
surface-distance`). In one process, one thread each, the three in turn; CPU time, the median of the rounds.
A peer that is missing is left out.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.frame.machine import describe
from isthmus.metrics.distances import Sides
from isthmus.metrics.measurements import Measurements
from isthmus.metrics.nearest import Nearest, transform_plane
from isthmus.metrics.object_matching import Overlaps
from isthmus.metrics.pairs import Pair, per_class
from isthmus.metrics.table import METRICS, list_metrics

RESULTS = Path(__file__).parent / "results" / "metrics.json"
PAGE = Path(__file__).parents[1] / "docs" / "metrics.md"
PACKAGES = ("numpy", "scipy", "opencv-python-headless", "torch", "monai", "surface-distance")
Scene = tuple[str, list[np.ndarray], list[np.ndarray], int]  # name, predictions, truths, classes
Answers = list[tuple[float, float, float]]  # Hausdorff, its 95th percentile, average; by case and class


def ball(shape: tuple[int, ...], centre: Any, radii: Any) -> np.ndarray:
    axes = np.ogrid[tuple(slice(0, n) for n in shape)]
    return np.asarray(sum(((x - c) / r) ** 2 for x, c, r in zip(axes, centre, radii, strict=True)) <= 1)


def organs(shape: tuple[int, ...], classes: int, shift: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Ellipsoids as truth, and the same moved and stretched as prediction."""
    rng = np.random.default_rng(seed)
    prediction, truth = np.zeros((2, *shape), np.uint8)
    for label in range(1, classes + 1):
        centre = rng.uniform(0.25, 0.75, len(shape)) * shape
        radii = rng.uniform(0.08, 0.22, len(shape)) * min(shape)
        truth[ball(shape, centre, radii)] = label
        moved = centre + rng.normal(0, shift, len(shape))
        prediction[ball(shape, moved, radii * rng.uniform(0.9, 1.1, len(shape)))] = label
    return prediction, truth


def scenes(toy: bool, own: tuple[int, ...] | None) -> Iterator[Scene]:
    def several(name: str, shape: tuple[int, ...], classes: int, n: int, shift: float) -> Scene:
        pairs = [organs(shape, classes, shift, seed) for seed in range(n)]
        return name, [p for p, _ in pairs], [t for _, t in pairs], classes

    if own:
        yield several(" x ".join(map(str, own)) + ", 5 classes", own, 5, 1, 2.0)
        return
    flat, side, large = (32, 24, 32) if toy else (256, 128, 256)
    batch = 2 if toy else 16
    yield several(f"{batch} masks of {flat} x {flat}, 1 class", (flat, flat), 1, batch, 2.0)
    yield several(f"{batch} masks of {flat} x {flat}, 5 classes", (flat, flat), 5, batch, 2.0)
    yield several(f"{side}^3, 5 classes", (side,) * 3, 5, 1, 2.0)
    yield several(f"{large}^3, 5 classes", (large,) * 3, 5, 1, 4.0)
    shape, rng = (side,) * 3, np.random.default_rng(0)

    def one(name: str, prediction: np.ndarray, truth: np.ndarray) -> Scene:
        return f"{side}^3, {name}", [prediction.astype(np.uint8)], [truth.astype(np.uint8)], 1

    small = ball(shape, (side // 8,) * 3, (2, 2, 2))
    yield one(
        "far apart",
        ball(shape, (side / 5,) * 3, (side / 6,) * 3),
        ball(shape, (side * 0.8,) * 3, (side / 6,) * 3),
    )
    yield one("tiny objects", small, np.roll(small, 1, axis=(0, 1)))
    yield one("tiny objects far apart", small, ball(shape, (side - 5,) * 3, (2, 2, 2)))
    yield one("tiny object and large one", small, ball(shape, (side / 2,) * 3, (side / 2.5,) * 3))
    yield one("noise", rng.random(shape) < 0.5, rng.random(shape) < 0.5)
    yield one("sparse noise", rng.random(shape) < 0.01, rng.random(shape) < 0.01)


def ours(predictions: list[np.ndarray], truths: list[np.ndarray], classes: int) -> Answers:
    def measure(pair: Pair) -> tuple[float, float, float]:
        distances = Sides(pair, (1.0,) * len(pair.shape)).surface()
        return distances.hausdorff(), distances.hausdorff(95), distances.average()

    named = list(range(1, classes + 1))
    return [
        answer
        for p, t in zip(predictions, truths, strict=True)
        for answer in per_class(measure, p, t, named).values()
    ]


def monai(predictions: list[np.ndarray], truths: list[np.ndarray], classes: int) -> Callable[[], Answers]:
    import torch
    from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance

    torch.set_num_threads(1)

    def one_hot(masks: list[np.ndarray]) -> Any:
        labels = torch.from_numpy(np.stack(masks)).long()
        return torch.nn.functional.one_hot(labels, classes + 1).movedim(-1, 1)

    pair = one_hot(predictions), one_hot(truths)
    how = {"include_background": False}

    def run() -> Answers:
        answers = (
            compute_hausdorff_distance(*pair, **how),
            compute_hausdorff_distance(*pair, percentile=95, **how),
            compute_average_surface_distance(*pair, symmetric=True, **how),
        )
        return list(zip(*(answer.flatten().tolist() for answer in answers), strict=True))

    return run


def deepmind(predictions: list[np.ndarray], truths: list[np.ndarray], classes: int) -> Callable[[], Answers]:
    import surface_distance as peer

    vars(np).setdefault("Inf", np.inf)  # its release of 2018 still uses the name that NumPy 2 dropped

    def run() -> Answers:
        found = []
        for p, t in zip(predictions, truths, strict=True):
            for label in range(1, classes + 1):
                distances = peer.compute_surface_distances(t == label, p == label, (1,) * t.ndim)
                average = peer.compute_average_surface_distance(distances)
                largest, robust = (float(peer.compute_robust_hausdorff(distances, q)) for q in (100, 95))
                found.append((largest, robust, sum(map(float, average)) / 2))
        return found

    return run


PEERS = {"monai": monai, "surface-distance": deepmind}


def furthest(theirs: np.ndarray, ours: np.ndarray) -> list[float]:
    """Largest difference by quantity, where both masks have the class: rules for empty masks differ."""
    with np.errstate(invalid="ignore"):
        apart = np.abs(theirs - ours)
    return [float(value) for value in np.where(np.isfinite(apart), apart, 0).max(axis=0).round(6)]


def peak(work: Callable[[], object]) -> int | None:
    """Bytes by which the memory of this process rises while it works, on Linux."""
    status, clear = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    try:
        ctypes.CDLL(None).malloc_trim(0)  # or memory freed before would be taken again unseen
        clear.write_text("5", encoding="utf-8")
        before = status.read_text(encoding="utf-8").split("VmRSS:")[1].split()[0]
        work()
        after = status.read_text(encoding="utf-8").split("VmHWM:")[1].split()[0]
    except (OSError, AttributeError, IndexError):
        return None
    return (int(after) - int(before)) * 1024


def measure(scene: Scene, rounds: int, budget: float) -> dict[str, Any]:
    """One row: median seconds of every contestant, and how far the answers of the peers are from ours."""
    name, predictions, truths, classes = scene
    works: dict[str, Callable[[], Answers]] = {"isthmus": lambda: ours(predictions, truths, classes)}
    for peer, prepare in PEERS.items():
        try:
            works[peer] = prepare(predictions, truths, classes)
        except ImportError:
            print(f"{name}: {peer} is not installed, left out")
    answers = {contestant: np.asarray(work()) for contestant, work in works.items()}  # and warms up
    seconds: dict[str, list[float]] = {contestant: [] for contestant in works}
    started = time.perf_counter()
    while len(seconds["isthmus"]) < rounds:
        for contestant, work in works.items():
            start = time.process_time()
            work()
            seconds[contestant].append(time.process_time() - start)
        if time.perf_counter() - started > budget and len(seconds["isthmus"]) >= 3:
            break
    medians = {contestant: statistics.median(times) for contestant, times in seconds.items()}
    row: dict[str, Any] = {
        "scene": name,
        "rounds": len(seconds["isthmus"]),
        "milliseconds": {contestant: round(1e3 * value, 3) for contestant, value in medians.items()},
        "times_ours": {
            peer: round(medians[peer] / medians["isthmus"], 1) for peer in works if peer != "isthmus"
        },
        "largest_difference": {
            peer: dict(
                zip(
                    ("hausdorff", "hausdorff_95", "average"),
                    furthest(answers[peer], answers["isthmus"]),
                    strict=True,
                )
            )
            for peer in works
            if peer != "isthmus"
        },
    }
    masks = sum(mask.nbytes for mask in predictions + truths)
    risen = {contestant: peak(work) for contestant, work in works.items()}
    row["peak_memory_in_masks"] = {c: None if r is None else round(r / masks, 1) for c, r in risen.items()}
    return row


def nuclei(n: int, side: int) -> tuple[np.ndarray, np.ndarray]:
    """`n` ellipses on a jittered grid; of the predicted ones a tenth lie anywhere."""
    rng = np.random.default_rng(0)
    across = int(np.ceil(np.sqrt(n)))
    step = side / across
    prediction, truth = np.zeros((2, side, side), np.int32)
    for number in range(1, n + 1):
        grid = np.array([(number - 1) // across, (number - 1) % across])
        centre, radii = (grid + 0.5 + rng.uniform(-0.2, 0.2, 2)) * step, rng.uniform(0.2, 0.5, 2) * step
        moved = rng.uniform(0, side, 2) if number % 10 == 0 else centre + rng.normal(0, 0.06 * step, 2)
        for image, middle, size in (
            (truth, centre, radii),
            (prediction, moved, radii * rng.uniform(0.8, 1.2, 2)),
        ):
            low = np.maximum(0, (middle - size).astype(int))
            high = np.minimum(side, (middle + size).astype(int) + 2)
            box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
            image[box][ball(tuple(high - low), middle - low, size)] = number
    return prediction, truth


def measure_objects(n: int, side: int, rounds: int) -> dict[str, Any]:
    prediction, truth = nuclei(n, side)

    def work() -> dict[str, float]:
        pair, overlaps = Pair.whole(prediction > 0, truth > 0), Overlaps.of(prediction, truth)
        measured = Measurements(pair, (1.0, 1.0), numbered=overlaps)
        return {name: METRICS[name].value(measured) for name in list_metrics() if METRICS[name].objects}

    scores = work()
    seconds = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return {
        "scene": f"{n} nuclei in {side} x {side}, all object metrics",
        "cpu_seconds": round(statistics.median(seconds), 3),
        "found": {"prediction": int(scores["prediction_objects"]), "truth": int(scores["truth_objects"])},
    }


def costs() -> dict[str, float]:
    """The constants of the cost rule, in nanoseconds."""

    def nanoseconds(work: Callable[[], object]) -> float:
        times = []
        for _ in range(25):
            start = time.process_time()
            work()
            times.append(time.process_time() - start)
        return 1e9 * statistics.median(times)

    def ways(target: np.ndarray, queries: np.ndarray) -> dict[str, float]:
        def fresh(way: str) -> Callable[[], object]:
            return lambda: getattr(Nearest(target, (1.0, 1.0, 1.0)), f"_by_{way}")(queries)

        return {
            "tree": nanoseconds(fresh("tree")),
            "volume": nanoseconds(fresh("volume")),
            "planes": nanoseconds(lambda: Nearest(target, (1.0, 1.0, 1.0))._by_planes(queries, 0.0)),
        }

    volume, none = np.zeros((64, 64, 64), bool), np.zeros(1, np.intp)
    volume |= ball((64,) * 3, (30, 30, 30), (20, 20, 20)) & ~ball((64,) * 3, (30, 30, 30), (19, 19, 19))
    many = np.flatnonzero(
        ball((64,) * 3, (34, 33, 30), (20, 20, 20)) & ~ball((64,) * 3, (34, 33, 30), (19, 19, 19))
    )
    one, half, all_ = ways(volume, none), ways(volume, many[::2]), ways(volume, many)
    plane, tiny = np.zeros((64, 64), bool), np.zeros((2, 2), bool)
    plane[20, 20] = tiny[0, 0] = True
    call, pixels = nanoseconds(lambda: transform_plane(tiny)), nanoseconds(lambda: transform_plane(plane))
    return {
        "PLANE": call,
        "PLANE_PIXEL": (pixels - call) / plane.size,
        "PLANE_QUERY": 2 * (all_["planes"] - half["planes"]) / many.size,
        "TREE_POINT": one["tree"] / np.count_nonzero(volume),
        "TREE_QUERY[3]": 2 * (all_["tree"] - half["tree"]) / many.size,
        "VOLUME_VOXEL": one["volume"] / volume.size,
    }


def table(results: dict[str, Any]) -> str:
    """The results as a Markdown table, with the machine below it."""
    machine = results["machine"]
    lines = [
        "| masks | isthmus, ms | MONAI, ms | | surface-distance, ms | | memory of the three |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in results["surfaces"]:
        cells = [row["scene"], f"{row['milliseconds']['isthmus']:.1f}"]
        for peer in PEERS:
            known = peer in row["times_ours"]
            cells += (
                [f"{row['milliseconds'][peer]:.1f}", f"{row['times_ours'][peer]} x"] if known else ["", ""]
            )
        memory = [row["peak_memory_in_masks"].get(c) for c in ("isthmus", *PEERS)]
        cells.append(", ".join("?" if m is None else f"{m}" for m in memory))
        lines.append("| " + " | ".join(cells) + " |")
    objects = results["objects"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    lines += [
        "",
        f"{objects['scene']}: {objects['cpu_seconds']} s of CPU time.",
        "",
        "Milliseconds of CPU time for Hausdorff, HD95 and average surface distance of all classes, one "
        f"thread, median of at most {results['rounds']} rounds in turn; `x` is the peer's time over ours; "
        "memory is the peak above what was in use, in sizes of both masks (bytes of `uint8` labels).",
        f"Measured on {machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB; Python "
        f"{machine['python']}, {versions}.",
    ]
    return "\n".join(lines)


def write(path: Path, text: str) -> None:
    aside = path.with_name(path.name + ".part")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)


def on_one_thread() -> None:
    """Start this program again where its libraries could still take more threads than one."""
    variables = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    if any(os.environ.get(variable) != "1" for variable in variables):
        environment = os.environ | dict.fromkeys(variables, "1")
        os.execve(sys.executable, [sys.executable, "-m", "benchmarks.metrics", *sys.argv[1:]], environment)
    cv2.setNumThreads(1)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.metrics", description=__doc__.splitlines()[0])
    parser.add_argument("--toy", action="store_true", help="small masks; print, write nothing")
    parser.add_argument("--shape", type=int, nargs="+", help="a shape of your own; print, write nothing")
    parser.add_argument(
        "--page", action="store_true", help="write the table of the results into docs/metrics.md"
    )
    parser.add_argument("--costs", action="store_true", help="measure the constants of the cost rule")
    parser.add_argument("--rounds", type=int, default=15, help="rounds at most (default 15)")
    given = parser.parse_args(arguments)
    if given.costs:
        print(json.dumps({name: round(value, 1) for name, value in costs().items()}, indent=2))
        return
    if given.page:
        before, rest = PAGE.read_text(encoding="utf-8").split("<!-- benchmark -->\n")
        after = rest.split("<!-- end of benchmark -->")[1]
        text = table(json.loads(RESULTS.read_text(encoding="utf-8")))
        write(PAGE, f"{before}<!-- benchmark -->\n{text}\n<!-- end of benchmark -->{after}")
        return
    rounds = 1 if given.toy else given.rounds
    results: dict[str, Any] = {"machine": describe(PACKAGES), "rounds": rounds, "surfaces": []}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the peers' own
        for scene in scenes(given.toy, tuple(given.shape) if given.shape else None):
            row = measure(scene, rounds, budget=0 if given.toy else 20)
            print(json.dumps(row))
            results["surfaces"].append(row)
    if given.shape:
        return
    results["objects"] = measure_objects(*((20, 120) if given.toy else (2000, 2000)), rounds=min(rounds, 5))
    print(json.dumps(results["objects"]))
    if not given.toy:
        RESULTS.parent.mkdir(exist_ok=True)
        write(RESULTS, json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    on_one_thread()
    main()
