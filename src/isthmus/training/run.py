"""One run: recipe in, run folder out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from isthmus.data.cases import Case, load_image
from isthmus.data.masks.values import ValueMap
from isthmus.data.originals import refuse_among
from isthmus.data.sampling.cache import ByteBudget
from isthmus.errors import IsthmusError
from isthmus.files import sweep
from isthmus.inference.localiser import Localiser
from isthmus.inference.outputs.mask_files import refuse_unwritable, write_case
from isthmus.inference.predictor import Predictor
from isthmus.machine import peak_memory
from isthmus.memory import keep_freed_memory
from isthmus.metrics.table import columns as case_columns
from isthmus.networks import count_parameters, initialise
from isthmus.networks.blocks.heads import build
from isthmus.networks.kernels.bfloat16.choice import kernel_remarks
from isthmus.runs import hardware as machine
from isthmus.runs.environment import describe_environment
from isthmus.runs.files import write_csv, write_json, write_yaml
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import Data, Network, Recipe
from isthmus.runs.standing import is_running, standing
from isthmus.training.alone import alone, busy
from isthmus.training.budget import within_minutes
from isthmus.training.distributed import refuse_small_batches, world
from isthmus.training.images import describe_images
from isthmus.training.loop import fit
from isthmus.training.prepare import prepare, resolve
from isthmus.training.prepared import Prepared
from isthmus.training.score import Scorer
from isthmus.training.state import Progress
from isthmus.watch import Silent, Watch


def train(recipe: Recipe, out: Path, *, watch: Watch | None = None) -> RunFolder:
    """Train a network and write its run folder.

    Args:
        recipe: what to train on what; open values are filled in and stored.
        out: the folder to make.

    Raises:
        IsthmusError: the data or the recipe is wrong, or ``out`` holds something already.
    """
    watch = watch or Silent()
    folder, processes = RunFolder(out), world()
    if not processes.first:
        watch = Silent()
    _refuse_what_is_there(folder)
    refuse_among(out, [Path(recipe.data.root or recipe.data.source)])
    with alone(folder, watch):
        _refuse_what_is_there(folder)  # another process may have been faster
        prepared = prepare(recipe, watch)
        _refuse_names(folder, prepared, watch)
        network = _network(prepared.recipe)
        _first(prepared)
        refuse_small_batches(prepared.recipe.training.batch, processes.size)
        prepared = within_minutes(prepared, network, watch)
        if processes.first:
            write_yaml(folder.recipe_path, prepared.recipe.to_dict())  # from here on the folder is a run
            _describe(folder, prepared)
            for line in folder.unlike():
                watch.say(f"held out: {line}")
        return _complete(folder, prepared, network, watch)


def resume(out: Path, *, watch: Watch | None = None) -> RunFolder:
    """Go on with a run that was stopped, to the weights it would have reached; a finished run is left as it is. A run
    that was finished early goes on, too, and is scored anew at its end.

    Raises:
        IsthmusError: not a run folder, another process trains in it, or the data has changed since it began.
    """
    watch = watch or Silent()
    folder = RunFolder.open(out)
    if folder.finished():
        watch.say(f"{out} is finished; nothing to do")
        return folder
    with alone(folder, watch):
        prepared = _prepare_again(folder, None, watch)
        if world().first and folder.finished_early():
            for path in (folder.cases, folder.cases_before, folder.cost):  # they tell of other weights
                path.unlink(missing_ok=True)
        return _complete(folder, prepared, _network(prepared.recipe), watch)


def finish(out: Path, *, device: str | None = None, watch: Watch | None = None) -> RunFolder:
    """Score a run that was stopped as it stands, with its best weights so far, as if it had come to its end; its
    ``cost.json`` says that it was finished early. `resume` still goes on with it.

    Args:
        device: where to compute; None: where the run began.

    Raises:
        IsthmusError: not a run folder, another process trains in it, no epoch of it was scored, or the data has changed
            since it began.
    """
    watch = watch or Silent()
    folder = RunFolder.open(out)
    if not world().first:
        return folder
    with alone(folder, watch):
        if folder.finished() or folder.finished_early():
            watch.say(f"{out} is finished; nothing to do")
            return folder
        network = folder.load_network()
        prepared = _prepare_again(folder, device, watch)
        found = standing(folder, running=False)
        if note := found.note():
            watch.say(note)
        localiser = _localiser(folder, prepared, watch)
        with machine.threads(prepared.recipe.hardware):
            hardware = prepared.recipe.hardware
            _score(
                folder,
                prepared,
                Predictor.from_networks([network], prepared.recipe, hardware, localiser),
                watch,
            )
        progress = Progress(epoch=found.done, seconds=folder.seconds_of_epochs())
        if found.best:
            progress.best_epoch, progress.best_dice = found.best.epoch, found.best.dice
        write_json(folder.cost, _cost(network, prepared, progress) | {"finished_early": True})
    return folder


def _refuse_what_is_there(folder: RunFolder) -> None:
    """A run is written into a folder of its own."""
    out = folder.path
    if not world().first or not out.exists():
        return
    sweep(out)
    if not out.is_dir() or any(path.suffix != ".part" and path != folder.lock for path in out.iterdir()):
        if is_running(folder):
            raise busy(folder)
        hint = "--resume continues it, or " if folder.recipe_path.is_file() else ""
        raise IsthmusError(f"{out} exists already; {hint}choose another --out")


def _prepare_again(folder: RunFolder, device: str | None, watch: Watch) -> Prepared:
    """What the run was begun with, from its recipe.

    Raises:
        IsthmusError: the data or the division is another one now.
    """
    recipe, out = folder.recipe(), folder.path
    if device is not None:
        recipe = recipe.model_copy(update={"hardware": recipe.hardware.model_copy(update={"device": device})})
    prepared = prepare(recipe, watch)
    _refuse_names(folder, prepared, watch)
    if world().first:
        _describe(folder, prepared)
    before, now = folder.hashes(), prepared.hashes()
    changed = sorted(set(before) ^ set(now)) or [
        case for case in now if _digests(before[case]) != _digests(now[case])
    ]
    if changed:
        raise IsthmusError(
            f"the data of {out} has changed since it began (case '{changed[0]}', {len(changed)} in all); "
            "restore it or start a new run"
        )
    then, divided = folder.split(), _splits(prepared)
    if any(getattr(then, name) != divided[name] for name in ("train", "validation", "test")):
        raise IsthmusError(f"{folder.splits} does not belong to the recipe beside it; start a new run")
    return prepared


def _refuse_names(folder: RunFolder, prepared: Prepared, watch: Watch) -> None:
    """Before hours are spent: every case can have a file of its name."""
    cases = prepared.data.dataset.cases
    for line in refuse_unwritable(folder.predictions, cases, prepared.recipe.data.instances):
        watch.say(f"note: {line}")


def _check_size(recipe: Recipe, network: nn.Module) -> None:
    """Training batches are of one size, which must divide by the network's number of poolings."""
    divisor = int(getattr(network, "divisor", 1))
    key, size = "input.resize", recipe.input.resize or ()
    if recipe.roi:
        key, size = "roi.size", recipe.roi.size
    elif recipe.input.patch:
        key, size = "input.patch", recipe.input.patch
    if any(side % divisor for side in size):
        good = tuple(max(1, round(side / divisor)) * divisor for side in size)
        raise IsthmusError(
            f"{key}: {_sides(size)} does not divide by {divisor}; the nearest size that does is {_sides(good)}"
        )


