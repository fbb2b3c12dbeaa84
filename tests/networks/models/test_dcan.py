"""DCAN: count, heads, and that each task is the sum of its three depths."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from isthmus.errors import IsthmusError
from isthmus.networks import create_model
from isthmus.networks.models import dcan  # noqa: F401  (registers the network)

from ..variants import image, tiny

DEPTHS = (8, 16, 32)


def test_count_by_hand():
    with torch.device("meta"):
        network = create_model("dcan", in_channels=3)
    trunk = 14_714_688 + (512 * 9 + 1) * 1024 + (1024 + 1) * 1024
    assert trunk == 20_483_904
    scores = 2 * (512 + 512 + 1024 + 3)
    assert sum(p.numel() for p in network.parameters()) == trunk + scores == 20_488_006


def test_heads_in_training_and_evaluation():
    network = tiny("dcan", 2, classes=3)
    x = image(2, 3, 32, 64)
    seen = {name: tuple(head.shape) for name, head in network(x).items()}
    assert seen == {"logits": (2, 3, 32, 64), "contour": (2, 1, 32, 64)}
    trained = network.train()(x)
    assert list(trained) == [
        "logits",
        "contour",
        *(f"{task}auxiliary_{depth}" for task in ("", "contour_") for depth in DEPTHS),
    ]
    for head, task in (("logits", ""), ("contour", "contour_")):
        parts = [trained[f"{task}auxiliary_{depth}"] for depth in DEPTHS]
        assert all(part.shape == trained[head].shape for part in parts)
        torch.testing.assert_close(sum(parts), trained[head])


def test_each_depth_is_scored_and_enlarged():
    network = tiny("dcan", 2).train()
    x = image(1, 3, 64, 32)
    heads = network(x)
    fourth, fifth = network.encoder(x)[3:]
    deep = F.max_pool2d(fifth, 2)
    for i, padding in ((1, 1), (4, 0)):
        deep = F.conv2d(deep, network.last[i].weight, network.last[i].bias, padding=padding).relu()
    for i, (features, depth) in enumerate(zip((fourth, fifth, deep), DEPTHS, strict=True)):
        assert features.shape[2] == 64 // depth
        # the score of the enlarged features is the enlarged score
        large = F.interpolate(features, scale_factor=depth, mode="bilinear", align_corners=False)
        for task, scores in (("", network.objects), ("contour_", network.contours)):
            expected = F.conv2d(large, scores[i].weight, scores[i].bias)
            torch.testing.assert_close(heads[f"{task}auxiliary_{depth}"], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"spatial_dims": 3}, "2D only"),
        ({"width": 0}, "width"),
        ({"dropout": 1.0}, "dropout"),
        ({"contours": 1}, "no option 'contours'"),
    ],
)
def test_refuses_in_one_line(options, message):
    with pytest.raises(IsthmusError, match=message) as error:
        create_model("dcan", **options)
    assert "\n" not in str(error.value)
