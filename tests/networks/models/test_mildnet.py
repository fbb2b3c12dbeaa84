"""MILDNet's block and skip against their equations, written out by hand."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from isthmus.networks.models.mildnet import MLDR, MLR

from ..by_hand import block, conv, norm, skip

DIMS = pytest.mark.parametrize("dims", [2, 3])


@DIMS
@pytest.mark.parametrize("merge", ["sum", "concat"])
@pytest.mark.parametrize("post", [True, False])
def test_mldr(dims, merge, post):
    w, x, found = block(MLDR(dilations=(1, 2, 4), merge=merge, post_activation=post), dims, 3, 4)
    act = F.relu if post else (lambda y: y)
    y = x
    for level in range(2):
        at = f"levels.{level}"
        pre = F.relu(norm(y, w, f"{at}.norm"))
        branches = [conv(pre, w, f"{at}.branches.{i}", dilation=d) for i, d in enumerate((1, 2, 4))]
        merged = conv(torch.cat(branches, 1), w, f"{at}.fuse") if merge == "concat" else sum(branches)
        y = act(merged + (conv(y, w, f"{at}.shortcut") if level == 0 else y))
    torch.testing.assert_close(found, act(y + conv(x, w, "shortcut")))


@DIMS
def test_mldr_of_equal_widths_has_identity_shortcuts(dims):
    w, _, _ = block(MLDR(levels=1), dims, 4, 4)
    assert not any("shortcut" in name for name in w)


@DIMS
def test_mlr(dims):
    w, x, found = skip(MLR(levels=3), dims, 4)
    y = x
    for level in range(3):
        at = f"levels.{level}"
        inner = conv(conv(F.relu(norm(y, w, f"{at}.norm")), w, f"{at}.convs.0"), w, f"{at}.convs.1")
        y = F.relu(inner + y)
    torch.testing.assert_close(found, F.relu(y + x))
