"""The card of a network: what its paper says, beside what is built here."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from isthmus.networks.description.measure import (
    WithoutNorms,
    activation_bytes,
    count_parameters,
    flops,
    on_meta,
)
from isthmus.networks.description.receptive_field import reach, receptive_field
from isthmus.networks.description.stages import Stage, stages
from isthmus.networks.registry import Card, Counted, create_model, dimensions, list_models, model_card

SIZES = {2: (256, 256), 3: (128, 128, 128)}  # sizes of the image for costs and stages


@dataclass(frozen=True)
class Count:
    """Our number of parameters, counted as in the paper, and the paper's number (None if it prints none)."""

    ours: int
    paper: float | None
    counted: Counted | None

    @property
    def verdict(self) -> str:
        """The comparison: ``"exact"``, ``"as printed"`` (equal when rounded as in the paper) or the difference.

        >>> Count(7_759_521, 7_759_521, None).verdict, Count(7_760_097, 7.8e6, None).verdict
        ('exact', 'as printed')
        >>> Count(3_351_672, 3.38e6, None).verdict
        '-0.8 %'
        """
        if self.paper is None:
            return "not published"
        if self.ours == self.paper:
            return "exact"
        step = 1
        while self.paper % (10 * step) == 0:
            step *= 10
        if step > 1 and abs(self.ours - self.paper) <= step / 2:
            return "as printed"
        return f"{100 * (self.ours / self.paper - 1):+.1f} %"


@dataclass(frozen=True)
class Form:
    """A network in 2D or in 3D, with the options it is registered with.

    Attributes:
        spatial_dims, in_channels, classes: arguments of this form.
        parameters: number of trainable parameters.
        count: the comparison with the paper.
        receptive_field: side in pixels.
        mixes: whether some operation also reads the whole image.
        size: spatial size of the image for the next two and for ``stages``.
        flops: floating-point operations of one forward pass.
        activations: bytes that autograd saves of one float32 image.
        heads, training_heads: names of the outputs in evaluation and in training; empty for a single tensor.
        stages: the modules in the order in which an image passes them.
    """

    spatial_dims: int
    in_channels: int
    classes: int
    parameters: int
    count: Count
    receptive_field: int
    mixes: bool
    size: tuple[int, ...]
    flops: int
    activations: int
    heads: tuple[str, ...]
    training_heads: tuple[str, ...]
    stages: tuple[Stage, ...]

    @property
    def title(self) -> str:
        return f"{self.spatial_dims}D at {times(self.size)}"


@dataclass(frozen=True)
class CardReport:
    """The card of one network; ``forms`` has one entry for 2D and one for 3D, if both exist, its default first."""

    name: str
    card: Card
    forms: tuple[Form, ...]

    def rows(self) -> list[tuple[str, str]]:
        """Returns label and text of every line above the stage tables."""
        card, own = self.card, self.forms[0]
        rows = [("paper", card.paper), ("source", card.source), ("version", str(card.version))]
        rows += [("build", card.note)] if card.note else []
        rows += [("dimensions", " and ".join(f"{d}D" for d in sorted(f.spatial_dims for f in self.forms)))]
        for form in self.forms:
            where = f", {form.spatial_dims}D" if len(self.forms) > 1 else ""
            rows += [
                (f"parameters{where}", f"{form.parameters:,} ({_io(form.in_channels, form.classes)})"),
                (f"paper's count{where}", _beside(form.count)),
                (f"receptive field{where}", _reach(form)),
                (f"one image{where}", _cost(form)),
            ]
        rows += [("why it differs", card.difference)] if card.difference else []
        rows += [("output", _outputs(own))]
        rows += [("open in the paper", text) for text in card.decisions]
        rows += [(f"cannot {what}", why) for what, why in card.cannot.items()]
        return rows

    def to_text(self) -> str:
        """Returns the card as text for a terminal."""
        rows = self.rows()
        width = max(len(label) for label, _ in rows)
        lines = [self.name]
        for label, text in rows:
            first, *more = textwrap.wrap(text, 100 - width, break_long_words=False) or [""]
            lines += [f"  {label:<{width}}  {first}", *(f"  {'':<{width}}  {line}" for line in more)]
        for form in self.forms:
            table = [_HEADER, *map(_cells, form.stages)]
            widths = [max(len(row[column]) for row in table) for column in range(len(_HEADER))]
            lines += ["", f"  stages in {form.title}"]
            for row in table:
                cells = [
                    f"{cell:<{w}}" if column < 2 else f"{cell:>{w}}"
                    for column, (cell, w) in enumerate(zip(row, widths, strict=True))
                ]
                lines.append("    " + "  ".join(cells))
        return "\n".join(lines)

    def to_markdown(self) -> str:
        """Returns the card as Markdown for a page of the documentation."""
        lines = [f"# {self.name}", "", "| | |", "|---|---|"]
        lines += [f"| {label} | {text} |" for label, text in self.rows()]
        for form in self.forms:
            lines += [
                "",
                f"## Stages in {form.title}",
                "",
                f"| {' | '.join(_HEADER)} |",
                "|---|---|--:|--:|--:|",
            ]
            lines += [f"| {' | '.join(_cells(stage))} |" for stage in form.stages]
        return "\n".join(lines) + "\n"


