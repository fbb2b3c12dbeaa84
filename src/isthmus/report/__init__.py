"""The self-contained page of a run, of a cross-validation, or of several runs side by side."""

from isthmus.report.comparison import write_comparison
from isthmus.report.crossval import write_folds
from isthmus.report.figures import register_figure
from isthmus.report.folder_page import write_page
from isthmus.report.run_page import write_report

__all__ = ["register_figure", "write_comparison", "write_folds", "write_page", "write_report"]
