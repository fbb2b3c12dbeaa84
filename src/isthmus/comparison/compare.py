"""Compares programs by folders of masks, by masks in memory, or by scores that were computed elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias
from unicodedata import category

from isthmus.comparison import pictures
from isthmus.comparison.arrays import ArrayMasks, Arrays
from isthmus.comparison.folders import Folders
from isthmus.comparison.frames import is_frame, read_frame
from isthmus.comparison.groups import groups_of
from isthmus.comparison.options import CompareOptions
from isthmus.comparison.result import ProgramComparison
from isthmus.comparison.scores import TRUTH, ProgramScores
from isthmus.errors import IsthmusError
from isthmus.evaluation.options import EvaluateOptions
from isthmus.watch import Silent, Watch

Place: TypeAlias = Path | str
Groups: TypeAlias = Place | Mapping[str, object] | None
Images: TypeAlias = Place | Mapping[str, Any] | None


def compare(
    truth: Any,
    programs: Mapping[str, Place | Arrays] | None = None,
    options: CompareOptions | None = None,
    reading: EvaluateOptions | None = None,
    *,
    groups: Groups = None,
    images: Images = None,
    root: Path | None = None,
    watch: Watch | None = None,
) -> ProgramComparison:
    """Compares the masks of several programs, networks or readers with the truth and with each other.

    Args:
        truth: folder of true masks or a data set, as in `isthmus.evaluation.evaluate.evaluate_folder`; or true masks
            `(*spatial)` of booleans or integers by case; or, without ``programs``, a data frame of scores with the
            columns ``case`` and ``program`` and one for each metric (``group`` and ``class`` are optional).
        programs: the folder of masks of each program by its name, or its masks by case.
        options: what is compared; None: the defaults.
        reading: how masks are read and scored; None: the defaults.
        groups: the group (patient, slide) of each case, as a mapping or a CSV with the columns ``case`` and ``group``;
            None: as the data set states them, else each case is one of its own.
        images: folder of the images, or the images by case, for the pictures; None: those of the data set.
        root: folder of a built-in data set.
        watch: receives the progress.

    Raises:
        IsthmusError: fewer than two programs, or anything that `evaluate_folder` refuses.
    """
    options, reading, watch = options or CompareOptions(), reading or EvaluateOptions(), watch or Silent()
    if reading.missing == "infinity":
        raise IsthmusError(
            "infinite distances have no mean to compare; choose missing='diagonal' or 'exclude'"
        )
    _refuse_types(programs, groups, images)
    if programs is None:
        return replace(_of_frame(truth, options, groups), sources=_files(groups))
    names = [str(name) for name in programs]
    _check_names(names)
    folders = [isinstance(each, Path | str) for each in (truth, *programs.values())]
    if all(folders):
        paths = {str(name): Path(str(folder)) for name, folder in programs.items()}
        opened = Folders.open(truth, paths, reading, root, watch)
        sources = [Path(truth), *paths.values(), *_files(groups, images)]
        return _of_folders(opened, sources, options, groups, images, watch)
    if any(folders) or not all(isinstance(each, Mapping) for each in (truth, *programs.values())):
        raise IsthmusError(
            "the truth and all programs are folders, or all are mappings from case to mask; give one or the other"
        )
    arrays: Any = {str(name): masks for name, masks in programs.items()}
    found = _of_arrays(ArrayMasks.of(truth, arrays, reading), options, groups, images, watch)
    return replace(found, sources=_files(groups, images))


def _refuse_types(programs: object, groups: object, images: object) -> None:
    """Refuses arguments that are neither a mapping by name nor, where that is possible, a path."""
    kinds = {
        "programs": (programs, Mapping, "a mapping from the name of each program to its folder or its masks"),
        "groups": (groups, Mapping | Path | str, "a mapping from case to group, or a CSV"),
        "images": (images, Mapping | Path | str, "a mapping from case to image, or a folder"),
    }
    for name, (given, kind, what) in kinds.items():
        if given is not None and not isinstance(given, kind):
            raise IsthmusError(f"{name} is a {type(given).__name__}; give {what}")


def _files(*given: object) -> list[Path]:
    """Returns what was given as a file or folder."""
    return [Path(each) for each in given if isinstance(each, Path | str)]


def _check_names(names: Sequence[str]) -> None:
    for name in names:
        if any(category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in name):
            raise IsthmusError(
                f"a program is called {name!r}, with a control character; give it another name"
            )
        if not name.strip() or name == TRUTH or names.count(name) > 1:
            reason = "has no name" if not name.strip() else f"is called '{name}'"
            raise IsthmusError(f"a program {reason}; give each a name of its own other than '{TRUTH}'")
    if len(names) < 2:
        raise IsthmusError(
            f"a comparison takes at least two programs, found {len(names)}; `isthmus evaluate` scores a single one"
        )


def _of_folders(
    found: Folders,
    sources: Sequence[Path],
    options: CompareOptions,
    groups: Groups,
    images: Images,
    watch: Watch,
) -> ProgramComparison:
    cases = [case.id for case in found.truth]
    of_case = None if groups is None else groups_of(groups, cases)
    picture = _picture(images, cases) or pictures.from_cases({case.id: case for case in found.truth})
    lacking = found.lacking
    if options.common:
        found = found.without([case for missing in lacking.values() for case in missing])
    scores = replace(found.score(of_case, watch), lacking=lacking)
    places = {case.id: place for place, case in enumerate(found.truth)}
    metrics = _names(scores, options)
    return ProgramComparison(
        scores, options, metrics, sources, lambda case: found.read(places[case]), picture
    )


def _of_arrays(
    found: ArrayMasks, options: CompareOptions, groups: Groups, images: Images, watch: Watch
) -> ProgramComparison:
    cases = list(found.truth)
    of_case = {case: case for case in cases} if groups is None else groups_of(groups, cases)
    scores = found.score(of_case, watch)
    if options.common:
        scores = _common(scores)
    metrics = _names(scores, options)
    return ProgramComparison(
        scores, options, metrics, (), lambda case: found.read(case, of_case), _picture(images, cases)
    )


def _names(scores: ProgramScores, options: CompareOptions) -> tuple[str, ...]:
    """Returns the metrics to compare, all of masks."""
    names = options.names(scores.metrics, scores.objects)
    options.refuse_margin(names[0])
    return names


def _of_frame(frame: Any, options: CompareOptions, groups: Groups) -> ProgramComparison:
    if not is_frame(frame):
        raise IsthmusError(
            "no programs were given; give {'name': folder, …}, or a data frame with the columns case, program, score"
        )
    scores = read_frame(frame, options.common)
    _check_names(scores.programs)
    if groups is not None:
        scores = replace(scores, groups=groups_of(groups, scores.cases))
    if options.common:
        scores = _common(scores)
    return ProgramComparison(scores, options, options.names(scores.metrics, objects=False))


def _common(scores: ProgramScores) -> ProgramScores:
    found = scores.only_common()
    if not found.rows:
        raise IsthmusError("no case has a mask of every program; leave out --common to count these as misses")
    return found


def _picture(images: Images, cases: Sequence[str]) -> pictures.Picture | None:
    if images is None:
        return None
    return (
        pictures.from_arrays(images)
        if isinstance(images, Mapping)
        else pictures.from_folder(Path(images), cases)
    )
