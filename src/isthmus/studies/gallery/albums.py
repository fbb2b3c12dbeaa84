"""The sections of pictures that a study asks for."""

from __future__ import annotations

from isthmus.studies.gallery.best_and_worst import extremes, views
from isthmus.studies.gallery.chosen_cases import galleries
from isthmus.studies.gallery.predicted_cases import Album, open_pictures
from isthmus.studies.results import Results
from isthmus.studies.study_folder import StudyFolder

KINDS = ("extremes", "gallery", "volumes")
"""The kinds of figures that are made here."""


def albums(results: Results, folder: StudyFolder) -> list[Album]:
    """In the study's order, without those that have nothing to show or to say."""
    kinds = [kind for kind in results.study.figures if kind in KINDS]
    if not kinds:
        return []
    found, missing = open_pictures(results, folder)
    made = []
    for kind in kinds:
        said = missing if kind == next((k for k in kinds if k != "volumes"), kind) else []  # once is enough
        if kind == "gallery":
            made.append(galleries(results, folder, found, said))
        else:
            made.append(extremes(found, said) if kind == "extremes" else views(found, said))
    return [album for album in made if album.shelves or album.missing]
