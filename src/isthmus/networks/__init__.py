"""Networks: one skeleton, exchangeable parts, a registry. They need torch, and safetensors to load encoder weights.

>>> from isthmus.networks import create_model
>>> network = create_model("unet", block="mldr", skip="sharp", spatial_dims=3, widths=(4, 8))
"""

# each registers its networks, in the order of their papers: that of `list_models`
# isort: off
from isthmus.networks.models import unet  # noqa: F401
from isthmus.networks.models import unetpp  # noqa: F401
from isthmus.networks.models import resdunet  # noqa: F401
from isthmus.networks.models import mildnet  # noqa: F401
from isthmus.networks.models import multiresunet  # noqa: F401
from isthmus.networks.models import unet3d  # noqa: F401
from isthmus.networks.models import sharpunet  # noqa: F401
from isthmus.networks.models import ternausnet  # noqa: F401
from isthmus.networks.models import hmedn  # noqa: F401
from isthmus.networks.models import dilnet  # noqa: F401
from isthmus.networks.models import fcn  # noqa: F401
from isthmus.networks.models import dcan  # noqa: F401
from isthmus.networks.models import denseseg  # noqa: F401
from isthmus.networks.models import deepmedic  # noqa: F401
from isthmus.networks.models import eunet  # noqa: F401
from isthmus.networks.models import nuclei  # noqa: F401
# isort: on

from isthmus.networks.blocks.base import Block, Bridge, Skip, register_block, register_skip
from isthmus.networks.description.card import CardReport, describe, models_table
from isthmus.networks.description.measure import activation_bytes, count_flops, count_parameters
from isthmus.networks.description.receptive_field import receptive_field
from isthmus.networks.encoders.base import Encoder
from isthmus.networks.encoders.registry import create_encoder, register_encoder
from isthmus.networks.encoders.weights import find_weights, load_encoder_weights
from isthmus.networks.initialisation import initialise
from isthmus.networks.kernels.switch import plain
from isthmus.networks.models.unet import UNet
from isthmus.networks.registry import (
    DEFAULT_MODEL,
    Card,
    create_model,
    list_models,
    model_card,
    register_model,
)

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
    "plain",
    "receptive_field",
    "register_block",
    "register_encoder",
    "register_model",
    "register_skip",
]
