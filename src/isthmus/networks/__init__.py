"""Networks: one skeleton, exchangeable parts, a registry. Needs torch alone.

>>> from isthmus.networks import create_model
>>> network = create_model("unet", block="mldr", skip="sharp", spatial_dims=3, widths=(4, 8))
"""

# each registers its networks, in the order of their papers: that of `list_models`
# isort: off
from isthmus.networks import unet, unetpp, resdunet, mildnet, multiresunet, unet3d  # noqa: F401
from isthmus.networks import sharpunet, ternausnet, hmedn, dilnet, fcn, dcan, denseseg  # noqa: F401
from isthmus.networks import deepmedic, eunet, nuclei  # noqa: F401
# isort: on

from isthmus.networks.card import CardReport, describe, models_table
from isthmus.networks.encoder_weights import find_weights, load_encoder_weights
from isthmus.networks.encoders import Encoder, create_encoder, register_encoder
from isthmus.networks.initialise import initialise
from isthmus.networks.measure import activation_bytes, count_flops, count_parameters
from isthmus.networks.parts import Block, Bridge, Skip, register_block, register_skip
from isthmus.networks.receptive import receptive_field
from isthmus.networks.registry import (
    DEFAULT_MODEL,
    Card,
    create_model,
    list_models,
    model_card,
    register_model,
)
from isthmus.networks.unet import UNet

__all__ = [
    "DEFAULT_MODEL",
    "Block",
    "Bridge",
    "Card",
    "CardReport",
    "Encoder",
    "Skip",
    "UNet",
    "activation_bytes",
    "count_flops",
    "count_parameters",
    "create_encoder",
    "create_model",
    "describe",
    "find_weights",
    "initialise",
    "list_models",
    "load_encoder_weights",
    "model_card",
    "models_table",
    "receptive_field",
    "register_block",
    "register_encoder",
    "register_model",
    "register_skip",
]
