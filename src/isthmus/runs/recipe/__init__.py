"""The recipe: everything that fixes a run, typed, checked, and stored as YAML; one file per section."""

from isthmus.runs.recipe.cleanup import Cleanup
from isthmus.runs.recipe.data import Data
from isthmus.runs.recipe.hardware import Hardware
from isthmus.runs.recipe.input import Input
from isthmus.runs.recipe.layers import make_recipe, overlaid
from isthmus.runs.recipe.network import Network
from isthmus.runs.recipe.objective import Objective
from isthmus.runs.recipe.overrides import parse_overrides
from isthmus.runs.recipe.presets import preset_of
from isthmus.runs.recipe.protocol import Protocol
from isthmus.runs.recipe.recipe import Recipe, read_recipe, validate
from isthmus.runs.recipe.roi import Roi
from isthmus.runs.recipe.section import Section
from isthmus.runs.recipe.training import Training

__all__ = [
    "Cleanup",
    "Data",
    "Hardware",
    "Input",
    "Network",
    "Objective",
    "Protocol",
    "Recipe",
    "Roi",
    "Section",
    "Training",
    "make_recipe",
    "overlaid",
    "parse_overrides",
    "preset_of",
    "read_recipe",
    "validate",
]
