"""DSB-2018's runs of touching nuclei, and how objects are made of their maps and scored."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.frame.runs import Sections, merged
from isthmus.data.cases import Case, Dataset, load_instances
from isthmus.data.sources import open_dataset
from isthmus.inference.outputs.instances import instances
from isthmus.inference.predictor import Predictor
from isthmus.metrics import score_case
from isthmus.metrics.objects import number_components
from isthmus.runs.files import read_json, write_json

SEED, TEST, CHOOSING = 2018, 40, 8  # every third image is scored, every tenth of the others chooses
COMMON: Sections = {
    "data": {"source": "dsb-2018", "instances": True},
    "input": {"patch": [128, 128], "normalise": "scale"},
    "training": {"epochs": 10, "samples": 400, "batch": 8},
}
RUNS: dict[str, Sections] = {
    "heads": {"network": {"heads": ["contour", "marker"]}},
    "body": {"network": {"heads": []}},
    "nuclei_resnet34": {"network": {"model": "nuclei_resnet34", "options": {"encoder_weights": None}}},
}
METRICS = ("object_f1", "object_dice", "dice", "aggregated_jaccard", "panoptic_quality")
COUNTS = ("prediction_objects", "truth_objects", "touching", "parted")

WAYS: dict[str, tuple[str, ...] | None] = {
    "contour and marker": ("contour", "marker"),
    "contour": ("contour",),
    "marker": ("marker",),
    "distance peaks": (),
    "components": None,
}
"""How objects are made of a network's maps: the name in the table, and the heads that are used; None: components."""


def split_of(root: Path) -> tuple[list[str], list[str]]:
    """Returns the ids of the images that are scored, and of those that choose the epoch; the others train."""
    with (root / "SELECTION.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    random = np.random.default_rng(SEED)
    strata: dict[str, list[str]] = {}
    for row in rows:
        strata.setdefault(row["stratum"], []).append(row["ImageId"])
    ordered = [str(name) for ids in strata.values() for name in random.permutation(sorted(ids))]
    every = len(ordered) // TEST
    test = ordered[every // 2 :: every]
    rest = [name for name in ordered if name not in set(test)]
    every = len(rest) // CHOOSING
    return sorted(test), sorted(rest[every // 2 :: every])


def sections(name: str, root: Path) -> Sections:
    """Returns the recipe of a run."""
    test, choosing = split_of(root)
    split = {"data": {"root": str(root)}, "protocol": {"test": test, "validation": choosing}}
    return merged(COMMON, split, RUNS[name])


def objects(maps: dict[str, NDArray[Any]], way: Sequence[str] | None) -> NDArray[np.int32]:
    """Returns objects by one of the `WAYS`, numbered."""
    body = maps["logits"][0]
    if way is None:
        return number_components(body >= 0.5)
    return instances(body, **{head: maps[head][0] for head in way})


def ways(predictor: Predictor) -> dict[str, tuple[str, ...] | None]:
    """Returns the ways that the heads of a network allow."""
    there = set(predictor.recipe.objective.heads)
    return {name: way for name, way in WAYS.items() if set(way or ()) <= there}


def scored_cases(root: Path) -> Iterator[tuple[Case, NDArray[Any], NDArray[Any]]]:
    """Yields the scored cases with their images and the numbers of their true nuclei."""
    dataset: Dataset = open_dataset("dsb-2018", root)
    wanted = set(split_of(root)[0])
    for case in dataset.cases:
        if case.id in wanted:
            image, truth = load_instances(case, dataset, 3)
            yield case, image, truth


def touching(truth: NDArray[Any], found: NDArray[Any]) -> dict[str, float]:
    """Counts pairs of true nuclei that share a side, and those told apart: at least half of each nucleus lies in an
    object of its own.

    >>> touching(np.array([[1, 2, 2, 3, 0, 4]]), np.array([[1, 2, 2, 2, 0, 0]]))
    {'touching': 2.0, 'parted': 1.0}
    """
    sides = [(truth[1:], truth[:-1]), (truth[:, 1:], truth[:, :-1])]
    ends = np.concatenate([np.stack([a, b])[:, (a != b) & (a > 0) & (b > 0)] for a, b in sides], axis=1)
    pairs = np.unique(np.sort(ends, axis=0), axis=1).T
    partner: dict[int, int] = {}
    for number in np.unique(pairs):
        inside = np.bincount(found[truth == number])
        inside[0] = 0
        if 2 * inside.max() >= (truth == number).sum():
            partner[int(number)] = int(inside.argmax())
    parted = sum(
        partner.get(int(a), 0) != partner.get(int(b), 0) and {a, b} <= partner.keys() for a, b in pairs
    )
    return {"touching": float(len(pairs)), "parted": float(parted)}


def scored(out: Path, root: Path) -> dict[str, dict[str, dict[str, float]]]:
    """Returns the scores by way, case and metric, on the images' own pixels; they are stored beside the run."""
    path = out / "ways.json"
    if path.is_file():
        return read_json(path)  # type: ignore[no-any-return]
    predictor = Predictor.load(out, device="cpu")
    found: dict[str, dict[str, dict[str, float]]] = {way: {} for way in ways(predictor)}
    for case, image, truth in scored_cases(root):
        maps = predictor.maps(image)
        for name, way in ways(predictor).items():
            numbers = objects(maps, way)
            row = score_case(numbers, truth, instances=True) | touching(truth, numbers)
            found[name][case.id] = {key: round(float(row[key]), 4) for key in (*METRICS, *COUNTS)}
    write_json(path, found)
    return found
