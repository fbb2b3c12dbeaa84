"""What is exported computes what the network does, says all that is needed, and appears whole or not at all."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from isthmus.errors import IsthmusError
from isthmus.inference import export as module
from isthmus.inference.averaging import run_folders
from isthmus.inference.engines.portable import NEEDS, SUFFIXES, Opened, by_head, example
from isthmus.inference.export import export_run
from isthmus.inference.predict import PredictOptions, predict_folder
from isthmus.inference.predictor import Predictor
from isthmus.io.writing import write_image, write_mask
from isthmus.networks.blocks.heads import build
from isthmus.runs.files import write_json, write_yaml
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import make_recipe
from isthmus.watch import Silent

MISSING = {
    to: [name for name in names if importlib.util.find_spec(name) is None] for to, names in NEEDS.items()
}
slow_and_here = [
    pytest.param(
        to,
        marks=[
            pytest.mark.slow,
            pytest.mark.filterwarnings("ignore"),  # what the tools say of themselves
            pytest.mark.skipif(
                bool(MISSING[to]), reason=f"needs {MISSING[to]}: pip install 'isthmus[export]'"
            ),
        ],
    )
    for to in SUFFIXES
]


def run_of(
    path: Path,
    model: str = "unet",
    heads: tuple[str, ...] = (),
    dims: int = 2,
    seed: int = 0,
    channels: int = 1,
    maps: int = 1,
    **sections: object,
) -> Path:
    """A run folder with random weights, no training done."""
    options = {"in_channels": channels, "classes": maps, "widths": [4, 8], "spatial_dims": dims}
    data = {
        "channels": channels,
        "classes": ["background", "cell"],
        "values": {0: 0, 255: 1},
        "value_rule": "exact",
    }
    data |= sections.pop("data", {})
    network = {"model": model, "options": options, "heads": list(heads)}
    hardware = {"precision": "float32", "device": "cpu"}
    recipe = make_recipe("default", {"data": data, "network": network, "hardware": hardware}, sections)
    torch.manual_seed(seed)
    path.mkdir(parents=True)
    made = build(model, heads, **options)
    save_file(made.state_dict(), path / "best.safetensors")
    write_json(path / "network.json", {"model": model, "options": options, "heads": list(heads)})
    write_yaml(path / "recipe.yaml", recipe.to_dict())
    return path


def data_of(path: Path, cases: int = 3, side: int = 24) -> Path:
    """Bright discs as images with their masks."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:side, :side]
    for index in range(cases):
        mask = (rows - 8 - index) ** 2 + (columns - 12) ** 2 < 36
        image = np.clip(mask * 120 + random.normal(60, 20, mask.shape), 0, 255).astype(np.uint8)
        write_image(path / "images" / f"case-{index}.tif", image[None])
        write_mask(path / "masks" / f"case-{index}.png", (mask * 255).astype(np.uint8))
    return path


