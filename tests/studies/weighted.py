"""Studies whose runs have weights, which were not trained, and scores that are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch

from isthmus.networks import create_model
from isthmus.studies.study import Cell, Study
from isthmus.studies.study_folder import Plan, Planned, StudyFolder

from .conftest import write_run


def finish(study: Study, out: Path, dices: Callable[[Cell], Mapping[str, float]]) -> StudyFolder:
    """A study all of whose cells are finished, each with weights of its own."""
    folder = StudyFolder(out)
    cells, recipes = [], {}
    for i, cell in enumerate(study.cells()):
        name, recipe = f"cell{i:04d}", cell.recipe
        cells.append(Planned(name, cell.data, cell.network, cell.point, cell.fold, cell.repeat))
        recipes[name] = recipe
        run = folder.run(name)
        write_run(run.path, recipe, dices(cell), labels=recipe.data.classes[1:])
        torch.manual_seed(i)
        network = create_model(recipe.network.model, **recipe.network.options)
        run.save_network(recipe.network, network.state_dict())
    folder.write(study, Plan(tuple(cells)), recipes, None)
    return folder
