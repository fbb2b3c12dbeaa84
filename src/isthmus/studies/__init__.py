"""Many runs that belong together: their plan, where they execute, their tables, tests, figures and page."""

from isthmus.studies.folder import Plan, StudyFolder
from isthmus.studies.running.progress import status
from isthmus.studies.study import Study, make_study, read_study

__all__ = ["Plan", "Study", "StudyFolder", "make_study", "read_study", "status"]
