"""Settings that contradict each other or the data are refused before a folder is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from isthmus import training
from isthmus.errors import IsthmusError


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"network": {"model": "unett"}}, "did you mean 'unet'"),
        ({"network": {"options": {"width": [4, 8]}}}, "did you mean 'widths'"),
        ({"network": {"options": {"in_channels": 5}}}, "the data needs 1"),
        ({"objective": {"heads": {"logits": "ce"}}}, "'ce' cannot serve one sigmoid map"),
        ({"objective": {"heads": {"contour": "contour_l2"}}}, "the network has no head 'contour'"),
        ({"objective": {"class_weights": [1.0]}}, "names 1 weights for 2 classes"),
        ({"input": {"slices": 5}}, "these images are flat"),
        ({"input": {"slices": 4}}, "give an odd number"),
        ({"input": {"patch": None, "resize": 32, "windows": 2}}, "needs input.patch"),
        ({"input": {"windows": 10**6}}, "input.windows: there are"),
        (
            {"data": {"regions": {"all": [2]}}},
            r"data.regions.all names class \[2\]: the classes are 1 foreground",
        ),
        ({"data": {"regions": "dataset"}}, "has no regions of its own"),
        ({"data": {"multilabel": True}}, "needs data.regions"),
        ({"cleanup": {"largest": ["liver"]}}, "cleanup.largest names 'liver': the classes are foreground"),
        ({"training": {"select": "objects"}}, "this run separates none; set data.instances=true"),
        ({"roi": {"size": [32, 32]}}, "leave out input.resize and input.patch"),
        ({"roi": {"size": [32, 32, 32]}, "input": {"patch": None}}, "roi.size names 3 sides"),
        ({"data": {"classes": ["background"]}}, "names 1 classes"),
        ({"protocol": {"validation": ["phantom"]}}, "no case 'phantom'"),
        ({"protocol": {"kind": "kfold", "folds": 3, "fold": 3}}, "folds are numbered 0 to 2"),
        ({"protocol": {"kind": "sharp", "folds": 2, "repeat": 5}}, "repeats 0 to 4"),
        (
            {"network": {"options": {"spatial_dims": 3}}},
            "network.options.spatial_dims is 3 but the data needs 2",
        ),
        ({"input": {"patch": [16, 16, 16]}}, "names 3 sides but the images have 2 axes"),
        ({"input": {"resize": [32, 32]}}, "exclude each other"),
        ({"input": {"patch": 33}}, "is not divisible by 2; the nearest size that is: 32x32"),
        ({"hardware": {"device": "cuda:7"}}, "this machine has none"),
    ],
)
def test_a_recipe_that_cannot_work_is_refused_and_leaves_no_folder(
    small: Any, tmp_path: Path, sections: dict[str, Any], message: str
) -> None:
    if "cuda" in str(sections) and torch.cuda.is_available():
        pytest.skip("needs a machine without a GPU")
    with pytest.raises(IsthmusError, match=message):
        training.train(small(**sections), tmp_path / "run")
    assert not (tmp_path / "run").exists()
