"""The block and the skip of ResDUnet against their equations, written out by hand."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from isthmus.networks.blocks.plain import Residual
from isthmus.networks.models.resdunet import Cascade, ResidualSE

from ..by_hand import block, conv, norm, skip

DIMS = pytest.mark.parametrize("dims", [2, 3])


@DIMS
def test_residual_and_its_squeeze_and_excitation(dims):
    for part in (Residual(), ResidualSE(reduction=3)):
        w, x, found = block(part, dims, 3, 6)
        y = norm(conv(F.relu(norm(conv(x, w, "body.0"), w, "body.1")), w, "body.3"), w, "body.4")
        if isinstance(part, ResidualSE):
            mean = y.flatten(2).mean(2)
            w1, w2 = (w[f"body.5.{name}.weight"].flatten(1) for name in ("squeeze", "excite"))
            assert w1.shape == (2, 6)
            hidden = F.relu(mean @ w1.T + w["body.5.squeeze.bias"])
            gate = torch.sigmoid(hidden @ w2.T + w["body.5.excite.bias"])
            y = y * gate.reshape(*gate.shape, *(1,) * dims)
        torch.testing.assert_close(found, F.relu(y + conv(x, w, "shortcut")))


@DIMS
def test_cascade(dims):
    w, x, found = skip(Cascade(dilations=(1, 2, 3)), dims, 4)
    total, y = x, x
    for step, dilation in enumerate((1, 2, 3)):
        y = F.relu(conv(y, w, f"convs.{step}", dilation=dilation))
        total = total + y
    torch.testing.assert_close(found, total)
