"""Trains the network `nuclei` that comes with the package.

``python -m benchmarks.objects.trained_nuclei [FOLDER] [--twin]``: first a twin learns from four fifths of the 484
images and is scored on the others; then the network learns in the same way from all but the four that README and the
demo show, and is written to ``src/isthmus/trained/nuclei`` with one of these. With ``--twin`` the twin itself is
written, in half of the time. Runs are folders below FOLDER (``runs/nuclei``), so that a stopped command goes on.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save

import isthmus
from benchmarks.frame.runs import Sections, trained
from benchmarks.objects.nuclei_images import exported
from benchmarks.objects.scores import object_scores
from isthmus.files import write_bytes
from isthmus.runs.files import read_csv, read_yaml, write_csv, write_json, write_text, write_yaml
from isthmus.runs.folder import RunFolder
from isthmus.runs.trained import TrainedCard
from isthmus.statistics import bootstrap

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
SHIPPED = ROOT / "src" / "isthmus" / "trained" / "nuclei"
RECIPE: Sections = {
    "network": {
        "model": "unet",
        "options": {"norm": "batch", "widths": [16, 32, 64, 128, 256]},
        "initialisation": "default",
    },
    "input": {"patch": [192, 192]},
    "training": {
        "epochs": 24,
        "batch": 8,
        "samples": 1000,
        "learning_rate": 0.003,
        "augment": "flips",
        "select": "objects",
        "keep": "latest",
    },
}
SHOWN = ("00071198d0", "0287e7ee5b", "0e4c2e2780", "136000dc18")
"""Images that README shows: of the further ones that the twin has not seen, the first two of fluorescence and of purple
on white by name. The demo segments one of the first two."""
EXAMPLE = SHOWN[1]
KINDS = {
    "grey_dark": "fluorescence",
    "grey_bright": "bright grey",
    "purple": "purple on purple",
    "purple_white": "purple on white",
}
TWIN = "--twin"
IDS = "images.txt"
"""The file beside the card that names the images which trained the network or chose its epoch."""


def main() -> None:
    words = [word for word in sys.argv[1:] if word != TWIN]
    folder = Path(words[0]) if words else ROOT / "runs" / "nuclei"
    data = exported(DATA, folder / "images")
    twin = trained(sections(data / "train" / "cases.csv"), folder / "twin")
    scores = scored(twin, data / "test", folder / "twin-masks")
    itself = TWIN in sys.argv
    network = twin if itself else trained(sections(everything(data)), folder / "network")
    ship(network, SHIPPED, card(scores, learned_from(network), itself))
    (example,) = (DATA / "dsb-2018-more" / "images").glob(f"{EXAMPLE}*.png")
    shutil.copyfile(example, SHIPPED / "example.png")


def sections(table: Path) -> Sections:
    """Returns the recipe for a table of images."""
    return RECIPE | {"data": {"source": str(table), "instances": True}}


def everything(data: Path) -> Path:
    """Writes a table of the images of both parts, but for those that are shown, beside them, and returns its path."""
    rows = [
        row | {key: f"{part}/{row[key]}" for key in ("image", "mask")}
        for part in ("train", "test")
        for _, row in read_csv(data / part / "cases.csv", ["image", "mask", "group"]).lines
        if not row["group"].startswith(SHOWN)
    ]
    write_csv(data / "cases.csv", rows, ["image", "mask", "group"])
    return data / "cases.csv"


def scored(run: RunFolder, test: Path, masks: Path) -> dict[str, dict[str, Any]]:
    """Returns the scores of images that a run has not seen, by id, predicted from weights of half precision."""
    halved = masks.with_name(f"{masks.name}-run")
    write_run(run, halved)
    isthmus.predict(halved, test / "images", masks, overwrite=True)
    return object_scores(masks, test)


def write_run(run: RunFolder, out: Path) -> None:
    """Writes what predicts, with weights of half precision, and no path of this machine.

    What normalises, a number for each channel, stays as it is: variances may be larger than half precision can hold.
    """
    out.mkdir(parents=True, exist_ok=True)
    for path in (run.network, run.images):
        shutil.copyfile(path, out / path.name)
    recipe = read_yaml(run.recipe_path)
    recipe["data"] |= {"source": "nuclei", "root": None}
    write_yaml(out / run.recipe_path.name, recipe)
    tensors = load_file(run.weights)
    halved = {name: each.half() if each.ndim > 1 else each for name, each in tensors.items()}
    write_bytes(out / run.weights.name, save(halved))


def learned_from(run: RunFolder) -> list[str]:
    """Returns the images that trained a network or chose its epoch."""
    split = run.split()
    return sorted([*split.train, *split.validation])


def card(scores: Mapping[str, Mapping[str, Any]], images: Sequence[str], itself: bool = False) -> TrainedCard:
    """Returns the card.

    Args:
        scores: the twin's, by image.
        images: those that the network learned from.
        itself: whether the network is the twin.
    """
    kinds = sorted({each["kind"] for each in scores.values()})
    scored_on = "images that it has not seen"
    if not itself:
        scored_on = "images that a twin, trained in the same way without them, has not seen"
    command = "python -m benchmarks.objects.trained_nuclei" + f" {TWIN}" * itself
    return TrainedCard(
        title="nuclei in light and fluorescence microscopy, each with its own number",
        data=f"{len(images)} images of the 2018 Data Science Bowl, stage 1 (BBBC038, "
        "https://bbbc.broadinstitute.org/BBBC038): fluorescence, and tissue stained with haematoxylin and eosin",
        terms="images and masks are CC0; the weights are under the terms of isthmus (MIT)",
        knows="nuclei of 5 to 60 pixels across, bright on dark or dark on bright, grey or colour, 8 or 16 bits",
        limits="stained tissue and bright grey pictures are segmented badly (see the scores); no volumes, no electron "
        "microscopy, no whole cells; objects of other sizes need --diameter",
        made_by=f"{command} (seed 0; {IDS} lists the images)",
        scored_on=f"{scored_on}; object F1 at IoU 0.5 as the mean over images, with its 95 % bootstrap interval",
        scores=[line(kind, [each for each in scores.values() if kind in ("all", each["kind"])])
                for kind in ("all", *kinds)],
    )  # fmt: skip


def line(kind: str, cases: list[Mapping[str, Any]]) -> dict[str, str | int | float]:
    """Returns the row of a kind of picture."""
    spread = bootstrap([each["f1"] for each in cases])
    found, true = (sum(each[key] for each in cases) for key in ("found", "true"))
    return {
        "pictures": KINDS.get(kind, kind),
        "images": len(cases),
        "object F1": round(spread.estimate, 3),
        "from": round(spread.low, 3),
        "to": round(spread.high, 3),
        "mean AP": round(statistics.fmean(each["ap"] for each in cases), 3),
        "found / true": round(found / true, 3),
    }


def ship(run: RunFolder, out: Path, about: TrainedCard) -> None:
    """Writes a trained network into the package."""
    write_run(run, out)
    write_json(out / "card.json", asdict(about))
    write_text(out / IDS, "".join(f"{name}\n" for name in learned_from(run)))
    print(json.dumps(asdict(about), indent=2))


if __name__ == "__main__":
    main()
