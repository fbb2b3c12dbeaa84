"""Which images a run calls unlike those it was trained on, and how often it does so without cause.

    python -m benchmarks.familiar DATA          writes benchmarks/results/familiar.json and docs/results/familiar.md
    python -m benchmarks.familiar DATA --toy    one split of each set, prints and writes nothing
    python -m benchmarks.familiar page          writes the page from the committed result

DATA holds the sample data sets, each in the folder of its name. Of each set images are drawn as a training would (whole
patients where they are known), the others are held out and looked at one by one, as they are and changed. Masks are the
true ones, changed alike, in the place of predicted ones; nothing is trained.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.frame.machine import describe
from isthmus.data.cases import Case as DataCase
from isthmus.data.cases import Dataset, Source, load, load_image, load_mask
from isthmus.data.checks.check import check_dataset
from isthmus.data.likeness.appearance import Appearance, appearance, thickness
from isthmus.data.likeness.familiar import Familiar, mask_numbers
from isthmus.data.likeness.unlike import of_image, of_mask
from isthmus.data.masks.values import ValueMap
from isthmus.data.sources import open_dataset

Array = NDArray[Any]
NUMBERS = ValueMap(((0, 0), (1, 1)), "objects")
RESULT = Path(__file__).parent / "results" / "familiar.json"
PAGE = Path(__file__).parents[1] / "docs" / "results" / "familiar.md"
SPLITS, FEW, MOST = 100, 10, 40
"""Random splits of each set; the fewest training images; held-out images that are looked at in a split."""


@dataclass(frozen=True)
class Seen:
    """One image, as it is or changed, and its mask."""

    look: Appearance
    share: float
    thickness: float
    spacing: tuple[float, ...] | None
    group: str


def half(image: Array) -> Array:
    """Half as bright; of numbers around 0 nothing."""
    if image.min() < 0:
        return image[:0]
    return image // 2 if image.dtype.kind in "iu" else image / 2


def inverted(image: Array) -> Array:
    """Bright where it was dark, in the range of a byte or its own."""
    top = 255 if image.dtype == np.uint8 else image.max() + image.min()
    return np.asarray(top - image, image.dtype)


def reversed_channels(image: Array) -> Array:
    """Blue, green, red; of other than three channels, or equal ones, nothing."""
    return image[::-1] if len(image) == 3 and (image[0] != image[2]).any() else image[:0]


def scaled(factor: float) -> Callable[[Array], Array]:
    """Enlarged or reduced in the plane."""
    method = cv2.INTER_LINEAR if factor > 1 else cv2.INTER_AREA

    def scale(image: Array) -> Array:
        planes = image.reshape(-1, *image.shape[-2:]).astype(np.float32)
        made = np.stack([cv2.resize(p, None, fx=factor, fy=factor, interpolation=method) for p in planes])
        made = np.rint(made) if image.dtype.kind in "iu" else made
        return made.reshape(*image.shape[:-2], *made.shape[-2:]).astype(image.dtype)

    return scale


CHANGES: dict[str, Callable[[Array], Array]] = {
    "as they are": lambda image: image,
    "half as bright": half,
    "inverted": inverted,
    "enlarged by 2": scaled(2.0),
    "reduced by 2": scaled(0.5),
    "channels reversed": reversed_channels,
}


Case = tuple[Array, Array, tuple[float, ...] | None, str]


def sets(data: Path) -> Iterator[tuple[str, Iterator[Case]]]:
    """Images `(channels, *spatial)`, masks, spacings and groups of each set."""
    for name in (
        "isbi-2012",
        "dsb-2018",
        "kvasir-seg",
        "cvc-clinicdb",
        "isic-2018",
        "lgg-mri",
        "finding-lungs-ct",
    ):
        yield name, whole(open_dataset(name, data / name))
    more = open_dataset(data / "dsb-2018-more")
    yield "dsb-2018-more", whole(replace(more, cases=more.cases[::2], values=NUMBERS))
    glands = sorted((data / "glas-2015" / "converted-jpg-png").glob("*.jpg"))
    pairs = [(Source(path), Source(path.with_name(f"{path.stem}_anno.png"))) for path in glands]
    cases = tuple(DataCase(i.path.stem, (i,), (m,), i.path.stem) for i, m in pairs)
    yield "glas-2015", whole(Dataset("glas-2015", cases, NUMBERS))
    yield "ct-totalsegmentator, slices", slices(open_dataset("multi-organ-ct", data / "ct-totalsegmentator"))
    yield "brats-2015, 2 mm, slices", slices(open_dataset("brats", data / "brats-2015-deepmedic" / "2mm"))


def fluorescence(data: Path, seen: dict[str, list[Seen | None]]) -> dict[str, list[Seen | None]]:
    """Of the nuclei those in dark pictures, which are of one kind."""
    with (data / "dsb-2018-more" / "SELECTION.csv").open(encoding="utf-8") as file:
        dark = {row["image_id"] for row in csv.DictReader(file) if row["kind"] == "fluorescence"}
    inside = [one is not None and one.group in dark for one in seen["as they are"]]
    return {
        change: [one for one, keep in zip(ones, inside, strict=True) if keep] for change, ones in seen.items()
    }


def whole(dataset: Dataset) -> Iterator[Case]:
    """Every case."""
    checked = dataset if dataset.values else check_dataset(dataset).dataset
    for case in checked.cases:
        image, label = load(case, checked)
        yield image, label > 0, case.spacing, case.group


def slices(dataset: Dataset) -> Iterator[Case]:
    """Slices of volumes that hold some of the object, each an image of its patient."""
    for image, mask, spacing, group in whole(dataset):
        for index in np.flatnonzero(mask.any(axis=(1, 2))):
            yield image[:, index], mask[index], spacing and spacing[1:], group


def seen(case: Case, change: Callable[[Array], Array]) -> Seen | None:
    """A case that was changed; None where the change does not apply."""
    image, mask, spacing, group = case
    look = appearance(change(image))
    if look is None:
        return None
    if look.shape[1:] != image.shape[1:]:
        mask, spacing = change(mask[None].astype(np.uint8))[0] > 0, None  # nothing states the new size
    return Seen(look, float(mask.mean()), thickness(mask), spacing, group)


def look(data: Path) -> dict[str, dict[str, list[Seen | None]]]:
    """Every image of every set, as it is and changed, by set and change."""
    of_sets: dict[str, dict[str, list[Seen | None]]] = {}
    for name, cases in sets(data):
        found = [[seen(case, change) for change in CHANGES.values()] for case in cases]
        of_sets[name] = dict(zip(CHANGES, map(list, zip(*found, strict=True)), strict=True))
        print(name, len(found), flush=True)
    of_sets["dsb-2018-more, fluorescence"] = fluorescence(data, of_sets["dsb-2018-more"])
    return of_sets


def familiar(train: Sequence[Seen]) -> Familiar:
    """What a run would store."""
    found = Familiar.of(
        [each.look for each in train],
        groups=len({each.group for each in train}),
        spacings=[each.spacing for each in train if each.spacing],
        shares=[each.share for each in train],
        thicknesses=[each.thickness for each in train],
    )
    assert found is not None
    return found


def told(known: Familiar, one: Seen) -> str:
    """The kind of the first line about an image, or about its mask; "" without any."""
    of_one = of_mask(known, mask_numbers(one.share, one.thickness))
    remarks = of_image(known, one.look, one.spacing) or ([of_one] if of_one else [])
    return remarks[0].kind if remarks else ""


def divided(groups: Sequence[str], count: int, random: np.random.Generator) -> tuple[list[int], list[int]]:
    """Indices of at least `count` training images, of whole groups where there are several, and of the others."""
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
    """How often images of a set, changed and not, and images of other sets are told, in percent."""
    random = np.random.default_rng(2015)
    own = of_sets[name]
    groups = [one.group for one in own["as they are"] if one]
    rates: dict[str, list[float]] = {}
    kinds: dict[str, Counter[str]] = {}
    for _ in range(splits):
        train, others = divided(groups, count, random)
        known = familiar([one for one in (own["as they are"][index] for index in train) if one])
        looked = {change: [images[index] for index in others] for change, images in own.items()}
        looked |= {other: found["as they are"] for other, found in of_sets.items() if _apart(other, name)}
        for what, images in looked.items():
            here = [one for one in images if one]
            some = [here[i] for i in random.permutation(len(here))[:MOST]]
            words = [told(known, one) for one in some]
            if words:
                rates.setdefault(what, []).append(100 * float(np.mean([word != "" for word in words])))
                kinds.setdefault(what, Counter()).update(filter(None, words))
    found = {what: round(float(np.mean(values)), 2) for what, values in rates.items()}
    changes = {what: rate for what, rate in found.items() if what in CHANGES}
    return {
        "set": name,
        "training": count,
        "groups": len(set(groups)),
        "images": len(groups),
        "told": changes,
        "kinds": {what: dict(kinds[what].most_common(3)) for what in changes},
        "others": {what: rate for what, rate in found.items() if what not in CHANGES},
    }


def _apart(one: str, other: str) -> bool:
    """Whether two sets are not of one source."""
    return one[:8] != other[:8]


def cost(data: Path) -> list[dict[str, Any]]:
    """Processor seconds that looking takes of the check of all files."""
    rows = []
    for name in ("isbi-2012", "dsb-2018", "isic-2018", "ct-totalsegmentator"):
        dataset = open_dataset({"ct-totalsegmentator": "multi-organ-ct"}.get(name, name), data / name)
        start = time.process_time()
        check_dataset(dataset, workers=1)
        check = time.process_time() - start
        loaded = [(load_image(case), load_mask(case)) for case in dataset.cases]
        start = time.process_time()
        for image, mask in loaded:
            appearance(image)
            thickness(mask)
        looking = time.process_time() - start
        rows.append({"set": name, "check_seconds": round(check, 3), "looking_seconds": round(looking, 3)})
    return rows


def page() -> str:
    """The page, from the committed result alone."""
    result = json.loads(RESULT.read_text(encoding="utf-8"))
    machine = result["machine"]
    changes = list(CHANGES)
    lines = [
        "# Images unlike those of the training: what is seen",
        "",
        "Generated from `benchmarks/results/familiar.json` by `python -m benchmarks.familiar page`; to measure again:",
        "`python -m benchmarks.familiar DATA`. What the program says, and when: [unlike images](../unlike-images.md).",
        "",
        f"Training images are drawn from each set {result['splits']} times, by whole patients where known. The",
        "other images are looked at one by one, unchanged and changed. The table shows for how many in 100 of them",
        "something is reported; in the first column that should be 2 at most. The true masks, changed in the same way,",
        "stand in for predicted ones. Where the scale changes, no file states a pixel size, as with PNG.",
        "",
        f"| set | training images | {' | '.join(changes)} | other sets, mean | least |",
        f"|---|---:|{'---:|' * (len(changes) + 2)}",
    ]
    for row in result["rows"]:
        cells = [f"{row['told'][change]:.1f}" if change in row["told"] else "-" for change in changes]
        cells[0] = f"**{cells[0]}**"
        least = min(row["others"], key=row["others"].__getitem__)
        mean = float(np.mean(list(row["others"].values())))
        lines.append(
            f"| {row['set']} | {row['training']} of {row['images']} | {' | '.join(cells)} | {mean:.0f} "
            f"| {row['others'][least]:.0f} ({least}) |"
        )
    lines += ["", "What was reported about unchanged held-out images:", ""]
    for row in result["rows"]:
        kinds = row["kinds"].get("as they are", {})
        if kinds:
            listing = ", ".join(f"{kind} {count}" for kind, count in kinds.items())
            lines.append(f"- {row['set']}, {row['training']} training images: {listing}")
    lines += [
        "",
        NOT_SEEN,
        "",
        "Processor seconds of the check of all files before training, and the part that looking at images takes:",
        "",
        "| set | check | looking |",
        "|---|---:|---:|",
    ]
    for row in result["cost"]:
        lines.append(f"| {row['set']} | {row['check_seconds']:.2f} | {row['looking_seconds']:.2f} |")
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    lines += [
        "",
        f"Machine: {machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB; Python "
        f"{machine['python']}, {versions}.",
        "",
    ]
    return "\n".join(lines)


NOT_SEEN = """**The aim of 2 in 100 is not met with ten pictures of nuclei of all kinds.** Most reports there are
about colour: where none of the ten is in colour, every colour picture is reported. That is right, but more than
2 in 100. Among pictures of one kind, as in the last rows, it does not happen.

