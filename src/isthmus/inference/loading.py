"""Reads what a run folder, or a folder of folds, holds for prediction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast, get_args

from torch import nn

from isthmus.data.sampling.grid import Grid
from isthmus.errors import IsthmusError, nearest
from isthmus.inference.averaging import difference, renormalised, run_folders, with_common_cleanup
from isthmus.inference.engines.engine import Eager, choose, placed
from isthmus.inference.localiser import Localiser
from isthmus.inference.restoring import Scale
from isthmus.inference.settings import channels_seen, settled_spacing
from isthmus.inference.tiled_network import Statistics, TiledNetwork
from isthmus.inference.tiling.image_statistics import any_of_image
from isthmus.inference.unfamiliar import Unfamiliar
from isthmus.memory import keep_freed_memory
from isthmus.runs import hardware as machine
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import Hardware, Recipe
from isthmus.runs.standing import standing
from isthmus.runs.trained import run_path


@dataclass(frozen=True)
class Loaded:
    """What prediction needs of a run.

    Attributes:
        recipe: recipe of the run, or of the first fold.
        network: the networks of all folds.
        localiser: finds the region that the network then sees, if the recipe has one.
        unfamiliar: compares images and masks with those of training.
        notes: lines to tell the user.
        others: networks of folds that see images at other spacings than the first one's.
    """

    recipe: Recipe
    network: TiledNetwork
    localiser: Localiser | None
    unfamiliar: Unfamiliar
    notes: list[str]
    others: list[Scale]


def load(
    run: Path,
    *,
    device: str = "auto",
    engine: str = "auto",
    statistics: str = "tile",
    pixels: int | None = None,
) -> Loaded:
    """Reads a run; arguments and errors are those of `Predictor.load`."""
    if statistics not in get_args(Statistics):
        raise IsthmusError(f"unknown statistics '{statistics}': {nearest(statistics, get_args(Statistics))}")
    if statistics == "image" and engine == "openvino":
        raise IsthmusError("statistics 'image' do not work with engine 'openvino'; use engine 'torch'")
    keep_freed_memory()
    run = run_path(run)
    folders = run_folders(run)
    recipes = _recipes(folders)
    recipe, notes = recipes[0], _notes(run, folders, recipes[0])
    hardware = machine.resolve(recipe.hardware.model_copy(update={"device": device, "threads": None}))
    networks = renormalised([folder.load_network() for folder in folders], recipes)
    localiser = None if recipe.roi is None else _localiser(folders, hardware)
    scales = []
    for grid, alike in _by_grid(networks, recipes).items():
        network = TiledNetwork.of(alike, recipe, hardware, statistics=cast(Statistics, statistics))
        chosen, more = choose(
            alike,
            hardware,
            channels_seen(recipe),
            recipe.spatial_dims,
            engine="torch" if statistics == "image" and engine == "auto" else engine,
            pixels=pixels,
        )
        notes += [line for line in more if line not in notes]
        scales.append(Scale(grid, replace(network, engine=chosen)))
    if statistics == "image" and not any_of_image(networks[0]):
        notes.append("the network has no instance normalisation, so statistics 'image' change nothing")
    unfamiliar, more = Unfamiliar.of(folders)
    return Loaded(recipe, scales[0].network, localiser, unfamiliar, notes + more, scales[1:])


def _by_grid(networks: Sequence[nn.Module], recipes: Sequence[Recipe]) -> dict[Grid, list[nn.Module]]:
    """Returns the networks by the grid on which they see images, that of the first one first."""
    found: dict[Grid, list[nn.Module]] = {}
    for network, recipe in zip(networks, recipes, strict=True):
        grid = Grid(recipe.input.resize, settled_spacing(recipe.input))
        found.setdefault(grid, []).append(network)
    if len(found) > 1 and recipes[0].roi is not None:
        raise IsthmusError(
            "the folds see images at different spacings, and the region of interest is found at one; train them with "
            "the same input.spacing, in numbers"
        )
    return found


def _recipes(folders: Sequence[RunFolder]) -> list[Recipe]:
    """Returns the recipes of folds; refuses networks that cannot be averaged."""
    recipes = with_common_cleanup([folder.recipe() for folder in folders])
    for folder, recipe in zip(folders[1:], recipes[1:], strict=True):
        part = difference(recipes[0], recipe)
        if part:
            raise IsthmusError(
                f"{folder.path} was trained with another '{part}' than {folders[0].path}; they cannot be averaged"
            )
    return recipes


def _notes(run: Path, folders: Sequence[RunFolder], recipe: Recipe) -> list[str]:
    """Returns what the user should know of the folders before their networks are used."""
    notes = [note for folder in folders if (note := standing(folder).note())]
    if folders[0].path != run and len(folders) != recipe.protocol.folds:
        return [
            f"{run} holds {len(folders)} of {recipe.protocol.folds} folds; only these are averaged",
            *notes,
        ]
    return notes


def _localiser(folders: Sequence[RunFolder], hardware: Hardware) -> Localiser:
    """Reads the first networks of runs with a region of interest."""
    runs = [RunFolder.open(folder.localiser) for folder in folders]
    recipes = [run.recipe() for run in runs]
    networks = renormalised([run.load_network() for run in runs], recipes)
    placed(networks, hardware, recipes[0].spatial_dims)
    return Localiser.of(networks, recipes[0], hardware, Eager.fused(networks, hardware))