def _sides(size: Sequence[int]) -> str:
    return "x".join(map(str, size))


def _describe(folder: RunFolder, prepared: Prepared) -> None:
    """What was read and how it is divided, where a kill has not left it written."""
    if not folder.data.is_file():
        write_json(folder.data, prepared.hashes())
    if not folder.splits.is_file():
        write_json(folder.splits, _splits(prepared))
    if not folder.environment.is_file():
        write_json(folder.environment, describe_environment())
    if not folder.images.is_file():
        write_json(folder.images, describe_images(prepared).to_dict())


def _digests(files: dict[str, str]) -> list[str]:
    return sorted(files.values())


def _network(recipe: Recipe) -> nn.Module:
    network = build(recipe.network.model, recipe.network.heads or (), **recipe.network.options)
    _check_size(recipe, network)
    return initialise(network, recipe.network.initialisation, seed=recipe.training.seed)


def _splits(prepared: Prepared) -> dict[str, Any]:
    groups = {case.id: case.group for case in prepared.data.dataset.cases}
    split = prepared.split
    parts = {"train": split.train, "validation": split.validation, "test": split.test}
    divided: dict[str, Any] = {name: {case: groups[case] for case in ids} for name, ids in parts.items()}
    return divided | {"notes": list(split.notes)}


def _complete(folder: RunFolder, prepared: Prepared, network: nn.Module, watch: Watch) -> RunFolder:
    recipe = prepared.recipe
    sweep(folder.path)
    watch.say(prepared.data.values.describe(recipe.data.classes))
    for line in prepared.data.summary_lines():
        watch.say(line)
    watch.say(_summary(prepared, network))
    for note in prepared.split.notes:
        watch.say(f"note: {note}")
    keep_freed_memory(not getattr(network, "checkpoint", False))  # whoever asks for it wants memory
    localiser = _localiser(folder, prepared, watch)
    with machine.threads(recipe.hardware):
        progress = fit(network, prepared, folder, watch, localiser)
        if not world().first:  # the first scores and writes
            world().wait()
            return folder
        if progress.epoch < recipe.training.epochs:
            watch.say(
                f"stopped early after epoch {progress.epoch}: no better score since {progress.best_epoch}"
            )
        network.load_state_dict(progress.best_state)
        folder.save_network(recipe.network, progress.best_state, progress.which())
        predictor = Predictor.from_networks([network.eval()], recipe, recipe.hardware, localiser)
        _score(folder, prepared, predictor, watch)
    write_json(folder.cost, _cost(network, prepared, progress))
    world().wait()
    return folder


