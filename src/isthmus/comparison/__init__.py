"""Programs, networks or readers compared by their masks, whatever made these."""

from isthmus.comparison.compare import compare
from isthmus.comparison.result import ProgramComparison

__all__ = ["ProgramComparison", "compare"]
