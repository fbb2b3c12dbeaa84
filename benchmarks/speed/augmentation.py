"""Augmentation beside Albumentations 2.0.8, the last release under MIT: the same pipelines, image and mask.

256 x 256 RGB uint8 with a mask, on one thread, the two in turn in one process: processor time of one sample. Without
Albumentations (`pip install albumentations==2.0.8`) ours is measured alone.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import cv2
import numpy as np

from benchmarks.frame.benchmark import ONE_THREAD, Benchmark, Row, Settings
from benchmarks.frame.markdown import compared, milliseconds
from isthmus.data.augment import HMEDN, MILDNET, Elastic, Pipeline
from isthmus.data.rng import rng

OURS, FLOAT, PEER = "isthmus", "isthmus, float32", "Albumentations"
SIDE = 256
SIGMA, ALPHA = 20, 300  # of the elastic deformation, in pixels
NOISE = (10**0.5 / 255, 50**0.5 / 255)  # standard deviations; Albumentations 2 counts them in 0..1
ROWS = (
    "MILDNet",
    "MILDNet, every transform on",
    "MILDNet, every transform on, affine ones merged by hand",
    "MILDNet, every transform on, affine ones merged, its approximate elastic",
    "MILDNet, every transform on, no elastic",
    "MILDNet, every transform on, affine ones merged by hand, no elastic",
    "HMEDN",
    "HMEDN, every transform on",
)


def sample() -> tuple[np.ndarray, np.ndarray]:
    """Returns an image with structure at several scales, `(height, width, 3)`, and a mask of it."""
    noise = rng(0, "augmentation benchmark").standard_normal((SIDE, SIDE, 3), np.float32)
    image = sum(cv2.GaussianBlur(noise, (0, 0), s) * s for s in (1.0, 4.0, 16.0))
    image = cv2.normalize(image, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)
    return image, (image[..., 0] > 127).astype(np.uint8)


def certain(pipeline: Pipeline, without: tuple[type, ...] = ()) -> Pipeline:
    """Returns the pipeline with every transform on."""
    on = [t for t in pipeline.transforms if not isinstance(t, without)]
    return Pipeline(tuple(replace(transform, p=1.0) for transform in on))  # type: ignore[type-var]


def theirs(name: str) -> Any:
    """Returns the pipeline of a row in Albumentations, with its own probabilities, or all at one."""
    import albumentations as peer

    p = 1.0 if "every" in name else 0.5
    flips = [peer.HorizontalFlip(p=p), peer.VerticalFlip(p=p)]
    if name.startswith("HMEDN"):
        return peer.Compose(
            [
                peer.Affine(scale=(0.5, 1.5), p=p),
                peer.RandomResizedCrop((SIDE, SIDE), scale=(0.5, 1.0), p=p),
                peer.Rotate((-180, 180), p=p),
                *flips,
                peer.ElasticTransform(alpha=ALPHA, sigma=SIGMA, approximate=False, p=p),
                peer.RGBShift(25, 25, 25, p=p),
                peer.GaussNoise(NOISE, p=p),
            ]
        )
    if "merged" in name:  # turn, zoom and shear in one resampling, as a careful user would write it
        moves = [peer.Affine(rotate=(-180, 180), scale=(0.9, 1.1), shear=(-45, 45), p=1), *flips]
    else:
        turns = [peer.Rotate((angle, angle), p=1) for angle in (0, 60, 120, 180, 270)]
        zoom, shear = peer.Affine(scale=(0.9, 1.1), p=p), peer.Affine(shear=(-45, 45), p=p)
        moves = [peer.OneOf(turns, p=1), *flips, zoom, shear]
    elastic = peer.ElasticTransform(alpha=ALPHA, sigma=SIGMA, approximate="approximate" in name, p=p)
    span = (0.8, 1.2)
    colours = [
        peer.ColorJitter(span, span, span, (-0.2, 0.2), p=p),
        peer.GaussianBlur((3, 7), 0, p=p),
        peer.GaussNoise(NOISE, p=p),
    ]
    return peer.Compose([*moves, *([] if "no elastic" in name else [elastic]), *colours])


def peer_work(name: str, image: np.ndarray, mask: np.ndarray) -> Callable[[], Any]:
    """Returns their side of a row."""
    warnings.filterwarnings("ignore", category=UserWarning)  # that a newer release exists
    pipeline = theirs(name)
    pipeline.set_random_seed(0)
    return lambda: pipeline(image=image, mask=mask)


def ours(name: str) -> Pipeline:
    """Returns our side of a row."""
    pipeline = HMEDN if name.startswith("HMEDN") else MILDNET
    without: tuple[type, ...] = (Elastic,) if "no elastic" in name else ()
    return certain(pipeline, without) if "every" in name else pipeline


def rows(settings: Settings) -> Iterator[Row]:
    """Yields every pipeline."""
    cv2.setNumThreads(1)
    image, mask = sample()
    planes = np.ascontiguousarray(image.transpose(2, 0, 1))
    scaled = planes.astype(np.float32) / 255

    def work(name: str, pixels: np.ndarray) -> Callable[[], Any]:
        return partial(ours(name), pixels, mask, rng(0, name))

    for name in ROWS:
        contenders = {
            OURS: partial(work, name, planes),
            PEER: partial(peer_work, name, image, mask),
            FLOAT: partial(work, name, scaled),
        }
        rounds, calls = (3, 2) if settings.toy else (15, 20)
        yield Row(name, contenders, rounds=rounds, calls=calls, clock=time.process_time)


BENCHMARK = Benchmark(
    rows,
    {"table": compared("pipeline", milliseconds, OURS)},
    packages=("numpy", "opencv-python-headless", "scipy", "albumentations", "albucore"),
    environment=ONE_THREAD,
)
