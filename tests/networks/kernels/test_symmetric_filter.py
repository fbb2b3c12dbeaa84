"""The gradient of a symmetric filter is that of its plain equivalent."""

from __future__ import annotations

import pytest
import torch

from isthmus.networks.blocks.base import Bridge
from isthmus.networks.models.sharpunet import Sharp

from ..variants import image

DIMS = pytest.mark.parametrize("dims", [2, 3])


@DIMS
@pytest.mark.parametrize("layout", ["contiguous", "channels_last"])
def test_the_sharp_skips_gradient(dims, layout):
    """Against numerical differences, twice differentiated, and from the slice that a concatenation gives."""
    module = Sharp().build(Bridge(dims, 2, 2, level=1, pools_below=1)).double()
    last = torch.channels_last if dims == 2 else torch.channels_last_3d
    x = image(1, 2, *(4, 3, 3)[:dims]).double()
    x = (x.contiguous(memory_format=last) if layout == "channels_last" else x).requires_grad_()
    assert torch.autograd.gradcheck(module, x)
    assert torch.autograd.gradgradcheck(module, x)
    weight = image(1, 4, *x.shape[2:], phase=3).double()
    (gradient,) = torch.autograd.grad((torch.cat([x, module(x)], 1) * weight).sum(), x)
    torch.testing.assert_close(gradient, weight[:, :2] + module(weight[:, 2:].contiguous()))
