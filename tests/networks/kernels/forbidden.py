"""Makes every fast kernel raise. ``python forbidden.py train …`` runs the command line in this state."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
import torch

from isthmus.networks import kernels
from isthmus.networks.kernels import checkpointing, memory_layout, onednn, saved_activations
from isthmus.networks.kernels.bfloat16 import choice, layers
from isthmus.networks.kernels.bfloat16.ways import NATIVE, WAYS


def raises(what: str) -> Callable[..., Any]:
    def raise_error(*_: Any, **__: Any) -> Any:
        raise AssertionError(f"the kernel {what} was called")

    return raise_error


def forbid(patch: pytest.MonkeyPatch) -> int:
    """Replaces all kernels, until the patch is undone, and returns how many gradients of their own were found."""
    functions = list(_functions())
    for function in functions:
        patch.setattr(function, "forward", staticmethod(raises(f"{function.__module__}.{function.__name__}")))
    for name in ("laid_out", "convolution", "convolution_plus", "convolution_onto_"):
        patch.setattr(onednn, name, raises(name))
    for owner, name in (
        (checkpointing, "checkpoint"),
        (memory_layout, "in_layout"),
        (saved_activations, "_Recomputed"),
        (choice, "way_of"),
        (layers, "way_of"),
    ):
        patch.setattr(owner, name, raises(name))
    for way in WAYS:
        if way != NATIVE:
            patch.setitem(WAYS, way, raises(way))
    return len(functions)


def _functions() -> Iterator[type[torch.autograd.Function]]:
    """Yields every gradient that is defined in the folder of kernels."""
    for module in _modules(kernels):
        for thing in vars(module).values():
            if (
                isinstance(thing, type)
                and issubclass(thing, torch.autograd.Function)
                and thing.__module__ == module.__name__
            ):
                yield thing


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        yield importlib.import_module(found.name)


if __name__ == "__main__":
    from isthmus.cli.main import main

    with pytest.MonkeyPatch.context() as patch:
        forbid(patch)
        sys.exit(main())
