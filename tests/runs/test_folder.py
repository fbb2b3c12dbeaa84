"""The run folder: what is not one is refused, and weights of another network are never loaded."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from isthmus.errors import IsthmusError
from isthmus.networks import create_model
from isthmus.runs.files import read_json, write_json, write_yaml
from isthmus.runs.folder import RunFolder, load_weights
from isthmus.runs.recipe import Network, make_recipe


def test_what_is_no_run_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(IsthmusError, match="no run folder at"):
        RunFolder.open(tmp_path / "none")
    with pytest.raises(IsthmusError, match="is not a run folder"):
        RunFolder.open(tmp_path)


def _run(path: Path) -> RunFolder:
    write_yaml(path / "recipe.yaml", make_recipe().to_dict())
    return RunFolder.open(path)


def test_weights_come_back_as_they_were(tmp_path: Path) -> None:
    folder, options = _run(tmp_path), {"widths": [2, 4], "in_channels": 3}
    network = create_model("mildnet", **options)
    folder.save_network(Network(model="mildnet", options=options), network.state_dict())
    again = folder.load_network()
    assert not again.training
    for name, tensor in network.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor)


def test_a_run_keeps_its_version_of_the_network_and_one_without_has_the_first(tmp_path: Path) -> None:
    folder, name = _run(tmp_path), "nuclei_densenet121"
    options = {"widths": [5, 4, 4, 3]}
    state = create_model(name, **options).state_dict()
    for version, relu in ((2, False), (1, True)):
        folder.save_network(Network(model=name, options=options, version=version), state)
        assert folder.load_network().encoder.ends_in_relu is relu
    before = read_json(folder.network)
    del before["version"]  # as runs were written before there were versions
    write_json(folder.network, before)
    assert folder.load_network().encoder.ends_in_relu
    write_json(folder.network, before | {"version": 3})
    with pytest.raises(IsthmusError, match=r"'nuclei_densenet121' has no version 3; there is 1, 2"):
        folder.load_network()


def test_weights_of_another_network_are_refused_by_name(tmp_path: Path) -> None:
    folder = _run(tmp_path)
    network = Network(model="unet", options={"widths": [2, 4]})
    folder.save_network(network, create_model("unet", widths=(2, 4)).state_dict())
    with pytest.raises(IsthmusError, match=r"weights of another network: .*encoder.* more do not fit"):
        load_weights(create_model("unet", widths=(3, 4)), folder.weights)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("kind", ["weight", "running_var"])
def test_weights_and_statistics_that_are_not_finite_are_refused_by_name(
    tmp_path: Path, kind: str, value: float
) -> None:
    folder, network = _run(tmp_path), Network(model="mildnet", options={"widths": [2, 4]})
    state = create_model("mildnet", widths=(2, 4)).state_dict()
    name = [name for name in state if name.endswith(kind)][1]
    state[name].view(-1)[1] = value
    folder.save_network(network, state)
    with pytest.raises(IsthmusError, match=rf"best\.safetensors: '{name}' holds 1 value that is not finite"):
        folder.load_network()


@pytest.mark.parametrize("content", [b"", b"not tensors", bytes(64)])
def test_a_broken_weights_file_is_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "best.safetensors"
    path.write_bytes(content)
    with pytest.raises(IsthmusError, match="not a readable safetensors file"):
        load_weights(create_model("unet", widths=(2, 4)), path)


def test_a_run_without_weights_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(IsthmusError, match=r"holds no best\.safetensors yet"):
        _run(tmp_path).load_network()


def test_a_network_file_that_names_nothing_is_refused(tmp_path: Path) -> None:
    folder = _run(tmp_path)
    folder.weights.write_bytes(b"x")
    folder.network.write_text("[]")
    with pytest.raises(IsthmusError, match="named values"):
        folder.load_network()