**How the limits were chosen.** On these same sets, by this same measure. Four pairs of limits were tried (the share
of images that may lie outside, and the part of the range that has to be exceeded): one in 400 and a quarter, one in
1,000 and a half, one in 1,000 and a quarter, one in 500 and a quarter. The third was kept: the second sees less, and
the fourth reported 4.3 in 100 held-out images of lgg-mri. The smallest differences that count were set by eye. The
rule that only gross differences count after training on one or two patients was also chosen here: before it, 16 to 22
in 100 images of held-out patients of lgg-mri and brats-2015 were reported. The first column is therefore optimistic
for new data. Sets of 9 to 22 images leave few to hold out, so their figures are coarse. Every second picture of
dsb-2018-more is used, to save time.

What is not seen, or seldom:

- **Half the brightness** in sets whose own brightness varies as much: nuclei, skin, MRI of several patients.
- **Another scale without a stated pixel size.** Differences between neighbours show it where all images are sharp and
  from one microscope (ISBI-2012, lungs), but not where sharpness or magnification vary (nuclei, skin, endoscopy).
  Where files state the size of a pixel, a factor of 1.25 is always reported.
- **Anything but gross differences after training on one or two patients**: CT slices of one volume, frames of one
  endoscopy (CVC-ClinicDB), brains of two patients. They do not show what another patient looks like.
- **Other data sets** after training on many kinds at once: nuclei of all kinds include bright, dark, grey and
  purple pictures, which leaves little outside."""


def main() -> None:
    """Parse, measure, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", help="the folder of sample data, or the word page")
    parser.add_argument("--toy", action="store_true")
    asked = parser.parse_args()
    if asked.data != "page":
        data = Path(asked.data)
        of_sets = look(data)
        rows = []
        for name, images in of_sets.items():
            total = len(images["as they are"])
            for count in sorted({min(FEW, total - 2), total * 2 // 3}):
                rows.append(row := measure(name, of_sets, count, 1 if asked.toy else SPLITS))
                print(
                    row["set"],
                    row["training"],
                    row["told"],
                    row["kinds"]["as they are"],
                    row["others"],
                    flush=True,
                )
        if asked.toy:
            return
        result = {"machine": describe(), "splits": SPLITS, "rows": rows, "cost": cost(data)}
        RESULT.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)


if __name__ == "__main__":
    main()
