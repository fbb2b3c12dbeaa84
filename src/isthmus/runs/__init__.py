"""The recipe and the run folder."""

from isthmus.runs.folder import RunFolder, load_weights
from isthmus.runs.recipe import Recipe, make_recipe, parse_overrides, read_recipe

__all__ = ["Recipe", "RunFolder", "load_weights", "make_recipe", "parse_overrides", "read_recipe"]
