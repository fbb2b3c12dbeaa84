"""The command line as a user meets it: the main job, and what it says when something is wrong."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from isthmus.cli import main as cli
from isthmus.data.cases import Source
from isthmus.data.phantoms.cells import write_phantoms
from isthmus.io.images import read_mask
from isthmus.runs.files import read_yaml, write_yaml
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import Network

SMALL = [
    "network.options={widths: [4, 8]}",
    "training.epochs=2",
    "samples=4",
    "batch=2",
    "input.patch=32",
    "threads=1",
]


def call(*words: str | Path) -> int:
    """Run the command in this process; its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["isthmus", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            cli.main()
    return int(end.value.code or 0)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "my data ü"
    write_phantoms(folder, 5, 64, seed=2)
    return folder


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    assert call("train", data, *SMALL, "--out", out) == 0
    return out


def error_of(capsys: pytest.CaptureFixture[str]) -> str:
    """The last line on standard error, which must be the only one that complains."""
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("isthmus: ")]
    assert len(lines) == 1
    return lines[0]


def test_train_writes_a_run_with_a_report(run: Path) -> None:
    assert (run / "best.safetensors").is_file()
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "<script src" not in page
    assert "data:image" in page


def test_train_prints_the_meaning_of_mask_values(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("train", data, *SMALL, "--out", tmp_path / "run") == 0
    assert "0 → background, 255 → foreground" in capsys.readouterr().err


@pytest.mark.parametrize("size", [(1, 1), (5, 7), (64, 64), (33, 121), (200, 31)])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "I;16"])
def test_predict_takes_any_size_and_mode(run: Path, tmp_path: Path, size: tuple[int, int], mode: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, size[::-1], dtype=np.uint8)
    if mode == "I;16":
        Image.fromarray(pixels.astype(np.uint16) * 257).save(tmp_path / "a.png")
    else:
        Image.fromarray(pixels).convert(mode).save(tmp_path / "a.png")
    assert call("predict", run, tmp_path / "a.png", "--out", tmp_path / "out") == 0
    mask = read_mask(Source(tmp_path / "out" / "a.png"))
    assert mask.shape == size[::-1]
    assert set(np.unique(mask)) <= {0, 255}


def test_predict_writes_probabilities_on_request(run: Path, data: Path, tmp_path: Path) -> None:
    import tifffile

    assert call("predict", run, data / "images", "--out", tmp_path, "--probabilities") == 0
    maps = [tifffile.imread(path) for path in sorted((tmp_path / "probabilities").iterdir())]
    masks = [read_mask(Source(path)) for path in sorted(tmp_path.glob("*.png"))]
    assert len(maps) == len(masks) == 5
    for probability, mask in zip(maps, masks, strict=True):
        assert probability.dtype == np.float32
        np.testing.assert_array_equal(np.squeeze(probability) >= 0.5, mask > 0)


