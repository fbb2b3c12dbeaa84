"""How often a run reports images to be unlike those it was trained on, with and without cause.

Images of each sample data set are drawn as a training would draw them (whole patients where they are known). The
others are held out and looked at one by one, unchanged and changed. The true masks, changed alike, stand in for
predicted ones; nothing is trained.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.frame import markdown
from benchmarks.frame.benchmark import Benchmark, Result, Row, Settings, ready
from benchmarks.frame.results import rows_of
from benchmarks.unlike_images.changes import CHANGES
from benchmarks.unlike_images.sets import Seen, every_image
from isthmus.data.cases import load_image, load_mask
from isthmus.data.checks.check import check_dataset
from isthmus.data.likeness.appearance import appearance, thickness
from isthmus.data.likeness.differences import image_differences, mask_difference
from isthmus.data.likeness.familiar import Familiar, mask_numbers
from isthmus.data.sources import open_dataset

SPLITS, FEW, MOST = 100, 10, 40
"""Random splits of each set; the fewest training images; held-out images that are looked at in a split."""

UNCHANGED, PERCENT, PROCESSOR = "as they are", "percent reported", "processor seconds"
TIMED = {name: name for name in ("isbi-2012", "dsb-2018", "isic-2018")} | {
    "ct-totalsegmentator": "multi-organ-ct"
}
"""Folders whose check is timed, and what the data set is called."""


def familiar(train: Sequence[Seen]) -> Familiar:
    """Returns what a run would store."""
    found = Familiar.of(
        [each.appearance for each in train],
        groups=len({each.group for each in train}),
        spacings=[each.spacing for each in train if each.spacing],
        shares=[each.share for each in train],
        thicknesses=[each.thickness for each in train],
    )
    assert found is not None
    return found


def reported(known: Familiar, one: Seen) -> str:
    """Returns the kind of the first remark about an image, or about its mask; "" where there is none."""
    of_one = mask_difference(known, mask_numbers(one.share, one.thickness))
    remarks = image_differences(known, one.appearance, one.spacing) or ([of_one] if of_one else [])
    return remarks[0].kind if remarks else ""


def split(groups: Sequence[str], count: int, random: np.random.Generator) -> tuple[list[int], list[int]]:
    """Splits indices into at least `count` for training, by whole groups where there are several, and the others."""
    order = list(random.permutation(sorted(set(groups))))
    if len(order) == 1:
        shuffled = random.permutation(len(groups)).tolist()
        return shuffled[:count], shuffled[count:]
    train: set[str] = set()
    while sum(group in train for group in groups) < count and len(train) < len(order) - 1:
        train.add(order[len(train)])
    inside = [index for index, group in enumerate(groups) if group in train]
    return inside, [index for index, group in enumerate(groups) if group not in train]


def measure(
    name: str, of_sets: dict[str, dict[str, list[Seen | None]]], count: int, splits: int
) -> dict[str, Any]:
    """Returns how often images of a set, unchanged and changed, and of other sets are reported, in percent; and why."""
    random = np.random.default_rng(2015)
    own = of_sets[name]
    groups = [one.group for one in own[UNCHANGED] if one]
    rates: dict[str, list[float]] = {}
    kinds: dict[str, Counter[str]] = {}
    for _ in range(splits):
        train, others = split(groups, count, random)
        known = familiar([one for one in (own[UNCHANGED][index] for index in train) if one])
        looked = {change: [images[index] for index in others] for change, images in own.items()}
        looked |= {
            other: found[UNCHANGED] for other, found in of_sets.items() if other[:8] != name[:8]
        }  # one source
        for what, images in looked.items():
            here = [one for one in images if one]
            some = [here[i] for i in random.permutation(len(here))[:MOST]]
            words = [reported(known, one) for one in some]
            if words:
                rates.setdefault(what, []).append(100 * float(np.mean([word != "" for word in words])))
                kinds.setdefault(what, Counter()).update(filter(None, words))
    found = {what: round(float(np.mean(values)), 2) for what, values in rates.items()}
    return {
        "unchanged and changed": {what: rate for what, rate in found.items() if what in CHANGES},
        "other sets": {what: rate for what, rate in found.items() if what not in CHANGES},
        "kinds": {what: dict(kinds[what].most_common(3)) for what in found if what in CHANGES},
    }


def check_seconds(data: Path, folder: str) -> float:
    """Returns the processor seconds of the check of all files."""
    dataset = open_dataset(TIMED[folder], data / folder)
    start = time.process_time()
    check_dataset(dataset, workers=1)
    return round(time.process_time() - start, 3)


def looking_seconds(data: Path, folder: str) -> float:
    """Returns the processor seconds that looking at the images takes of that check."""
    cases = open_dataset(TIMED[folder], data / folder).cases
    loaded = [(load_image(case), load_mask(case)) for case in cases]
    start = time.process_time()
    for image, mask in loaded:
        appearance(image)
        thickness(mask)
    return round(time.process_time() - start, 3)


def rows(settings: Settings) -> Iterator[Row]:
    """Yields every set with few and with two thirds of its images to train with, and the cost of looking."""
    splits = 1 if settings.toy else SPLITS
    seen = cache(partial(every_image, settings.data))
    for name, images in seen().items():
        total = len(images[UNCHANGED])
        groups = len({one.group for one in images[UNCHANGED] if one})
        for count in sorted({min(FEW, total - 2), total * 2 // 3}):
            work = partial(measure, name, seen(), count, splits)
            about = {"set": name, "training": count, "images": total, "groups": groups, "splits": splits}
            contenders = {"isthmus": ready(work)}
            yield Row(f"{name}, {count} of {total}", contenders, PERCENT, facts=lambda _, about=about: about)
    for folder in TIMED:
        works = {"check": check_seconds, "looking": looking_seconds}
        contenders = {
            which: lambda f=folder, w=work: partial(w, settings.data, f) for which, work in works.items()
        }
        yield Row(folder, contenders, PROCESSOR)


def table(found: Sequence[Result]) -> list[str]:
    """Shows for how many images in 100 something is reported."""
    lines = []
    for row in rows_of(found[0], PERCENT):
        rates, others = (row["values"]["isthmus"][key] for key in ("unchanged and changed", "other sets"))
        cells = [f"{rates[change]:.1f}" if change in rates else "-" for change in CHANGES]
        least = min(others, key=others.__getitem__)
        about, mean = row["facts"], float(np.mean(list(others.values())))
        training = f"{about['training']} of {about['images']}"
        last = [f"{mean:.0f}", f"{others[least]:.0f} ({least})"]
        lines.append([about["set"], training, f"**{cells[0]}**", *cells[1:], *last])
    return markdown.table(["set", "training images", *CHANGES, "other sets, mean", "least"], lines)


def kinds(found: Sequence[Result]) -> list[str]:
    """Shows what was reported about unchanged held-out images."""
    lines = []
    for row in rows_of(found[0], PERCENT):
        counts = row["values"]["isthmus"]["kinds"].get(UNCHANGED)
        if counts:
            listing = ", ".join(f"{kind} {count}" for kind, count in counts.items())
            lines.append(f"- {row['facts']['set']}, {row['facts']['training']} training images: {listing}")
    return lines


def cost(found: Sequence[Result]) -> list[str]:
    """Shows seconds of the check, and of looking."""
    here = rows_of(found[0], PROCESSOR)
    seconds = markdown.contender_table("set", here, lambda row, name: f"{row['values'][name]:.2f}")
    return [*seconds, markdown.machine_line(here[0]["machine"])]


BENCHMARK = Benchmark(rows, {"table": table, "kinds": kinds, "cost": cost})
