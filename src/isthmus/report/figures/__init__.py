"""Figures of a run's report: one registered function each."""

from isthmus.report.figures.registry import FIGURES, Figure, Reported, draw_figures, register_figure

__all__ = ["FIGURES", "Figure", "Reported", "draw_figures", "register_figure"]