def test_evaluate_scores_every_case(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(data / "masks", tmp_path / "masks")
    one = sorted((tmp_path / "masks").iterdir())[0]
    blank = np.zeros_like(read_mask(Source(one))).astype(np.uint8)
    Image.fromarray(blank).save(one)
    assert call("evaluate", tmp_path / "masks", data) == 0
    with (tmp_path / "masks" / "scores.csv").open() as file:
        rows = {row["case"]: row for row in csv.DictReader(file)}
    assert len(rows) == 5
    assert float(rows[one.stem]["dice"]) == 0.0
    assert float(rows[one.stem]["hausdorff_distance"]) == pytest.approx(63 * 2**0.5)
    assert all(float(row["dice"]) == 1.0 for name, row in rows.items() if name != one.stem)
    out = capsys.readouterr().out
    assert "0.8000" in out  # the mean over all five: the miss counts


def test_report_is_written_anew(run: Path) -> None:
    (run / "report.html").unlink()
    assert call("report", run) == 0
    assert (run / "report.html").is_file()


def test_models_lists_every_network(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("models") == 0
    out = capsys.readouterr().out
    for cell in ("mildnet", "25,727,331", "7,262,750", "940"):
        assert cell in out
    assert call("models", "sharp_unet") == 0
    assert "section 4.2" in capsys.readouterr().out


def test_the_recipe_of_a_run_trains_the_same_weights_again(run: Path, tmp_path: Path) -> None:
    assert call("train", "--recipe", run / "recipe.yaml", "--out", tmp_path / "again") == 0
    assert (tmp_path / "again" / "best.safetensors").read_bytes() == (run / "best.safetensors").read_bytes()


def test_what_an_older_recipe_does_not_say_has_the_default_of_its_time(run: Path, tmp_path: Path) -> None:
    """Not what the default preset lays under a network that none has named."""
    values = read_yaml(run / "recipe.yaml")
    assert values["network"].pop("initialisation") != Network().initialisation
    write_yaml(tmp_path / "old.yaml", values)
    assert call("train", "--recipe", tmp_path / "old.yaml", "epochs=1", "--out", tmp_path / "run") == 0
    assert RunFolder(tmp_path / "run").recipe().network.initialisation == Network().initialisation


def test_folds_train_one_run_each_and_predict_together(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "cv"
    assert call("train", data, *SMALL, "epochs=1", "--folds", "2", "--out", out) == 0
    assert sorted(path.name for path in out.iterdir()) == ["fold-0", "fold-1", "report.html"]
    assert call("predict", out, data / "images", "--out", tmp_path / "masks") == 0
    assert call("train", "--resume", "--out", out) == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["trian"], "did you mean 'train'"),
        (["train"], "name the data"),
        (["train", "nowhere"], "nowhere"),
        (["train", "isbi-2021", "--root", "."], "did you mean 'isbi-2012'"),
        (["train", "DATA", "--model", "sharpunet"], "did you mean 'sharp_unet'"),
        (["train", "DATA", "epoch=3"], "did you mean 'epochs'"),
        (["train", "DATA", "--epochs", "many"], "--epochs"),
        (["train", "DATA", "--epoch", "3"], "--epoch"),
        (["train", "DATA", "--preset", "papers"], "did you mean 'paper'"),
        (["train", "--recipe", "RECIPE", "epoch=3"], "did you mean 'epochs'"),
        (["train", "--recipe", "RECIPE", f"protocol.validation=[{'x, ' * 100}x]"], "no case 'x'"),
        (["predict", "RUN", "DATA", "--out", "OUT", "--statistics", "imag"], "did you mean 'image'"),
        (["train", "--resume"], "needs --out"),
        (["train", "--resume", "--out", "nowhere"], "no run folder at nowhere"),
        (["train", "DATA", "--validation", "phantom"], "no case 'phantom'"),
        (["predict", "nowhere", "DATA", "--out", "x"], "no run folder at nowhere"),
        (["predict", "DATA", "DATA", "--out", "x"], "not a run folder"),
        (["predict", "RUN", "nowhere", "--out", "x"], "nowhere"),
        (["predict", "RUN", "DATA", "--out", "x", "--device", "tpu"], "device"),
        (["evaluate", "nowhere", "DATA"], "nowhere"),
        (["report", "nowhere"], "no run folder at nowhere"),
        (["models", "milnet"], "did you mean 'mildnet'"),
    ],
)
def test_a_mistake_is_one_line_with_the_remedy_and_exit_code_2(
    words: list[str],
    message: str,
    data: Path,
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    real = {"DATA": str(data), "RUN": str(run), "RECIPE": str(run / "recipe.yaml")}
    assert call(*(real.get(word, word) for word in words)) == 2
    assert message in error_of(capsys)
    assert list(tmp_path.iterdir()) == []


def spoil(name: str, folder: Path) -> None:
    """Make one thing of a healthy data folder bad."""
    images, masks = sorted((folder / "images").iterdir()), sorted((folder / "masks").iterdir())
    if name == "truncated image":
        images[0].write_bytes(images[0].read_bytes()[:200])
    elif name == "empty image":
        images[0].write_bytes(b"")
    elif name == "text for an image":
        images[0].write_text("no picture")
    elif name == "image without a mask":
        masks[0].unlink()
    elif name == "mask without an image":
        images[0].unlink()
    elif name == "sizes differ":
        Image.fromarray(np.zeros((20, 30), np.uint8)).save(masks[0])
    elif name == "stray mask value":
        mask = np.array(Image.open(masks[0]))
        mask[0, 0] = 7
        Image.fromarray(mask).save(masks[0])
    elif name == "NaN pixels":
        import tifffile

        pixels = np.array(Image.open(images[0])).astype(np.float32)
        pixels[3, 3] = np.nan
        tifffile.imwrite(images[0].with_suffix(".tif"), pixels)
        images[0].unlink()
    elif name == "empty folder":
        for path in (*images, *masks):
            path.unlink()
    elif name == "one case":
        for path in (*images[1:], *masks[1:]):
            path.unlink()
    elif name == "no masks folder":
        shutil.rmtree(folder / "masks")


@pytest.mark.parametrize(
    "fault",
    [
        "truncated image",
        "empty image",
        "text for an image",
        "image without a mask",
        "mask without an image",
        "sizes differ",
        "stray mask value",
        "NaN pixels",
        "empty folder",
        "one case",
        "no masks folder",
    ],
)
def test_bad_data_is_one_line_that_names_the_file(
    fault: str, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data"
    shutil.copytree(data, folder)
    name = sorted(path.stem for path in (folder / "images").iterdir())[0]
    spoil(fault, folder)
    assert call("train", folder, *SMALL, "--out", tmp_path / "run") == 2
    line = error_of(capsys)
    if fault not in ("empty folder", "one case", "no masks folder"):
        assert name in line
    assert not (tmp_path / "run").exists()


def test_a_bad_image_does_not_stop_the_others(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(data / "images", tmp_path / "images")
    bad = sorted((tmp_path / "images").iterdir())[1]
    bad.write_bytes(bad.read_bytes()[:100])
    assert call("predict", run, tmp_path / "images", "--out", tmp_path / "out") == 2
    line = error_of(capsys)
    assert "1 of 5 images failed" in line
    assert bad.name in line
    assert len(list((tmp_path / "out").iterdir())) == 4


def test_originals_and_earlier_masks_are_never_replaced(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.read_bytes() for path in (data / "images").iterdir()}
    assert call("predict", run, data / "images", "--out", data / "images", "--overwrite") == 2
    assert "would be taken for images" in error_of(capsys)
    assert before == {path: path.read_bytes() for path in (data / "images").iterdir()}
    assert call("predict", run, data / "images", "--out", tmp_path / "out") == 0
    capsys.readouterr()
    assert call("predict", run, data / "images", "--out", tmp_path / "out") == 2
    assert "--overwrite" in error_of(capsys)


def test_a_full_disk_while_predicting_keeps_what_is_written(
    run: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    replace, calls = os.replace, []

    def fills_up(source: Path, target: Path) -> None:
        calls.append(target)
        if len(calls) > 2:
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", fills_up)
    assert call("predict", run, data / "images", "--out", tmp_path / "out") == 2
    assert "No space left" in error_of(capsys)
    assert len(list((tmp_path / "out").iterdir())) == 2


@pytest.mark.parametrize("command", ["predict", "export", "explain"])
def test_weights_that_are_not_finite_are_refused(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    shutil.copytree(run, tmp_path / "run")
    weights = load_file(tmp_path / "run" / "best.safetensors")
    name = sorted(weights)[-1]
    weights[name].view(-1)[0] = torch.nan
    save_file(weights, tmp_path / "run" / "best.safetensors")
    words = ["--to", "torch"] if command == "export" else [data / "images"]
    out = tmp_path / ("out.pt2" if command == "export" else "out")
    assert call(command, tmp_path / "run", *words, "--out", out) == 2
    assert f"'{name}' holds 1 value that is not finite" in error_of(capsys)
    assert not out.exists()


def test_weights_of_another_network_are_refused(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(run, tmp_path / "run")
    made = (tmp_path / "run" / "network.json").read_text()
    (tmp_path / "run" / "network.json").write_text(made.replace("8", "16"))
    assert call("predict", tmp_path / "run", data / "images", "--out", tmp_path / "out") == 2
    assert "another network" in error_of(capsys)
    assert not (tmp_path / "out").exists()


def test_help_needs_no_torch() -> None:
    code = (
        "import sys, typer; from isthmus.cli import main; typer.main.get_command(main.app); "
        "assert not {'torch', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_demo_needs_no_more_than_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from isthmus.cli import demo

    monkeypatch.setattr(demo, "EPOCHS", 1)
    monkeypatch.setattr(demo, "WIDTHS", [4, 8])
    assert call("demo", "--out", tmp_path / "demo") == 0
    assert "data:image" in (tmp_path / "demo" / "report.html").read_text(encoding="utf-8")
    assert call("demo", "--out", tmp_path / "demo") == 0  # its own folder it may replace
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("mine")
    assert call("demo", "--out", tmp_path / "other") == 2
    assert (tmp_path / "other" / "thesis.txt").is_file()


def test_masks_do_not_go_among_the_images(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(data / "images", tmp_path / "images")
    assert call("predict", run, tmp_path / "images", "--out", tmp_path / "images" / "masks") == 2
    assert "taken for images" in error_of(capsys)


def _write(folder: Path, **masks: np.ndarray) -> Path:
    folder.mkdir()
    for name, mask in masks.items():
        Image.fromarray(mask.astype(np.uint8)).save(folder / f"{name}.png")
    return folder


def test_evaluate_reads_each_side_in_its_own_values(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    square = np.zeros((20, 20))
    square[5:15, 5:15] = 1
    truth = _write(tmp_path / "truth", a=square * 255, b=square.T * 255)
    ours = _write(tmp_path / "ours", a=square, b=square)
    assert call("evaluate", ours, truth) == 0
    assert "1.0000" in capsys.readouterr().out


def test_evaluate_refuses_values_that_the_truth_does_not_have(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bands = np.repeat([0, 1, 2], 4)[:, None].repeat(12, 1)
    truth, ours = (
        _write(tmp_path / "truth", a=bands, b=bands),
        _write(tmp_path / "ours", a=bands * 100, b=bands),
    )
    assert call("evaluate", ours, truth) == 2
    assert "100, 200 do not occur in the truth" in error_of(capsys)


def test_evaluate_refuses_to_drop_what_has_no_prediction(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    square = np.eye(8) * 255
    truth, ours = (
        _write(tmp_path / "truth", a=square, b=square),
        _write(tmp_path / "ours", a=square, x=square),
    )
    assert call("evaluate", ours, truth) == 2
    assert "1 of 2 true masks have no prediction" in error_of(capsys)
    assert call("evaluate", ours, truth, "--partial") == 0
    assert "1 of 2 true masks" in capsys.readouterr().err


def test_probabilities_never_replace_images_or_earlier_ones(
    run: Path, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(data / "images", tmp_path / "probabilities")
    assert call("predict", run, tmp_path / "probabilities", "--out", tmp_path, "--probabilities") == 2
    assert "taken for images" in error_of(capsys)
    out = tmp_path / "out"
    (out / "probabilities").mkdir(parents=True)
    name = sorted((data / "images").iterdir())[0].stem
    (out / "probabilities" / f"{name}.tif").write_text("mine")
    assert call("predict", run, data / "images", "--out", out, "--probabilities") == 2
    assert "--overwrite" in error_of(capsys)
    assert (out / "probabilities" / f"{name}.tif").read_text() == "mine"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--model", "unet"),
        ("--preset", "default"),
        ("--epochs", "99"),
        ("--seed", "3"),
        ("--validation", "a,b"),
        ("--fold", "1"),
        ("--device", "cpu"),
    ],
)
def test_resume_refuses_options_that_it_would_ignore(
    run: Path, capsys: pytest.CaptureFixture[str], option: str, value: str
) -> None:
    assert call("train", "--resume", "--out", run, option, value) == 2
    assert f"leave out {option}" in error_of(capsys)


def test_resume_starts_what_was_killed_before_it_had_begun(data: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".recipe.yaml.7.part").write_text("half")
    assert call("train", data, *SMALL, "epochs=1", "--out", tmp_path / "run", "--resume") == 0


def test_a_recipe_file_that_is_none_is_one_line(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.yaml").write_text("- 1")
    assert call("train", data, "--recipe", tmp_path / "r.yaml", "--out", tmp_path / "run") == 2
    assert "a recipe holds sections" in error_of(capsys)


def test_a_name_that_is_too_long_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("report", "x" * 300) == 2
    assert "check the name" in error_of(capsys)
