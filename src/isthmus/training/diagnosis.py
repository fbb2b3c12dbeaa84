"""Finds the first tensor that is not finite, by repeating a step or the validation."""

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
    """Whether the loss of a step and all gradients are numbers; on a GPU this waits for the step.

    A sum is no number where a summand is none, and takes a tenth of the time of a maximum.

    >>> layer = nn.Linear(1, 1)
    >>> layer.weight.grad = torch.tensor([[torch.inf]])
    >>> is_finite(torch.tensor(0.5), layer), is_finite(torch.tensor(0.5), nn.Linear(1, 1))
    (False, True)
    """
    sums = [parameter.grad.sum() for parameter in network.parameters() if parameter.grad is not None]
    return bool(torch.stack([loss.detach(), *sums]).sum().isfinite())


def diverged(when: str, first: str, recipe: Recipe, best_epoch: int = 0) -> IsthmusError:
    """The error that ends training: what is known, and what to try.

    Args:
        when: as in "in epoch 3, step 5".
        first: the tensor that stopped being finite; "" where a repetition did not show it.
        best_epoch: whose weights the run holds; 0: of none.
    """
    known = (
        f"the first tensor that is not finite is {first}"
        if first
        else "in a repetition all tensors are finite"
    )
    if recipe.hardware.precision == "bfloat16":
        remedy = "start again with hardware.precision=float32 (this run computes in bfloat16)"
    else:
        remedy = "lower training.learning_rate (a tenth of it, say) in a new run"
    kept = (
        f", or take the weights of epoch {best_epoch}, the best before: --finish scores them"
        if best_epoch
        else ""
    )
    return IsthmusError(f"training diverged {when}: {known}; {remedy}{kept}")


class Eye:
    """Remembers the first tensor shown to it that holds NaN or infinity."""

    def __init__(self) -> None:
        self.first = ""

    def see(self, what: str, values: object) -> None:
        """Look at a tensor, or at all of a mapping or a sequence."""
        if isinstance(values, Mapping):
            values = list(values.values())
        if isinstance(values, list | tuple):
            for value in values:
                self.see(what, value)
        elif not self.first and isinstance(values, Tensor) and not bool(values.isfinite().all()):
            self.first = what

    @contextmanager
    def on(self, network: nn.Module) -> Iterator[None]:
        """Look at weights and statistics now, and while the block runs at every layer's output and each gradient."""
        for name, values in network.state_dict().items():
            self.see(f"'{name}', one of the weights", values)
        hooks: list[Any] = []
        for name, layer in network.named_modules():
            kind = type(layer).__name__
            what = f"the output of the layer '{name}' ({kind})" if name else "the network's output"
            hooks.append(layer.register_forward_hook(self._of_output(what)))
        for name, parameter in network.named_parameters():
            if parameter.requires_grad:
                look = self._of_gradient(f"the gradient of '{name}'")
                hooks.append(parameter.register_hook(look))  # type: ignore[no-untyped-call]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _of_output(self, what: str) -> Callable[[nn.Module, Any, Any], None]:
        return lambda _layer, _given, output: self.see(what, output)

    def _of_gradient(self, what: str) -> Callable[[Tensor], None]:
        return lambda gradient: self.see(what, gradient)


def of_step(
    network: nn.Module,
    image: Tensor,
    forward: Callable[[], Any],
    terms: Callable[[Any], Mapping[str, Tensor]],
) -> str:
    """The first tensor of a step that is not finite: input, weights, outputs, terms of the loss, gradients.

    Args:
        network: as it was before the step.
        image: what goes in.
        forward: gives the outputs.
        terms: of the loss, by name, from the outputs.
    """
    eye = Eye()
    eye.see("the input", image)
    with eye.on(network):
        outputs = forward()
        eye.see("the network's output", outputs)
        found = terms(outputs)
        for name, value in found.items():
            eye.see(f"the loss term '{name}'", value)
        if not eye.first:  # not backward, which other processes would have to join
            trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
            torch.autograd.grad(list(found.values()), trained, allow_unused=True)
    return eye.first


def of_validation(network: nn.Module, scorer: Scorer, predictor: Predictor) -> str:
    """The first tensor that is not finite when the held-out cases are scored, and of which case."""
    eye = Eye()
    with eye.on(network):
        for case, outputs, terms in scorer.terms(predictor):
            for name, values in outputs.items():
                eye.see(f"the output '{name}'", torch.from_numpy(values))
            for name, value in terms.items():
                eye.see(f"the loss term '{name}'", value)
            if eye.first:
                return f"{eye.first}, of case '{case.id}'"
    return ""
