"""Saliency and Grad-CAM of a study: which cases, by which run, computed once, against maps taken from the network."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from isthmus.data.phantoms.cells import write_phantoms
from isthmus.data.phantoms.organs import ORGANS, write_organ_phantoms
from isthmus.explain import grad_cam, saliency
from isthmus.inference.predictor import Predictor
from isthmus.studies.figure_registry import FIGURES
from isthmus.studies.figures.source import FigureSource
from isthmus.studies.gallery import saliency_cache
from isthmus.studies.gallery.saliency import ExplainedSection
from isthmus.studies.page import write_study
from isthmus.studies.results import read_results
from isthmus.studies.study import Cell, Study
from isthmus.studies.study_folder import StudyFolder

from ..weighted import finish

SIZE = 320  # of the pictures kept, so that nothing is resized
BASE = {"U-Net": 0.5, "Sharp U-Net": 0.7, "FCN": 0.6}
CASES = [f"phantom-{i:03d}" for i in range(6)]
OF_FOLD = (CASES[:3], CASES[3:])
SCORE = dict(zip(CASES, (0.00, 0.03, 0.05, 0.01, 0.02, 0.04), strict=True))
"""By which a case is better than the others; best 002, worst 000; the fourth of six is 004."""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large")
    write_phantoms(folder, 6, SIZE, seed=1)
    return folder


@pytest.fixture
def looked(large: Path, small: Any, tmp_path: Path) -> Callable[..., StudyFolder]:
    """A function from changes to a finished study of two networks, two folds and six cases."""

    def make(**changes: Any) -> StudyFolder:
        tiny = {"in_channels": 1, "classes": 1}
        values: dict[str, Any] = {
            "data": {"cells": {"data": {"source": str(large), "channels": 1, "values": {0: 0, 255: 1}}}},
            "networks": {
                name: {"network": {"model": model, "options": tiny | {"widths": [2, 4]}}}
                for name, model in (("U-Net", "unet"), ("Sharp U-Net", "sharp_unet"))
            },
            "recipe": {
                "data": {"classes": ["background", "cell"]},
                "input": {"resize": None, "normalise": "scale"},
                "protocol": {"kind": "kfold"},
                "hardware": {"device": "cpu", "precision": "float32"},
            },
            "figures": ["saliency", "grad-cam"],
        }
        return finish(small(**(values | changes)), tmp_path / "study", scores)

    return make


def scores(cell: Cell) -> dict[str, float]:
    return {case: BASE[cell.network] + SCORE[case] for case in OF_FOLD[cell.fold]}


def look(folder: StudyFolder) -> list[ExplainedSection]:
    source = FigureSource(read_results(folder), folder)
    return [section for name in source.results.study.figures for section in FIGURES.find(name)(source)]


def kept(folder: StudyFolder) -> dict[str, dict[str, np.ndarray]]:
    home = folder.path / "explained"
    return {str(path.relative_to(home)): dict(np.load(path)) for path in sorted(home.rglob("*.npz"))}


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the runs whose weights are read."""
    seen: list[str] = []
    load = Predictor.load

    def counted(run: Path | str, **options: Any) -> Predictor:
        seen.append(Path(run).name)
        return load(run, **options)

    monkeypatch.setattr(Predictor, "load", counted)
    return seen


def test_the_best_the_median_and_the_worst_by_the_run_that_scored_them(looked: Any, large: Path) -> None:
    folder = looked()
    shown = look(folder)
    assert [each.title for each in shown] == ["Saliency", "Grad-CAM"]
    assert [(e.tag, e.case) for e in shown[0].exhibits] == [
        ("Best", "phantom-002"),
        ("Median", "phantom-004"),
        ("Worst", "phantom-000"),
    ]
    assert [panel.caption for panel in shown[0].exhibits[1].panels] == [
        "Image, true outline",
        "U-Net, Dice 0.5200",
        "Sharp U-Net, Dice 0.7200",
    ]
    assert [e.case for e in shown[1].exhibits[:2]] == ["phantom-002, U-Net", "phantom-002, Sharp U-Net"]
    assert [panel.caption for panel in shown[1].exhibits[0].panels] == ["Image, true outline", "1"]
    found = kept(folder)
    # cells: U-Net folds 0 and 1, Sharp U-Net folds 0 and 1; 004 is of fold 1
    runs = {"phantom-002": (0, 2), "phantom-004": (1, 3), "phantom-000": (0, 2)}
    names = [f"cell000{i}/{kind}/{case}.npz" for case, cells in runs.items() for i in cells
             for kind in ("saliency", "grad-cam")]  # fmt: skip
    assert sorted(found) == sorted(names)
    for case, cells in runs.items():
        pixels = np.asarray(Image.open(large / "images" / f"{case}.png"))
        truth = np.asarray(Image.open(large / "masks" / f"{case}.png")) > 0
        for i in cells:
            network = folder.run(f"cell000{i}").load_network()
            wanted = {
                "saliency": saliency(network, pixels[None] / 255.0)[None],
                "grad-cam": grad_cam(network, pixels[None] / 255.0),
            }
            for kind, maps in wanted.items():
                has = found[f"cell000{i}/{kind}/{case}.npz"]
                np.testing.assert_allclose(has["maps"], 255 * maps, atol=0.51)
                np.testing.assert_array_equal(has["truth"], truth)
                np.testing.assert_array_equal(has["image"][..., 0], pixels)


def test_of_several_runs_that_scored_a_case_the_first_explains_it(looked: Any) -> None:
    options = {"in_channels": 1, "classes": 1, "widths": [2, 4]}
    one = {"U-Net": {"network": {"model": "unet", "options": options}}}
    folder = looked(networks=one, repeats=2, figures=["saliency"])
    look(folder)
    assert {name.partition("/")[0] for name in kept(folder)} == {"cell0000", "cell0001"}  # folds of repeat 0


