"""Encoders that can be pre-trained, and their weights."""

# each registers its encoders, in this order
# isort: off
from isthmus.networks.encoders import vgg  # noqa: F401
from isthmus.networks.encoders import resnet  # noqa: F401
from isthmus.networks.encoders import densenet  # noqa: F401
