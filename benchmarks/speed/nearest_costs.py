"""The constants of the cost rule in `isthmus.metrics.nearest`, in nanoseconds."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.frame.benchmark import ONE_THREAD, Benchmark, Row, Settings, ready
from benchmarks.speed.metric_scenes import ball
from isthmus.metrics.nearest import Nearest, transform_plane

CALLS = 25


def nanoseconds(work: Callable[[], object]) -> float:
    """Returns the processor time of a call, the median of some."""
    times = []
    for _ in range(CALLS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return 1e9 * statistics.median(times)


def ways(target: np.ndarray, queries: np.ndarray) -> dict[str, float]:
    """Returns what each way of finding the nearest point takes."""

    def fresh(way: str, *more: float) -> Callable[[], object]:
        return lambda: getattr(Nearest(target, (1.0, 1.0, 1.0)), f"_by_{way}")(queries, *more)

    return {
        "tree": nanoseconds(fresh("tree")),
        "volume": nanoseconds(fresh("volume")),
        "planes": nanoseconds(fresh("planes", 0.0)),
    }


def shell(centre: tuple[int, int, int]) -> np.ndarray:
    """Returns the surface of a ball in a volume of 64 x 64 x 64."""
    shape = (64, 64, 64)
    return ball(shape, centre, (20, 20, 20)) & ~ball(shape, centre, (19, 19, 19))


def costs() -> dict[str, float]:
    """Returns the constants, by the names that they have in the rule."""
    volume, none = shell((30, 30, 30)), np.zeros(1, np.intp)
    many = np.flatnonzero(shell((34, 33, 30)))
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


def rows(settings: Settings) -> Iterator[Row]:  # noqa: ARG001
    """Yields one row, of all constants."""
    yield Row("constants of the cost rule", {"isthmus": ready(costs)}, "nanoseconds")


BENCHMARK = Benchmark(rows, environment=ONE_THREAD)
