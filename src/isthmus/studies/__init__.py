"""Studies, which compare many runs: their plan, their execution, and their tables, tests, figures and page."""

from isthmus.studies.figure_registry import register_figure
from isthmus.studies.running.progress import status
from isthmus.studies.study import Study, make_study, read_study
from isthmus.studies.study_folder import Plan, StudyFolder

__all__ = ["Plan", "Study", "StudyFolder", "make_study", "read_study", "register_figure", "status"]
