"""Training that starts from a trained network: its weights, its recipe, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save
from torch import nn

from isthmus import api, training
from isthmus.data.phantoms.nuclei import write_touching_nuclei
from isthmus.errors import IsthmusError
from isthmus.networks.blocks.heads import build
from isthmus.runs.files import write_yaml
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import make_recipe
from isthmus.training.preparation.start import _fitted, start_from, values_of, with_start

from ..watches import Asking


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run that numbers objects in grey images."""
    folder = tmp_path_factory.mktemp("start")
    write_touching_nuclei(folder / "data", 4, 48, seed=1)
    recipe = make_recipe(
        "default",
        {
            "data": {"source": str(folder / "data"), "instances": True},
            "network": {"options": {"widths": [4, 8]}},
            "training": {"epochs": 1, "samples": 4, "batch": 2},
            "input": {"patch": 32},
            "hardware": {"threads": 1, "device": "cpu"},
        },
    )
    return training.train(recipe, folder / "run")


def network(classes: int = 1, channels: int = 1, heads: tuple[str, ...] = ("distance",)) -> nn.Module:
    return build("unet_instance", heads, classes=classes, in_channels=channels, widths=[4, 8])


def test_the_same_network_takes_all_weights(run: RunFolder) -> None:
    own = network()
    assert start_from(own, str(run.path)) == []
    for one, other in zip(own.parameters(), run.load_network().parameters(), strict=True):
        assert torch.equal(one, other)


def test_colour_images_of_grey_give_what_grey_ones_gave(run: RunFolder) -> None:
    colour, grey = network(channels=3).eval(), run.load_network()
    assert start_from(colour, str(run.path)) == []
    image = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(colour(image.expand(1, 3, 16, 16)), grey(image), atol=1e-4, rtol=1e-4)


def test_other_maps_keep_those_that_both_have(run: RunFolder) -> None:
    one, trained = network(heads=()).eval(), run.load_network()
    assert start_from(one, str(run.path)) == []
    image = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(one(image), trained(image)["logits"])
    three = network(classes=2)
    before = three.state_dict()["network.head.weight"].clone()
    assert start_from(three, str(run.path)) == []
    weight, given = three.state_dict()["network.head.weight"], trained.state_dict()["network.head.weight"]
    assert torch.equal(weight[:2], given)
    assert torch.equal(weight[2:], before[2:])


@pytest.mark.parametrize(
    ("given", "own"),
    [
        ((4, 1, 3, 3), (6, 3, 3, 3)),  # other maps and other channels
        ((4, 2, 3, 3), (4, 3, 3, 3)),
        ((4, 1, 3, 3), (4, 3, 1, 1)),
        ((4, 1, 3, 3), (4, 1, 1, 1)),
        ((4, 1, 3, 3), (4, 1, 3, 3, 3)),
    ],
)
def test_tensors_of_another_kind_do_not_fit(given: tuple[int, ...], own: tuple[int, ...]) -> None:
    assert _fitted(torch.zeros(given), torch.zeros(own)) is None
    assert _fitted(torch.zeros(own), torch.zeros(given)) is None


def test_channels_are_summed_where_one_is_left() -> None:
    given = torch.arange(6.0).reshape(2, 3, 1, 1)
    found = _fitted(given, torch.zeros(2, 1, 1, 1))
    assert found is not None
    assert found.flatten().tolist() == [3, 12]


def test_the_recipe_that_is_taken_over(tmp_path: Path) -> None:
    losses = {"logits": {"bce": 1.0}, "distance": {"distance_l1": 0.5}}
    recipe = make_recipe(
        "bare",
        {
            "data": {"instances": True, "channels": 3, "classes": ["background", "cell"]},
            "network": {
                "model": "unet_instance",
                "version": 2,
                "options": {"in_channels": 3, "classes": 1, "spatial_dims": 3, "widths": [4, 8]},
                "depth": "auto",
                "heads": ["distance"],
            },
            "objective": {"heads": losses},
            "input": {"normalise": "minmax", "patch": [16, 32, 32], "spacing": [2, 1, 1], "foreground": 0.5},
            "training": {"learning_rate": 0.006, "epochs": 7},
            "cleanup": {"threshold": 0.3},
        },
    )
    write_yaml(tmp_path / "recipe.yaml", recipe.to_dict())
    found = values_of(str(tmp_path))
    assert found == {
        "data": {"instances": True, "channels": 3},
        "network": {
            "model": "unet_instance",
            "version": 2,
            "options": {"widths": [4, 8]},
            "depth": None,
            "heads": ["distance"],
            "start": str(tmp_path),
        },
        "objective": {"heads": {"distance": {"distance_l1": 0.5}}},
        "input": {
            "normalise": "minmax",
            "patch": (16, 32, 32),
            "resize": None,
            "slices": None,
            "spacing": (2.0, 1.0, 1.0),
        },
        "training": {"learning_rate": 0.002, "augment": "light", "keep": "latest"},
    }


