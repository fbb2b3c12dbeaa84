"""Checks that an exported network gives the same masks: Dice of a run's validation cases, with network and file."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from isthmus.data.cases import load
from isthmus.data.sampling.spacing import stated_spacing
from isthmus.data.sources import open_dataset
from isthmus.data.splits.single_volume import divided
from isthmus.errors import IsthmusError
from isthmus.inference.engines.engine import Engine
from isthmus.inference.predictor import Predictor
from isthmus.inference.settings import value_map
from isthmus.metrics import dice
from isthmus.runs import hardware as machine
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import Hardware, Recipe


@dataclass(frozen=True)
class ExportCheck:
    """Dice of two ways to compute the same network, before clean-up.

    Attributes:
        network: mean Dice of the network, run eagerly in float32, over cases and foreground classes or regions.
        exported: mean Dice of the exported file.
        largest: the largest difference between the two for one case and class.
        between: the lowest Dice between the two masks of one case and class.
        cases: number of cases.
    """

    network: float
    exported: float
    largest: float
    between: float
    cases: int

    def describe(self) -> str:
        """Returns a line for the user."""
        return (
            f"Dice of {self.cases} validation cases: {self.network:.4f}, exported {self.exported:.4f} "
            f"(at most {self.largest:.1e} apart for one case; at least {self.between:.4f} between the two masks)"
        )

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        return asdict(self)


def check_export(folder: RunFolder, engine: Engine, data: Path | None = None) -> ExportCheck:
    """Segments the validation cases of a run twice, with its network eagerly in float32 and with another engine.

    Args:
        folder: the run.
        engine: computes in place of the network.
        data: current folder of the data; None: as in the recipe.

    Raises:
        IsthmusError: the data, or a case of it, is missing; a run with a region of interest.
    """
    recipe = folder.recipe()
    if recipe.roi is not None:
        raise IsthmusError(
            f"{folder.path} first finds a region of interest, which --check cannot follow; leave it out"
        )
    resolved = machine.resolve(Hardware(device="cpu", precision="float32"))
    plain = Predictor.from_networks([folder.load_network()], recipe, resolved)
    other = Predictor.from_networks(plain.networks, recipe, resolved, engine=engine)
    truth = _ValidationCases(folder, recipe, data)
    scores, between = [], []
    for case in truth.cases:
        image, label = truth.load(case)
        classes = plain.decision.classes
        masks = [
            classes.scored(classes.decide(predictor.probabilities(image, truth.spacing(case))))
            for predictor in (plain, other)
        ]
        for name, true in classes.scored(label).items():
            scores.append([dice(mask[name], true) for mask in masks])
            between.append(dice(masks[0][name], masks[1][name]))
    table = np.asarray(scores)
    return ExportCheck(
        network=float(table[:, 0].mean()),
        exported=float(table[:, 1].mean()),
        largest=float(np.abs(table[:, 0] - table[:, 1]).max()),
        between=float(min(between)),
        cases=len(truth.cases),
    )


class _ValidationCases:
    """The validation cases of a run with their labels."""

    def __init__(self, folder: RunFolder, recipe: Recipe, data: Path | None) -> None:
        about = recipe.data
        if about.root is not None:
            dataset = open_dataset(about.source, data or Path(about.root), about.axes)
        else:
            dataset = open_dataset(data or about.source, axes=about.axes)
        protocol = recipe.protocol
        dataset = divided(dataset, protocol.kind, protocol.folds, protocol.fraction)
        self.channels, self.values, self.name = about.channels, value_map(recipe.data), dataset.name
        self.by_id = {case.id: case for case in dataset.cases}
        self.cases = sorted(folder.split().validation)
        missing = [case for case in self.cases if case not in self.by_id]
        if missing or not self.cases:
            found = f"{missing[0]} is not in {dataset.name}" if missing else "the run has no validation cases"
            raise IsthmusError(
                f"--check: {found}; give the folder of the data with --data, or leave --check out"
            )
        self.dataset = replace(dataset, values=self.values)

    def load(self, case: str) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        return load(self.by_id[case], self.dataset, self.channels)

    def spacing(self, case: str) -> tuple[float, ...] | None:
        return stated_spacing(self.by_id[case])
