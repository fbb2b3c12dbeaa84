"""The blocks and the skip of MultiResUNet against their equations, written out by hand."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from isthmus.networks.models.multiresunet import Inception, InceptionFactorised, MultiRes, ResPath

from ..by_hand import block, conv, norm, skip

DIMS = pytest.mark.parametrize("dims", [2, 3])


@DIMS
def test_multires(dims):
    w, x, found = block(MultiRes(), dims, 3, 16)
    steps, y = [], x
    for step in range(3):
        y = F.relu(norm(conv(y, w, f"convs.{step}.0"), w, f"convs.{step}.1", 1e-3))
        steps.append(y)
    joined = norm(torch.cat(steps, 1), w, "norm_joined", 1e-3)
    joined = joined + norm(conv(x, w, "shortcut.0"), w, "shortcut.1", 1e-3)
    torch.testing.assert_close(found, norm(F.relu(joined), w, "norm", 1e-3))


def test_multires_has_the_filters_of_table_1():
    table = {32: (8, 17, 26), 64: (17, 35, 53), 128: (35, 71, 106), 256: (71, 142, 213), 512: (142, 284, 427)}
    assert {width: MultiRes().filters(width) for width in table} == table
    assert [MultiRes().out_channels(width) for width in table] == [51, 105, 212, 426, 853]


@DIMS
@pytest.mark.parametrize("pools_below", [1, 4])
def test_respath(dims, pools_below):
    w, x, found = skip(ResPath(), dims, 5, pools_below=pools_below)
    for step in range(pools_below):
        y = F.relu(norm(conv(x, w, f"{step}.conv.0"), w, f"{step}.conv.1", 1e-3))
        y = F.relu(y + norm(conv(x, w, f"{step}.shortcut.0"), w, f"{step}.shortcut.1", 1e-3))
        x = norm(y, w, f"{step}.norm", 1e-3)
    assert f"{pools_below}.norm.bias" not in w
    torch.testing.assert_close(found, x)


@DIMS
def test_inception(dims):
    w, x, found = block(Inception(), dims, 3, 7)
    expected = []
    for branch, (filters, kernel) in enumerate(((2, 3), (2, 5), (3, 7))):
        assert w[f"branches.{branch}.0.weight"].shape == (filters, 3, *(kernel,) * dims)
        expected.append(F.relu(norm(conv(x, w, f"branches.{branch}.0"), w, f"branches.{branch}.1")))
    torch.testing.assert_close(found, torch.cat(expected, 1))


@DIMS
def test_inception_factorised(dims):
    w, x, found = block(InceptionFactorised(norm="none"), dims, 3, 7)
    expected = []
    for step in range(3):
        x = F.relu(conv(x, w, f"steps.{step}.0"))
        expected.append(x)
    torch.testing.assert_close(found, torch.cat(expected, 1))