def test_another_network_is_refused(run: RunFolder) -> None:
    with pytest.raises(IsthmusError, match="is another network, none of its weights fit"):
        start_from(nn.Conv2d(1, 1, 7), str(run.path))


def test_a_training_takes_over_the_recipe_and_says_where_it_starts(run: RunFolder, tmp_path: Path) -> None:
    values = values_of(str(run.path))
    assert values["network"]["options"] == {"widths": [4, 8]}
    assert values["input"]["normalise"] == "percentile"
    write_touching_nuclei(tmp_path / "data", 4, 48, seed=5)
    tuned = api.train(
        tmp_path / "data",
        tmp_path / "tuned",
        start=run.path,
        training={"epochs": 1, "samples": 4, "batch": 2},
        hardware={"threads": 1, "device": "cpu"},
    )
    recipe = tuned.recipe()
    assert recipe.data.instances
    assert recipe.network.start == str(run.path)
    assert recipe.network.start_weights == with_start(recipe).network.start_weights
    assert len(recipe.network.start_weights or "") == 64
    assert recipe.input.patch == (32, 32)


def test_weights_that_changed_since_are_refused(run: RunFolder, small: Any) -> None:
    recipe = small(network={"start": str(run.path), "start_weights": "0" * 64})
    with pytest.raises(IsthmusError, match="are not those that this run began with; train a new run"):
        with_start(recipe)


def test_a_start_without_a_run_and_one_with_a_model_are_refused(tmp_path: Path, phantoms: Path) -> None:
    with pytest.raises(IsthmusError, match="no run folder at nothing"):
        api.train(phantoms, tmp_path / "run", start="nothing")
    with pytest.raises(IsthmusError, match="leave out model"):
        api.train(phantoms, tmp_path / "run", start="nothing", model="unet")
    assert not (tmp_path / "run").exists()


@pytest.fixture
def copy(run: RunFolder, tmp_path: Path) -> RunFolder:
    """The run in a place of its own, where it may be damaged."""
    return RunFolder(Path(shutil.copytree(run.path, tmp_path / "copy")))


def test_damaged_weights_are_refused_before_a_run_begins(
    copy: RunFolder, run: RunFolder, small: Any, tmp_path: Path
) -> None:
    whole = run.weights.read_bytes()
    other = save({"weight": torch.zeros(1)})
    for damaged, says in (
        (whole[:-1], "is not a readable safetensors file"),
        (b"weights", "is not a readable safetensors file"),
        (b"", "is not a readable safetensors file"),
        (other, "holds the weights of another network"),
    ):
        copy.weights.write_bytes(damaged)
        with pytest.raises(IsthmusError, match=says) as refused:
            training.train(small(network={"start": str(copy.path)}), tmp_path / "runs" / "run")
        assert "\n" not in str(refused.value)
        assert not (tmp_path / "runs").exists()
    copy.weights.write_bytes(whole)
    given = small(network={"start": str(copy.path), "model": "unetpp"})
    with pytest.raises(IsthmusError, match="is another network, none of its weights fit"):
        training.train(given, tmp_path / "runs" / "run")
    assert not (tmp_path / "runs").exists()


def test_a_resumed_run_starts_from_the_same_weights(copy: RunFolder, small: Any, tmp_path: Path) -> None:
    given = small(network={"start": str(copy.path)}, training={"epochs": 2})
    whole = training.train(given, tmp_path / "whole")
    for name, step in (("before", 1), ("after", 3)):
        with pytest.raises(training.Stopped):
            training.train(given, tmp_path / name, watch=Asking(step))
    training.resume(tmp_path / "before")
    assert (tmp_path / "before" / "best.safetensors").read_bytes() == whole.weights.read_bytes()
    with pytest.raises(training.Stopped):
        training.train(given, tmp_path / "changed", watch=Asking(1))
    copy.weights.write_bytes(whole.weights.read_bytes())
    with pytest.raises(IsthmusError, match="are not those that this run began with; train a new run"):
        training.resume(tmp_path / "changed")
    shutil.rmtree(copy.path)
    training.resume(tmp_path / "after")  # its checkpoint holds all that it needs
    assert (tmp_path / "after" / "best.safetensors").read_bytes() == whole.weights.read_bytes()
