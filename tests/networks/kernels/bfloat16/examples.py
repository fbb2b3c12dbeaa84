"""Kinds of convolutions for tests, and the kind that most of them use."""

from __future__ import annotations

from isthmus.networks.kernels.bfloat16.kinds import Kind
from isthmus.networks.kernels.conv_arguments import ConvArguments

PLAIN = ConvArguments((1, 1), (1, 1), (1, 1), 1, (0, 0))
KIND = Kind((8, 6, 3, 3), PLAIN, True, 2, (9, 7), True, True, 1)
KINDS = {
    "channels-last": KIND,
    "contiguous": Kind((8, 6, 3, 3), PLAIN, False, 1, (9, 7), False, True, 1),
    "forward": Kind((8, 6, 3, 3), PLAIN, True, 2, (9, 7), True, False, 1),
    "stride and dilation": Kind(
        (5, 3, 3, 5), ConvArguments((2, 1), (0, 2), (1, 2), 1, (0, 0)), True, 2, (9, 14), True, True, 1
    ),
    "groups": Kind(
        (6, 2, 3, 3), ConvArguments((1, 1), (1, 1), (1, 1), 3, (0, 0)), True, 2, (9, 7), True, True, 1
    ),
    "transposed": Kind(
        (6, 4, 4, 4), ConvArguments((2, 2), (1, 1), (1, 1), 2, (1, 0), True), True, 2, (5, 4), True, True, 1
    ),
    "volumes": Kind(
        (4, 6, 3, 3, 3),
        ConvArguments((1,) * 3, (1,) * 3, (1,) * 3, 1, (0,) * 3),
        True,
        1,
        (2, 4, 5),
        True,
        True,
        1,
    ),
    "one channel": Kind(
        (1, 1, 1, 1), ConvArguments((1, 1), (0, 0), (1, 1), 1, (0, 0)), True, 1, (5, 5), True, True, 1
    ),
}
