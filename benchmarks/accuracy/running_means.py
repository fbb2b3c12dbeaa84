"""Running means of batch normalisation against precise ones: both score the same weights after every epoch.

Training, its schedule and everything else follow the running means, as in the papers. After each epoch the held-out
slices are scored twice: by the running means and variances, and by those taken anew from the training slices, as
`training.batch_statistics=precise` takes them.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from torch import nn

from benchmarks.accuracy.isbi_2012 import VALIDATION
from benchmarks.frame.benchmark import ONE_THREAD, Benchmark, Result, Row, Settings, ready
from benchmarks.frame.markdown import machine_lines, table
from benchmarks.frame.runs import HARDWARE, Sections, merged
from isthmus.data.sampling.samples import batch_sizes
from isthmus.inference.predictor import Predictor
from isthmus.memory import keep_freed_memory
from isthmus.runs import hardware as machine
from isthmus.runs.files import write_yaml
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import make_recipe, preset_of
from isthmus.training.loop.batch_statistics import batch_norms, sharing_weights
from isthmus.training.loop.loop import Loop, begin
from isthmus.training.preparation.network import make_network
from isthmus.training.preparation.prepare import prepare
from isthmus.watch import Silent

KINDS = ("running", "precise")
PATIENCE = 20
"""MILDNet stops after so many epochs in which neither kind of statistics gives a better mean Dice."""
BETWEEN_CHECKPOINTS = 10
"""Epochs, of a few seconds each."""
LAST = 10
"""Last epochs whose mean Dice the page shows."""
SHOWN = (1, 5, 10, 20, 40, 80, 150)
"""Epochs whose scores the page shows."""
MULTIRESUNET: Sections = {  # as in the recipe multiresunet/table4, but for the size
    "network": {"model": "multiresunet"},
    "training": {"epochs": 150, "batch": 10, "schedule": "constant", "early_stopping": None},
}
MILDNET: Sections = {  # as in isbi_2012, but for the end
    "network": {"model": "mildnet"},
    "training": {"epochs": 200, "early_stopping": PATIENCE},
}
RUNS: Sequence[tuple[Sections, int, int]] = (
    *((MULTIRESUNET, 64, seed) for seed in (0, 1, 2)),
    *((MILDNET, side, 0) for side in (64, 256)),
    *((MULTIRESUNET, 128, seed) for seed in (0, 1, 2)),
)
"""Networks, sides of the slices, and seeds."""
TOY: Sections = {"input": {"resize": [32, 32]}, "training": {"epochs": 2}}


def sections(network: Sections, side: int, seed: int, settings: Settings) -> Sections:
    """Returns the recipe of a network, a size and a seed."""
    ours: Sections = {
        "data": {"source": "isbi-2012", "root": str(settings.data / "isbi-2012")},
        "input": {"resize": [side, side]},
        "objective": {"heads": {"logits": "bce"}},
        "training": {"seed": seed},
        "protocol": {"validation": list(VALIDATION)},
        "hardware": HARDWARE,
    }
    return merged(network, ours, TOY if settings.toy else {})


def by_precise(loop: Loop) -> Loop:
    """Returns the same training, scored by statistics taken anew for a copy that shares its weights."""
    recipe = loop.prepared.recipe
    copied = sharing_weights(loop.state.network)
    predictor = Predictor.from_networks([copied], recipe, recipe.hardware, overlap=0.0)
    return replace(loop, state=replace(loop.state, scored=copied), predictor=predictor, precise=True)


def trained(wanted: Sections, out: Path) -> tuple[list[dict[str, float]], dict[str, float]]:
    """Trains to the end, from the checkpoint if there is one.

    Returns:
        The epochs with the scores of both kinds, and the variance that each kind has at the end in the layer that reads
        the image, as the median over its channels.
    """
    folder, preset = RunFolder(out), preset_of(wanted["network"]["model"])
    known = folder.recipe_path.is_file()
    prepared = prepare(folder.recipe() if known else make_recipe(preset, wanted), Silent())
    recipe = prepared.recipe
    write_yaml(folder.recipe_path, recipe.to_dict())
    keep_freed_memory()
    with machine.threads(recipe.hardware):
        loop = begin(make_network(recipe), prepared, None)
        if folder.checkpoint.is_file():
            loop.state.restore(folder, recipe)
        precise, progress = by_precise(loop), loop.state.progress
        while progress.epoch < recipe.training.epochs and not _stops(
            progress.history, recipe.training.early_stopping
        ):
            started = time.process_time()
            loop.epoch(Silent(), lambda: None)
            between = time.process_time()
            scored = precise.score()
            progress.history[-1] |= {
                "precise_loss": scored.loss,
                "precise_dice": scored.dice,
                "precise_iou": scored.iou,
                "processor_seconds": between - started,
                "precise_seconds": time.process_time() - between,
            }
            if progress.epoch % BETWEEN_CHECKPOINTS == 0:
                loop.state.save(folder, recipe)
            print(f"{out.name}: {_shown(progress.history[-1])}", flush=True)
        loop.state.save(folder, recipe)
        precise.score()
        networks = dict(zip(KINDS, (loop.state.network, precise.state.scored), strict=True))
        return progress.history, {kind: _first_variance(network) for kind, network in networks.items()}


def _first_variance(network: nn.Module) -> float:
    return float(batch_norms(network)[0].get_buffer("running_var").median())


def _stops(history: Sequence[dict[str, float]], patience: int | None) -> bool:
    """Returns whether neither kind of statistics has given a better Dice for a long time."""
    best = [_best([row[key] for row in history]) for key in ("validation_dice", "precise_dice") if history]
    return patience is not None and bool(best) and len(history) - 1 - max(best) >= patience


def _best(values: Sequence[float]) -> int:
    return values.index(max(values))


def _shown(row: dict[str, float]) -> str:
    scores = ", ".join(f"{key} {row[key]:.4f}" for key in ("validation_dice", "precise_dice"))
    return f"epoch {row['epoch']:.0f}, {scores}, {row['processor_seconds']:.1f} s"


def scores(wanted: Sections, out: Path) -> dict[str, Any]:
    """Returns Dice and Jaccard of every epoch by both kinds of statistics, and what the epochs took."""
    history, variances = trained(wanted, out)
    columns = {
        "running": {"dice": "validation_dice", "iou": "validation_iou"},
        "precise": {"dice": "precise_dice", "iou": "precise_iou"},
    }
    found: dict[str, Any] = {
        kind: {name: [round(row[key], 4) for row in history] for name, key in keys.items()}
        for kind, keys in columns.items()
    }
    minutes = {key: sum(row[f"{key}_seconds"] for row in history) / 60 for key in ("processor", "precise")}
    training = RunFolder(out).recipe().training
    return found | {
        "first_variance": {kind: float(f"{value:.3g}") for kind, value in variances.items()},
        "minutes": round(minutes["processor"], 1),
        "precise_minutes": round(minutes["precise"], 1),
        "steps": len(batch_sizes(training.samples or 0, training.batch)),
    }


def rows(settings: Settings) -> Iterator[Row]:
    """Yields every network with every size and seed."""
    for network, side, seed in RUNS[:1] if settings.toy else RUNS:
        name = f"{network['network']['model']} {side}x{side}, seed {seed}"
        out = settings.out / f"{network['network']['model']}-{side}-{seed}"
        work = partial(scores, sections(network, side, seed, settings), out)
        yield Row(name, {"isthmus": ready(work)}, "scores")


def page(found: Sequence[Result]) -> list[str]:
    """Shows the best epoch by each kind of statistics, and the last ten."""
    lines = []
    for row in found[0]["rows"]:
        run = row["values"]["isthmus"]
        cells: list[Any] = [row["name"], len(run["running"]["dice"]), run["steps"]]
        for name in ("dice", "iou"):
            for kind in KINDS:
                best = _best(run[kind]["dice"])
                cells.append(f"{run[kind][name][best]:.4f} ({best + 1})")
        cells += [f"{statistics.fmean(run[kind]['dice'][-LAST:]):.4f}" for kind in KINDS]
        cells += [f"{run['first_variance'][kind]:.2g}" for kind in KINDS]
        lines.append([*cells, run["minutes"], run["precise_minutes"]])
    heads = ["network, size", "epochs", "steps an epoch"]
    heads += [f"{name}, {kind}" for name in ("Dice", "Jaccard") for kind in KINDS]
    heads += [f"Dice of the last {LAST}, {kind}" for kind in KINDS]
    heads += [f"first variance, {kind}" for kind in KINDS]
    heads += ["minutes", "and for the precise"]
    return [*table(heads, lines), *machine_lines(found[0]["rows"])]


def curves(found: Sequence[Result]) -> list[str]:
    """Shows Dice after some epochs, by each kind of statistics."""
    lines = []
    for row in found[0]["rows"]:
        for kind in KINDS:
            values = row["values"]["isthmus"][kind]["dice"]
            cells = [f"{values[epoch - 1]:.4f}" if epoch <= len(values) else None for epoch in SHOWN]
            lines.append([row["name"], kind, *cells])
    return table(["network, size", "statistics", *(f"epoch {epoch}" for epoch in SHOWN)], lines)


BENCHMARK = Benchmark(rows, {"table": page, "curves": curves}, environment=ONE_THREAD)