@pytest.mark.filterwarnings("ignore")
def test_a_program_computes_what_the_network_does_at_other_sizes(tmp_path: Path) -> None:
    (made,) = export_run(run_of(tmp_path / "run"), "torch")
    assert made.path == tmp_path / "run/export/run.pt2"
    assert made.difference <= 1e-5 * made.scale
    network = RunFolder.open(tmp_path / "run").load_network()
    image = example(1, [22, 38], 2, batch=3, seed=5)
    with torch.no_grad():
        expected = network(image)
    found = Opened(made.path, "torch", ["logits"], 1)(image.numpy())["logits"]
    torch.testing.assert_close(torch.from_numpy(found), expected, rtol=0, atol=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_the_description_says_what_is_needed(tmp_path: Path) -> None:
    sections = {
        "input": {"patch": 32, "normalise": "dataset", "mean": [7.0], "deviation": [2.0]},
        "cleanup": {"threshold": 0.25, "holes": True},
    }
    (made,) = export_run(run_of(tmp_path / "run", **sections), "torch", tmp_path / "net.pt2")
    about = json.loads(made.description.read_text())
    assert made.description.name == "net.pt2.json"
    assert about["file"] == "net.pt2"
    assert about["input"]["divisor"] == 2
    assert about["input"]["channels"] == 1
    assert about["input"]["free_axes"] == ["batch", "height", "width"]
    assert (about["preparation"]["mean"], about["preparation"]["deviation"]) == ([7.0], [2.0])
    assert about["preparation"]["patch"] == [32, 32]
    assert about["preparation"]["margin"] == 9
    assert about["outputs"] == {"logits": {"maps": 1, "activation": "sigmoid"}}
    assert (about["decision"]["rule"], about["decision"]["threshold"]) == ("probability > threshold", 0.25)
    assert about["decision"]["mask_values"] == {"0": 0, "1": 255}
    assert about["decision"]["cleanup"]["holes"]
    assert about["checked"]["largest_difference"] == made.difference


@pytest.mark.parametrize("to", slow_and_here)
@pytest.mark.parametrize(
    ("model", "heads", "dims"),
    [("unet", (), 2), ("mildnet", ("contour", "marker"), 2), ("unet_instance", (), 2), ("sharp_unet", (), 3)],
)
def test_every_format_computes_what_the_network_does(
    to: str, model: str, heads: tuple[str, ...], dims: int, tmp_path: Path
) -> None:
    data = {"instances": True} if heads else {}
    (made,) = export_run(run_of(tmp_path / "run", model, heads, dims, data=data), to)
    network = RunFolder.open(tmp_path / "run").load_network()
    image = example(1, [20, 36, 12][:dims], 2, batch=3, seed=5)
    with torch.no_grad():
        expected = by_head(network(image))
    found = Opened(made.path, to, list(expected), 1)(image.numpy())
    assert list(found) == ["logits", *heads]
    for name, maps in expected.items():
        torch.testing.assert_close(torch.from_numpy(found[name]), maps, rtol=0, atol=1e-4)


@pytest.mark.parametrize("to", slow_and_here)
def test_dice_of_the_validation_cases_is_told(to: str, tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", data={"source": str(data_of(tmp_path / "data"))})
    write_json(run / "splits.json", {"train": {}, "validation": {"case-0": "a", "case-2": "b"}, "test": {}})
    (made,) = export_run(run, to, check=True)
    assert made.dice is not None
    assert made.dice.cases == 2
    assert made.dice.network == pytest.approx(made.dice.exported, abs=0.01)
    assert json.loads(made.description.read_text())["checked"]["dice"]["cases"] == 2


@pytest.mark.filterwarnings("ignore")
def test_each_fold_is_exported(tmp_path: Path) -> None:
    for fold in range(2):
        run_of(tmp_path / f"run/fold-{fold}", seed=fold)
    made = export_run(tmp_path / "run", "torch", tmp_path / "out")
    assert [each.path.name for each in made] == ["fold-0.pt2", "fold-1.pt2"]
    with pytest.raises(IsthmusError, match="one file and there are 2 networks"):
        export_run(tmp_path / "run", "torch", tmp_path / "net.pt2")


@pytest.mark.filterwarnings("ignore")
def test_what_does_not_agree_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrong(Opened):
        def __call__(self, batch):
            return {name: maps + 0.5 for name, maps in super().__call__(batch).items()}

    monkeypatch.setattr(module, "Opened", Wrong)
    with pytest.raises(IsthmusError, match="the torch file differs from the network"):
        export_run(run_of(tmp_path / "run"), "torch", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_mistakes_are_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_of(tmp_path / "run")
    with pytest.raises(IsthmusError, match="unknown format 'onx': did you mean 'onnx'"):
        export_run(run, "onx")
    (tmp_path / "file").touch()
    with pytest.raises(IsthmusError, match="is a file; give a folder"):
        export_run(run, "torch", tmp_path / "file")
    with pytest.raises(IsthmusError, match="looks like a format other"):
        export_run(run, "torch", tmp_path / "net.onnx")
    (tmp_path / "net.pt2").touch()
    with pytest.raises(IsthmusError, match="exists already"):
        export_run(run, "torch", tmp_path / "net.pt2")
    monkeypatch.setitem(NEEDS, "onnx", ("a_package_that_is_not_here",))
    with pytest.raises(IsthmusError, match=r"pip install 'isthmus\[export\]'"):
        export_run(run, "onnx")
    with pytest.raises(IsthmusError, match="unknown engine"):
        Predictor.load(run, engine="onnx")
    monkeypatch.setitem(NEEDS, "openvino", ("a_package_that_is_not_here",))
    with pytest.raises(IsthmusError, match=r"pip install 'isthmus\[export\]'"):
        Predictor.load(run, engine="openvino")


class Lines(Silent):
    """What was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)


with_openvino = pytest.mark.skipif(
    bool(MISSING["openvino"]), reason="needs openvino: pip install 'isthmus[export]'"
)


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache/isthmus/openvino"


@with_openvino
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("patch", [16, 32])
def test_openvino_draws_what_torch_draws(patch: int, tmp_path: Path, own_cache: Path) -> None:
    """Folds, several heads, tiles and images smaller than a patch."""
    for fold in range(2):
        run_of(
            tmp_path / f"run/fold-{fold}",
            "unet_instance",
            ("contour",),
            seed=fold,
            data={"instances": True},
            input={"patch": patch},
        )
    image = np.random.default_rng(0).integers(0, 256, (1, 41, 57), dtype=np.uint8)
    torch_maps = Predictor.load(tmp_path / "run", engine="torch").maps(image)
    predictor = Predictor.load(tmp_path / "run", engine="openvino")
    assert any("OpenVINO computes" in note for note in predictor.notes)
    maps = predictor.maps(image)
    assert list(maps) == list(torch_maps)
    for name, values in torch_maps.items():
        np.testing.assert_allclose(maps[name], values, atol=2e-2)
    kept = sorted(path.name for path in own_cache.iterdir())
    assert len(kept) == 2
    before = {path: path.stat().st_mtime_ns for path in own_cache.glob("*/network.xml")}
    Predictor.load(tmp_path / "run", engine="openvino")
    assert before == {path: path.stat().st_mtime_ns for path in own_cache.glob("*/network.xml")}


@with_openvino
@pytest.mark.filterwarnings("ignore")
def test_what_openvino_cannot_hold_is_computed_by_torch(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from isthmus.inference.engines import converted

    def refuse(*_: object) -> None:
        raise RuntimeError("an operation it does not know\nand more")

    monkeypatch.setattr(converted, "write", refuse)
    predictor = Predictor.load(run_of(tmp_path / "run"), engine="openvino")
    assert predictor.notes == [
        "OpenVINO cannot be used, so torch computes instead: an operation it does not know"
    ]
    assert predictor.labels(np.zeros((1, 16, 16), np.uint8)).shape == (16, 16)
    assert not list(own_cache.glob("*"))


@with_openvino
def test_few_images_are_not_worth_a_conversion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from isthmus.inference.engines import converted, engine

    asked: list[nn.Module] = []
    monkeypatch.setattr(converted, "converted", lambda network, *_: asked.append(network) or 1 / 0)
    run = run_of(tmp_path / "run")
    data = data_of(tmp_path / "data")
    predict_folder(run, data / "images", tmp_path / "few")
    assert not asked
    monkeypatch.setattr(engine, "ENOUGH", 1.0)
    lines = Lines()
    predict_folder(run, data / "images", tmp_path / "many", watch=lines)
    assert len(asked) == 1
    assert any("torch computes instead" in line for line in lines.lines)
    predict_folder(run, data / "images", tmp_path / "off", PredictOptions(engine="torch"))
    assert len(asked) == 1
    assert len(run_folders(run)) == 1