def test_what_is_there_is_not_computed_again(looked: Any, loads: list[str]) -> None:
    folder = looked()
    write_study(folder)
    assert sorted(loads) == ["cell0000", "cell0001", "cell0002", "cell0003"]
    page = folder.page.read_text()
    assert page.count("Grad-CAM of U-Net for phantom-000") == 1
    loads.clear()
    write_study(folder)
    assert loads == []
    assert folder.page.read_text() == page
    # weights that are older, written again as they were, others, and a file that is damaged
    weights = folder.run("cell0001").weights
    folder.run("cell0000").weights.touch()
    before = kept(folder)["cell0001/grad-cam/phantom-004.npz"]
    weights.write_bytes(folder.run("cell0000").weights.read_bytes())
    os.utime(weights, ns=(0, 0))
    (folder.path / "explained/cell0002/grad-cam/phantom-000.npz").write_bytes(b"PK not an archive")
    write_study(folder)
    assert sorted(loads) == ["cell0001", "cell0002"]
    assert folder.page.read_text() != page
    assert (kept(folder)["cell0001/grad-cam/phantom-004.npz"]["maps"] != before["maps"]).any()


@pytest.mark.parametrize("name", ["VERSION", "LONGEST"])
def test_another_method_or_other_parameters_make_all_anew(
    looked: Any, loads: list[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder = looked(figures=["saliency"])
    look(folder)
    loads.clear()
    look(folder)
    assert loads == []
    monkeypatch.setattr(f"isthmus.studies.gallery.saliency_cache.{name}", getattr(saliency_cache, name) + 1)
    look(folder)
    assert sorted(loads) == ["cell0000", "cell0001", "cell0002", "cell0003"]


def test_what_was_kept_is_shown_where_the_data_is_gone(looked: Any, large: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(large, moved)
    about = {"source": str(moved), "channels": 1, "values": {0: 0, 255: 1}}
    folder = looked(data={"cells": {"data": about}})
    before = look(folder)
    shutil.rmtree(moved)
    folder.run("cell0000").weights.touch()
    folder.run("cell0003").weights.unlink()
    assert look(folder) == before
    folder.run("cell0001").weights.write_bytes(folder.run("cell0000").weights.read_bytes())
    for each in look(folder):  # what other weights have given is not shown
        assert len(each.notes) == 1
        assert each.notes[0].startswith("Could not be explained: U-Net, cells phantom-004: ")
    shutil.rmtree(folder.path / "explained")
    for each in look(folder):
        assert not each.exhibits
        assert len(each.notes) == 1
        assert each.notes[0].startswith("Could not be explained: U-Net, cells phantom-002 (and 5 more): ")
        assert str(moved) in each.notes[0]
    write_study(folder)  # and the page is written all the same


def test_networks_without_stages_are_told_in_one_line(looked: Any) -> None:
    tiny = {"in_channels": 1, "classes": 1}
    networks = {
        "U-Net": {"network": {"model": "unet", "options": tiny | {"widths": [2, 4]}}},
        "FCN": {"network": {"model": "dilnet1", "options": tiny | {"width": 3, "dilations": [1, 3]}}},
    }
    for each, what in zip(
        look(looked(networks=networks)),
        ("decoder stages", "concatenation of encoder and decoder"),
        strict=True,
    ):
        assert len(each.exhibits) == 3
        assert each.notes[0].startswith(f"Left out because they have no {what}")
        assert each.notes[0].endswith(": FCN.")
        assert len(each.notes) == 1


def test_a_study_that_asks_for_neither_has_neither(looked: Any, loads: list[str]) -> None:
    folder = looked(figures=["curves"])
    write_study(folder)
    assert loads == []
    assert not (folder.path / "explained").exists()
    assert "Saliency" not in folder.page.read_text()


def test_volumes_of_several_classes_are_shown_by_a_slice(small: Any, tmp_path: Path) -> None:
    write_organ_phantoms(tmp_path / "scans", 2, shape=(16, 32, 24), spacing=(3.0, 1.0, 2.0))
    options = {"spatial_dims": 3, "in_channels": 1, "classes": len(ORGANS), "widths": [2, 4]}
    study: Study = small(
        data={"pelvis": {"data": {"source": str(tmp_path / "scans"), "channels": 1,
                                  "classes": list(ORGANS), "values": {i: i for i in range(4)}}}},
        networks={"U-Net": {"network": {"model": "unet3d_cicek", "options": options}}},
        folds=1,
        recipe={"input": {"resize": None}, "objective": {"heads": {"logits": "ce"}},
                "hardware": {"device": "cpu", "precision": "float32"}},
        figures=["saliency", "grad-cam"],
    )  # fmt: skip
    folder = finish(study, tmp_path / "study", lambda _: {"pelvis-000": 0.5, "pelvis-001": 0.75})
    shown = look(folder)
    assert [(e.tag, e.case) for e in shown[0].exhibits] == [("Best", "pelvis-001"), ("Worst", "pelvis-000")]
    for has in kept(folder).values():
        at, count = has["of_slices"]
        assert count == 16
        assert 1 <= at <= 16
        height, width = has["truth"].shape
        assert (width, height) == (
            288,
            192,
        )  # 24 columns of 2 beside 32 rows of 1: 48 x 32, six times as large
        assert set(np.unique(has["truth"])) > {0, 1}
    assert shown[0].exhibits[0].note.endswith("of 16")
    assert not any(each.notes for each in shown)