def _first(prepared: Prepared) -> Prepared | None:
    """What the first network of a recipe with a region of interest is trained with.

    Raises:
        IsthmusError: a size or a network of ``roi`` that cannot be.
    """
    recipe, roi, rule = prepared.recipe, prepared.recipe.roi, prepared.data.values.rule
    if roi is None:
        return None
    values = ValueMap(tuple((value, min(index, 1)) for value, index in recipe.data.values.items()), rule)
    names = ("background", "foreground")
    dataset = replace(prepared.data.dataset, values=values, classes=names)
    first = Recipe(
        data=Data(
            source=recipe.data.source,
            root=recipe.data.root,
            channels=recipe.data.channels,
            values=dict(values.pairs),
            value_rule=rule,
            classes=list(names),
            ignore=recipe.data.ignore,
        ),
        input=recipe.input.model_copy(update={"resize": roi.resize, "patch": None, "foreground": 0.0}),
        network=Network(
            model=roi.model,
            options={"widths": roi.widths},
            initialisation=recipe.network.initialisation,
        ),
        training=recipe.training.model_copy(update={"epochs": roi.epochs, "samples": None}),
        protocol=recipe.protocol,
        hardware=recipe.hardware,
    )
    try:
        ready = resolve(first, replace(prepared.data, dataset=dataset, values=values), prepared.split)
        _network(ready.recipe)
    except IsthmusError as error:
        raise IsthmusError(
            f"roi, the first network: {error}".replace("input.resize", "roi.resize")
        ) from error
    return ready


def _localiser(folder: RunFolder, prepared: Prepared, watch: Watch) -> Localiser | None:
    """The first network of a recipe with a region of interest, trained as a run of its own in the run's folder."""
    ready = _first(prepared)
    if ready is None:
        return None
    own = RunFolder(folder.localiser)
    if not own.finished():
        watch.say(
            f"first, the network that finds the region of interest, at {_sides(ready.recipe.input.resize or ())}"
        )
        with alone(own, watch):
            if world().first:
                if not own.recipe_path.is_file():
                    write_yaml(own.recipe_path, ready.recipe.to_dict())
                _describe(own, ready)
            _complete(own, ready, _network(ready.recipe), watch)
    return Localiser.of([own.load_network()], ready.recipe, ready.recipe.hardware)


def _score(folder: RunFolder, prepared: Prepared, predictor: Predictor, watch: Watch) -> None:
    recipe = prepared.recipe
    sets: dict[str, list[Case]] = {
        "validation": prepared.cases(prepared.split.validation),
        "test": prepared.cases(prepared.split.test),
    }
    watch.stage("scoring", sum(map(len, sets.values())))
    rows: list[dict[str, Any]] = []
    before: list[dict[str, Any]] = []
    budget = ByteBudget(recipe.hardware.cache_mb * 2**20)
    for which, cases in sets.items():
        scorer = Scorer(prepared, cases, budget) if cases else None
        for of_case in scorer.rows(predictor, which) if scorer else ():
            rows += of_case.final
            before += of_case.before
            case, mask, notes = of_case.case, of_case.mask, of_case.notes
            if mask is None:
                predicted = predictor.predict(load_image(case, recipe.data.channels))
                mask, notes = predicted.mask, notes + predicted.notes
            notes = notes + write_case(folder.predictions, case, mask, recipe.data.instances)
            for note in dict.fromkeys(notes):
                watch.say(f"{case.id}: {note}")
            for line in kernel_remarks():
                watch.say(line)
            watch.advance()
    columns = case_columns(objects=recipe.data.instances, probabilities=True)
    write_csv(folder.cases, rows, columns)
    if before:
        write_csv(folder.cases_before, before, columns)


def _summary(prepared: Prepared, network: nn.Module) -> str:
    recipe = prepared.recipe
    grid = recipe.input
    if recipe.roi:
        scale = f"regions of {_sides(recipe.roi.size)}"
    else:
        scale = (
            f"resized to {_sides(grid.resize)}" if grid.resize else f"patches of {_sides(grid.patch or ())}"
        )
    if grid.slices:
        scale += f", {grid.slices} slices as channels"
    hardware = recipe.hardware
    return (
        f"{recipe.network.model}, {count_parameters(network):,} parameters; {len(prepared.split.train)} cases train, "
        f"{len(prepared.split.validation)} are held out; {scale}; {hardware.device}, {hardware.precision}"
    )


def _cost(network: nn.Module, prepared: Prepared, progress: Progress) -> dict[str, Any]:
    samples = (prepared.recipe.training.samples or 0) * progress.epoch
    return {
        "parameters": count_parameters(network),
        "epochs": progress.epoch,
        "best_epoch": progress.best_epoch,
        "best_validation_dice": progress.best_dice,
        "training_seconds": round(progress.seconds, 3),
        "images_per_second": round(samples / progress.seconds, 3) if progress.seconds else None,
        "peak_memory_bytes": peak_memory(),
    }
