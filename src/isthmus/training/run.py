"""Trains, resumes and finishes one run: recipe in, run folder out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from torch import nn

from isthmus.data.cases import Case
from isthmus.data.originals import refuse_among
from isthmus.errors import IsthmusError, counted
from isthmus.files import sweep
from isthmus.inference.localiser import Localiser
from isthmus.inference.outputs.mask_files import refuse_unwritable
from isthmus.inference.predictor import Predictor
from isthmus.memory import keep_freed_memory
from isthmus.runs import hardware as machine
from isthmus.runs.files import write_json, write_yaml
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import Recipe
from isthmus.runs.standing import is_running, standing
from isthmus.training.alone import alone, busy
from isthmus.training.description import describe, refuse_changes
from isthmus.training.loop.best_epoch import Progress
from isthmus.training.loop.budget import what_is_left, within_minutes
from isthmus.training.loop.distributed import refuse_small_batches, world
from isthmus.training.loop.limit import Limit
from isthmus.training.loop.loop import fit
from isthmus.training.object_thresholds import is_open, reopened, settled
from isthmus.training.preparation.first_network import first_network
from isthmus.training.preparation.mask_notes import mask_notes
from isthmus.training.preparation.network import make_network, sides, summary
from isthmus.training.preparation.prepare import prepare
from isthmus.training.preparation.prepared import Prepared
from isthmus.training.preparation.start import start_from, with_start
from isthmus.training.results import costs, write_scores
from isthmus.training.shortage import naming_what_to_reduce
from isthmus.watch import Silent, Watch


def train(recipe: Recipe, out: Path, *, watch: Watch | None = None) -> RunFolder:
    """Trains a network and writes its run folder.

    Args:
        recipe: the recipe to train; open values are filled in and stored.
        out: the folder to make.
        watch: receives the progress; None: nobody does.

    Raises:
        IsthmusError: the data or the recipe is wrong, or ``out`` is not empty.
    """
    watch, began = watch or Silent(), time.perf_counter()
    folder, processes = RunFolder(out), world()
    if not processes.first:
        watch = Silent()
    _refuse_to_overwrite(folder)
    refuse_among(out, [Path(recipe.data.root or recipe.data.source)])
    with alone(folder, watch), naming_what_to_reduce():
        _refuse_to_overwrite(folder)  # another process may have been faster
        recipe = reopened(with_start(recipe))
        prepared = prepare(recipe, watch)
        _refuse_names(folder, prepared.data.dataset.cases, prepared.recipe.data.instances, watch)
        network = make_network(
            prepared.recipe
        )  # these refuse what cannot be trained, before any time is spent
        if start := prepared.recipe.network.start:
            start_from(network, start)
        first_network(prepared)
        refuse_small_batches(prepared.recipe.training.batch, processes.size)
        prepared, limit = within_minutes(recipe, prepared, began, watch)
        if processes.first:
            write_yaml(folder.recipe_path, prepared.recipe.to_dict())  # from here on the folder is a run
            describe(folder, prepared)
            for line in folder.unlike():
                watch.say(f"held out: {line}")
        return _complete(folder, prepared, make_network(prepared.recipe), watch, limit)


def resume(out: Path, *, watch: Watch | None = None) -> RunFolder:
    """Resumes an interrupted run, which ends with the weights it would have had; a finished run is left as it is.

    A run that was finished early is resumed, too, and scored again at its end.

    A run with minutes has what its epochs have left of them.

    Raises:
        IsthmusError: not a run folder, another process trains in it, or the data has changed since it began.
    """
    watch = watch or Silent()
    folder = RunFolder.open(out)
    if folder.finished():
        watch.say(f"{out} is finished; nothing to do")
        return folder
    with alone(folder, watch), naming_what_to_reduce():
        prepared = _prepare_again(folder, None, watch)
        if world().first and folder.finished_early():
            for path in (folder.cases, folder.cases_before, folder.cost):  # of other weights
                path.unlink(missing_ok=True)
        limit = what_is_left(prepared, folder.seconds_of_epochs())
        return _complete(folder, prepared, make_network(prepared.recipe), watch, limit)


def finish(out: Path, *, device: str | None = None, watch: Watch | None = None) -> RunFolder:
    """Scores an interrupted run with its best weights so far, as if it had come to its end.

    Its ``cost.json`` says that it was finished early, and `resume` still resumes it.

    Args:
        out: the run folder.
        device: device to compute on; None: the device on which the run began.
        watch: receives the progress; None: nobody does.

    Raises:
        IsthmusError: not a run folder, another process trains in it, no epoch of it was scored, or the data has changed
            since it began.
    """
    watch = watch or Silent()
    folder = RunFolder.open(out)
    if not world().first:
        return folder
    with alone(folder, watch), naming_what_to_reduce():
        if folder.finished() or folder.finished_early():
            watch.say(f"{out} is finished; nothing to do")
            return folder
        network = folder.load_network()
        prepared = _prepare_again(folder, device, watch)
        recipe, found = prepared.recipe, standing(folder, running=False)
        if note := found.note():
            watch.say(note)
        localiser = _localiser(folder, prepared, watch)
        with machine.threads(recipe.hardware):
            predictor = Predictor.from_networks([network], recipe, recipe.hardware, localiser)
            prepared, predictor = _with_objects(folder, prepared, predictor, watch)
            write_scores(folder, prepared, predictor, watch)
        progress = Progress(epoch=found.done, seconds=folder.seconds_of_epochs())
        if found.best:
            progress.best_epoch, progress.best_dice = found.best.epoch, found.best.dice
        write_json(folder.cost, costs(network, prepared, progress) | {"finished_early": True})
    return folder


def _complete(
    folder: RunFolder, prepared: Prepared, network: nn.Module, watch: Watch, limit: Limit | None = None
) -> RunFolder:
    """Trains to the end, from the last checkpoint if there is one, and scores the best weights."""
    recipe = prepared.recipe
    sweep(folder.path)
    watch.say(prepared.data.values.describe(recipe.data.classes))
    for line in prepared.data.summary_lines():
        watch.say(line)
    for note in mask_notes(prepared):
        watch.say(f"note: {note}")
    watch.say(summary(prepared, network))
    for note in prepared.split.notes:
        watch.say(f"note: {note}")
    keep_freed_memory(not getattr(network, "checkpoint", False))  # a user of checkpointing wants memory
    if recipe.network.start and not folder.checkpoint.is_file():
        _start(network, recipe, watch)
    localiser = _localiser(folder, prepared, watch)
    with machine.threads(recipe.hardware):
        progress = fit(network, prepared, folder, watch, localiser, limit)
        if not world().first:  # the first process scores and writes
            world().wait()
            return folder
        _explain_end(folder, recipe, progress, watch)
        network.load_state_dict(progress.best_state)
        folder.save_network(recipe.network, progress.best_state, progress.which())
        predictor = Predictor.from_networks([network.eval()], recipe, recipe.hardware, localiser)
        prepared, predictor = _with_objects(folder, prepared, predictor, watch)
        write_scores(folder, prepared, predictor, watch)
    write_json(folder.cost, costs(network, prepared, progress))
    world().wait()
    return folder


def _start(network: nn.Module, recipe: Recipe, watch: Watch) -> None:
    """Gives a network the weights that training starts from, and says which parts start at random."""
    start = with_start(recipe).network.start or ""
    left = start_from(network, start)
    random = f"; {counted(len(left), 'tensor')} at random: {', '.join(left[:3])}" if left else ""
    watch.say(f"starts from the weights of {start}{random}")


def _with_objects(
    folder: RunFolder, prepared: Prepared, predictor: Predictor, watch: Watch
) -> tuple[Prepared, Predictor]:
    """Chooses how maps become objects where the recipe leaves that open, and stores it."""
    if not is_open(prepared.recipe):
        return prepared, predictor
    prepared, predictor = settled(prepared, predictor)
    stored, found = folder.recipe(), prepared.recipe
    chosen = found.cleanup
    seen = stored.input.model_copy(update={"diameter": found.input.diameter})
    write_yaml(folder.recipe_path, stored.model_copy(update={"cleanup": chosen, "input": seen}).to_dict())
    watch.say(
        f"objects: seeds above a distance of {chosen.seed}, bodies above {chosen.threshold}, at least "
        f"{chosen.min_size} pixels"
    )
    return prepared, predictor


def _explain_end(folder: RunFolder, recipe: Recipe, progress: Progress, watch: Watch) -> None:
    """Says why training ended before its last epoch, and stores it where it was the time."""
    training, epoch = recipe.training, progress.epoch
    if epoch == (training.last_epoch or training.epochs):
        return
    if progress.out_of_patience(training.early_stopping):
        watch.say(f"stopped early after epoch {epoch}: no higher score since {progress.top_epoch}")
        return
    watch.say(
        f"the time ran out after epoch {epoch} of {training.epochs}, as this machine became slower; "
        f"the best so far is kept (epoch {progress.best_epoch})"
    )
    ended = recipe.model_copy(update={"training": training.model_copy(update={"last_epoch": epoch})})
    write_yaml(folder.recipe_path, ended.to_dict())


def _localiser(folder: RunFolder, prepared: Prepared, watch: Watch) -> Localiser | None:
    """Returns the first network of a recipe with a region of interest, and trains it if it is not trained yet."""
    first = first_network(prepared)
    if first is None:
        return None
    own = RunFolder(folder.localiser)
    if not own.finished():
        watch.say(
            f"first, the network that finds the region of interest, at {sides(first.recipe.input.resize or ())}"
        )
        with alone(own, watch):
            if world().first:
                if not own.recipe_path.is_file():
                    write_yaml(own.recipe_path, first.recipe.to_dict())
                describe(own, first)
            _complete(own, first, make_network(first.recipe), watch)
    return Localiser.of([own.load_network()], first.recipe, first.recipe.hardware)


def _prepare_again(folder: RunFolder, device: str | None, watch: Watch) -> Prepared:
    """Prepares what the run began with, from its recipe.

    Raises:
        IsthmusError: the data or the split has changed.
    """
    recipe = reopened(folder.recipe())
    if device is not None:
        recipe = recipe.model_copy(update={"hardware": recipe.hardware.model_copy(update={"device": device})})
    prepared = prepare(recipe, watch)
    _refuse_names(folder, prepared.data.dataset.cases, prepared.recipe.data.instances, watch)
    if world().first:
        describe(folder, prepared)
    refuse_changes(folder, prepared)
    return prepared


def _refuse_to_overwrite(folder: RunFolder) -> None:
    """Raises an error where the folder of a new run is not empty."""
    out = folder.path
    if not world().first or not out.exists():
        return
    sweep(out)
    if not out.is_dir() or any(path.suffix != ".part" and path != folder.lock for path in out.iterdir()):
        if is_running(folder):
            raise busy(folder)
        hint = "--resume continues it, or " if folder.recipe_path.is_file() else ""
        raise IsthmusError(f"{out} exists already; {hint}choose another --out")


def _refuse_names(folder: RunFolder, cases: Sequence[Case], instances: bool, watch: Watch) -> None:
    """Raises an error early if the name of a case cannot be a file name."""
    for line in refuse_unwritable(folder.predictions, cases, instances):
        watch.say(f"note: {line}")