@cache
def describe(name: str) -> CardReport:
    """Returns everything that is known about a network, computed without weights, in a second or two.

    Raises:
        IsthmusError: there is no such network; the message names the nearest.

    >>> report = describe("multiresunet")
    >>> [(form.spatial_dims, form.count.verdict, form.receptive_field) for form in report.forms]
    [(2, 'exact', 298), (3, 'exact', 298)]
    """
    return CardReport(name, model_card(name), tuple(_form(name, dims) for dims in dimensions(name)))


def models_table() -> list[dict[str, Any]]:
    """Returns one row for each network, for its 2D form if it has one, else for 3D; takes seconds.

    Each row has ``name``, ``paper``, ``dims`` (all in which it exists), ``parameters`` (trainable ones),
    ``paper_parameters`` (None if the paper prints none), ``verdict`` (how our count compares, made as in the paper),
    ``receptive_field`` (pixels), ``size`` of an image (256 x 256 or 128 x 128 x 128) and ``flops`` of one forward pass
    of it.
    """
    rows = []
    for name in list_models():
        dims = dimensions(name)
        size = SIZES[dims[0]]
        network, image = on_meta(name, size)
        count = _count(name, dims[0], network)
        rows.append(
            {
                "name": name,
                "paper": model_card(name).paper,
                "dims": dims,
                "parameters": count_parameters(network),
                "paper_parameters": count.paper,
                "verdict": count.verdict,
                "receptive_field": receptive_field(network),
                "size": size,
                "flops": flops(network, image),
            }
        )
    return rows


def _form(name: str, dims: int) -> Form:
    size = SIZES[dims]
    network, image = on_meta(name, size)
    with torch.no_grad(), WithoutNorms():
        output, training = network.eval()(image), network.train()(image)
    logits = output if isinstance(output, Tensor) else output["logits"]
    side, mixes = reach(network)
    return Form(
        spatial_dims=dims,
        in_channels=int(image.shape[1]),
        classes=int(logits.shape[1]),
        parameters=count_parameters(network),
        count=_count(name, dims, network),
        receptive_field=side,
        mixes=mixes,
        size=size,
        flops=flops(network, image),
        activations=activation_bytes(name, size),
        heads=() if isinstance(output, Tensor) else tuple(output),
        training_heads=() if isinstance(training, Tensor) else tuple(training),
        stages=stages(name, size),
    )


def _count(name: str, dims: int, own: nn.Module) -> Count:
    card = model_card(name)
    paper, counted = (card.parameters, card.counted) if dims == 2 else (card.parameters_3d, card.counted_3d)
    if counted is None:
        return Count(count_parameters(own), paper, None)
    options: dict[str, Any] = {"in_channels": counted[0]}
    if len(counted) == 3:
        options["classes"] = counted[2]
    if any(getattr(own, option, None) != value for option, value in options.items()):
        with torch.device("meta"):
            own = create_model(name, spatial_dims=dims, **options)
    return Count(count_parameters(own, counted[1]), paper, counted)


def _beside(count: Count) -> str:
    if count.counted is None:
        return "not published" if count.paper is None else f"{count.paper:,.0f}"
    channels, how = count.counted[:2]
    classes = count.counted[2] if len(count.counted) == 3 else None
    way = _io(channels, classes) + (", with the moving statistics" if how == "keras" else "")
    if count.paper is None:
        return f"not published; ours at {way}: {count.ours:,}"
    return f"{count.paper:,.0f}; ours, counted in the same way ({way}): {count.ours:,}, {count.verdict}"


def _io(channels: int, classes: int | None) -> str:
    text = f"{channels} channel{'s' * (channels != 1)} in"
    return text if classes is None else f"{text}, {classes} class{'es' * (classes != 1)} out"


def _reach(form: Form) -> str:
    side = times((form.receptive_field,) * form.spatial_dims)
    return f"{side} pixels" + (", and also statistics of the whole image" if form.mixes else "")


def _cost(form: Form) -> str:
    return (
        f"{form.flops / 1e9:,.1f} GFLOP forward, {form.activations / 2**20:,.0f} MiB of activations "
        f"to train ({times(form.size)}, float32)"
    )


def _outputs(form: Form) -> str:
    if not form.training_heads:
        return "logits"
    more = [head for head in form.training_heads if head not in form.heads]
    text = "a dict of " + ", ".join(form.heads) if form.heads else "logits"
    if not more:
        return text
    if form.heads:
        return f"{text}; in training also {', '.join(more)}"
    return f"logits; in training a dict of logits, {', '.join(head for head in more if head != 'logits')}"


_HEADER = ("stage", "module", "channels", "size", "parameters")


def _cells(stage: Stage) -> tuple[str, ...]:
    channels = f"{stage.in_channels} → {stage.channels}"
    return stage.name, stage.kind, channels, times(stage.size), f"{stage.parameters:,}"


def times(size: tuple[int, ...]) -> str:
    """Returns a size as text, ``256 x 256``."""
    return " x ".join(map(str, size)) if size else "1"
