"""Figures and the self-contained page of a run, or of several runs beside each other."""

from isthmus.report.comparison import write_comparison
from isthmus.report.page import write_report

__all__ = ["write_comparison", "write_report"]
