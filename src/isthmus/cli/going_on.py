"""``isthmus train --resume`` and ``--finish``: go on with a run, or with the folds of one, or score it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from isthmus.cli.progress import Display
from isthmus.cli.train import Asked, default_folder, finish_folds, options_of, recipe_of, start, tell
from isthmus.errors import IsthmusError
from isthmus.runs.files import read_yaml
from isthmus.runs.folder import RunFolder
from isthmus.runs.recipe import Recipe, make_recipe, parse_overrides


def resume(asked: Asked, display: Display) -> None:
    """Go on to the end; begin where nothing was begun and the data is named."""
    from isthmus import training

    out = _folder(asked, "--resume")
    begun = _begun(out)
    if begun is None and asked.data:
        start(asked, display)  # stopped before it had begun
        return
    _refuse_changes(asked, begun, "--resume")
    if begun is None or begun.path == out:
        tell(training.resume(out, watch=display), display)
        return
    first = begun.recipe()
    for fold, folder in _folds(out, first, display):
        if folder.recipe_path.is_file():
            tell(training.resume(folder.path, watch=display), display)
            continue
        protocol = first.protocol.model_copy(update={"fold": fold})
        recipe = first.model_copy(update={"protocol": protocol})
        tell(training.train(recipe, folder.path, watch=display), display)
    finish_folds(out, display)


def finish(asked: Asked, display: Display) -> None:
    """Score a stopped run as it stands; folds without a scored epoch are left out."""
    from isthmus import training

    out = _folder(asked, "--finish")
    begun = _begun(out)
    _refuse_changes(asked, begun, "--finish")
    if begun is None or begun.path == out:
        tell(training.finish(out, device=asked.device, watch=display), display)
        return
    for _, folder in _folds(out, begun.recipe(), display):
        if not folder.weights.is_file():
            display.say("left out, as none of its epochs was scored")
            continue
        tell(training.finish(folder.path, device=asked.device, watch=display), display)
    finish_folds(out, display)


def _folder(asked: Asked, option: str) -> Path:
    if asked.out is None and not asked.data:
        raise IsthmusError(f"{option} needs --out RUN, the folder to go on with")
    return asked.out or default_folder(recipe_of(asked))


def _begun(out: Path) -> RunFolder | None:
    """The run, or the first fold of a cross-validation, that was begun in a folder."""
    found = (RunFolder(path) for path in (out, out / "fold-0"))
    return next((folder for folder in found if folder.recipe_path.is_file()), None)


def _folds(out: Path, first: Recipe, display: Display) -> Iterator[tuple[int, RunFolder]]:
    for fold in range(first.protocol.folds):
        display.say(f"fold {fold} of {first.protocol.folds}")
        yield fold, RunFolder(out / f"fold-{fold}")


def _refuse_changes(asked: Asked, begun: RunFolder | None, option: str) -> None:
    """A run goes on with its stored recipe; options that would change it are refused by name."""
    if begun is None:
        return
    stored = begun.recipe()
    given: dict[str, Any] = options_of(asked)
    if asked.recipe:
        given["--recipe"] = read_yaml(asked.recipe)
    given |= {word: parse_overrides([word]) for word in asked.overrides}
    changed = [
        name for name, sections in given.items() if make_recipe("bare", stored.to_dict(), sections) != stored
    ]
    if asked.preset:
        changed.append("--preset")
    if asked.device and option == "--resume":  # another device rounds otherwise
        changed.append("--device")
    if asked.data and not _is_same_place(asked.data, stored.data.source):
        changed.insert(0, asked.data)
    if changed:
        raise IsthmusError(
            f"{option} goes on with the recipe in {begun.path}; leave out {', '.join(changed)}, or start another run"
        )


def _is_same_place(one: str, other: str) -> bool:
    return one == other or Path(one).resolve() == Path(other).resolve()
