"""Checks of what networks are given."""

from __future__ import annotations

import pytest
import torch

from isthmus.errors import IsthmusError
from isthmus.networks.checks import check_input


def test_a_size_that_does_not_divide_gets_the_nearest_that_does():

    with pytest.raises(IsthmusError, match="a multiple of 16, found 30x49; the nearest size is 32x48"):
        check_input(torch.zeros(1, 3, 30, 49), 2, 3, 16)
    with pytest.raises(IsthmusError, match="nearest size is 16x16x16"):
        check_input(torch.zeros(1, 3, 1, 16, 17), 3, 3, 16)
