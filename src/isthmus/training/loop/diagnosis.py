"""Finds the first tensor with NaN or infinity, by repeating a training step or the validation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from isthmus.errors import IsthmusError
from isthmus.inference.predictor import Predictor
from isthmus.runs.recipe import Recipe
from isthmus.training.score import Scorer


def is_finite(loss: Tensor, network: nn.Module) -> bool:
    """Returns whether the loss of a step and all gradients are finite; on a GPU this waits for the step.

    Sums are tested, as a sum is not finite if a summand is not, and takes a tenth of the time of a maximum.

    >>> layer = nn.Linear(1, 1)
    >>> layer.weight.grad = torch.tensor([[torch.inf]])
    >>> is_finite(torch.tensor(0.5), layer), is_finite(torch.tensor(0.5), nn.Linear(1, 1))
    (False, True)
    """
    sums = [parameter.grad.sum() for parameter in network.parameters() if parameter.grad is not None]
    return bool(torch.stack([loss.detach(), *sums]).sum().isfinite())


def diverged(when: str, first: str, recipe: Recipe, best_epoch: int = 0) -> IsthmusError:
    """Returns the error that ends training: what is known, and what to try.

    Args:
        when: as "in epoch 3, step 5".
        first: the first tensor that is not finite; "" if the repetition found none.
        recipe: recipe of the run.
        best_epoch: whose weights the run holds; 0 if there are none.
    """
    known = (
        f"the first tensor that is not finite is {first}"
        if first
        else "when it was repeated, all tensors were finite"
    )
    if recipe.hardware.precision == "bfloat16":
        remedy = "start again with hardware.precision=float32 (this run computes in bfloat16)"
    else:
        remedy = "lower training.learning_rate, to a tenth for example, in a new run"
    or_finish = (
        f", or use the weights of epoch {best_epoch}, the best so far: --finish scores them"
        if best_epoch
        else ""
    )
    return IsthmusError(f"training diverged {when}: {known}; {remedy}{or_finish}")


class FirstNonFinite:
    """Remembers the first tensor with NaN or infinity among those it is shown."""

    def __init__(self) -> None:
        self.first = ""

    def check(self, what: str, values: object) -> None:
        """Checks a tensor, or all tensors of a mapping or a sequence.

        Args:
            what: the name to remember.
            values: what to check.
        """
        if isinstance(values, Mapping):
            values = list(values.values())
        if isinstance(values, list | tuple):
            for value in values:
                self.check(what, value)
        elif not self.first and isinstance(values, Tensor) and not bool(values.isfinite().all()):
            self.first = what

    @contextmanager
    def watching(self, network: nn.Module) -> Iterator[None]:
        """Checks weights and statistics now, and every layer's output and every gradient while the block runs."""
        for name, values in network.state_dict().items():
            self.check(f"'{name}', one of the weights", values)
        hooks: list[Any] = []
        for name, layer in network.named_modules():
            kind = type(layer).__name__
            what = f"the output of the layer '{name}' ({kind})" if name else "the network's output"
            hooks.append(layer.register_forward_hook(self._check_output(what)))
        for name, parameter in network.named_parameters():
            if parameter.requires_grad:
                hook = self._check_gradient(f"the gradient of '{name}'")
                hooks.append(parameter.register_hook(hook))  # type: ignore[no-untyped-call]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _check_output(self, what: str) -> Callable[[nn.Module, Any, Any], None]:
        return lambda _layer, _given, output: self.check(what, output)

    def _check_gradient(self, what: str) -> Callable[[Tensor], None]:
        return lambda gradient: self.check(what, gradient)


def first_in_step(
    network: nn.Module,
    image: Tensor,
    forward: Callable[[], Any],
    terms: Callable[[Any], Mapping[str, Tensor]],
) -> str:
    """Returns the first tensor of a step that is not finite: input, weights, outputs, terms of the loss, gradients.

    Args:
        network: the network as it was before the step.
        image: the input ``(N, channels, *spatial)``.
        forward: computes the outputs.
        terms: computes the terms of the loss, by name, from the outputs.
    """
    found = FirstNonFinite()
    found.check("the input", image)
    with found.watching(network):
        outputs = forward()
        found.check("the network's output", outputs)
        losses = terms(outputs)
        for name, value in losses.items():
            found.check(f"the loss term '{name}'", value)
        if not found.first:  # not backward, which other processes would have to join
            trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
            torch.autograd.grad(list(losses.values()), trained, allow_unused=True)
    return found.first


def first_in_validation(network: nn.Module, scorer: Scorer, predictor: Predictor) -> str:
    """Returns the first tensor that is not finite when the held-out cases are scored, and the case."""
    found = FirstNonFinite()
    with found.watching(network):
        for case, outputs, terms in scorer.terms(predictor):
            for name, values in outputs.items():
                found.check(f"the output '{name}'", torch.from_numpy(values))
            for name, value in terms.items():
                found.check(f"the loss term '{name}'", value)
            if found.first:
                return f"{found.first}, of case '{case.id}'"
    return ""
