"""The recipe: everything that fixes a run, typed, checked, and stored as YAML.

Each part of a run owns one section. A value that a user leaves open (``None`` or ``"auto"``) is filled in when the
run starts, so the recipe in a run folder is fully resolved and says what was done.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from isthmus.errors import IsthmusError, nearest
from isthmus.runs.files import parse_yaml, read_yaml
from isthmus.runs.recipe.presets import FOUND, PRESETS
from isthmus.shapes import fault, shown

Positive = Annotated[int, Field(ge=1, le=10**9)]
Side = Annotated[int, Field(ge=8, le=8192)]


class Section(BaseModel):
    """A part of the recipe; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True)


class Data(Section):
    """Where cases come from and what their masks mean."""

    source: str = ""  # a built-in data set, a folder with images/ and masks/, or a CSV
    root: str | None = None  # where a built-in data set lies on this machine
    channels: Annotated[int, Field(ge=1, le=64)] | None = (
        None  # of the images as the network sees them; None: as found
    )
    axes: str | None = None  # of TIFF images, as CYX or ZCYX (`isthmus.io.tiff_axes`); None: as found
    classes: list[str] = []  # names by class index, background first; filled in from the masks
    values: dict[int, int] = {}  # mask value -> class index; filled in from the masks
    limit: Positive | None = None  # take so many groups of cases only, chosen by their names alone
    skip_bad: bool = False  # leave out cases that do not read or fit; the report says which
    value_rule: Literal["exact", "threshold", "objects"] | None = (
        None  # see `isthmus.data.masks.values`; None: as found
    )
    instances: bool = False  # masks number objects, which the network learns to draw apart
    regions: (
        dict[str, list[int]] | Literal["dataset"]
    ) = {}  # name -> class indices, scored instead of the classes
    ignore: Annotated[int, Field(ge=1)] | None = (
        None  # mask value of pixels that are neither learnt nor scored
    )
    multilabel: bool = False  # the network draws the regions, which may overlap, each by itself


class Input(Section):
    """What the network sees of an image: the whole of it resized, or patches at its own scale."""

    resize: tuple[Side, Side] | tuple[Side, Side, Side] | None = None  # (depth,) height, width
    patch: tuple[Side, Side] | tuple[Side, Side, Side] | None = None  # the same; one number: equal sides
    windows: Positive | None = None  # patches at fixed, even places, so many an image; None: at random places
    foreground: Annotated[float, Field(ge=0, le=1)] = 0.0  # share of the patches centred on foreground
    slices: Annotated[int, Field(ge=1, le=31)] | None = (
        None  # of volumes: a slice and its neighbours as channels
    )
    normalise: Literal["auto", "scale", "minmax", "zscore", "dataset"] = (
        "zscore"  # dataset: by the training images' mean
    )
    mean: list[float] = []  # of each channel over the training images, with "dataset"; filled in
    deviation: list[float] = []  # the same of the standard deviation

    @field_validator("patch", "resize", mode="before")
    @classmethod
    def _equal_sides(cls, value: Any) -> Any:
        return (value, value) if isinstance(value, int) else value

    @field_validator("slices")
    @classmethod
    def _odd(cls, value: int | None) -> int | None:
        if value is not None and value % 2 == 0:
            raise ValueError("an even number of slices has none in the middle; take an odd number")
        return value


class Roi(Section):
    """A first, light network at low resolution finds where the organs are; the network sees that part alone."""

    size: tuple[Side, Side] | tuple[Side, Side, Side] = (144, 208)  # of the part; axes as in input.patch
    resize: tuple[Side, Side] | tuple[Side, Side, Side] = (64, 64)  # what the first network sees the image as
    model: str = "unet_instance"
    widths: list[Positive] = [8, 16, 32]
    epochs: Positive = 20


class Network(Section):
    """A network of the registry and the options it is made with."""

    model: str = "unet_instance"
    options: dict[str, Any] = {}
    depth: Literal["auto"] | None = None  # auto: the default's levels by the size of the images
    heads: list[Literal["contour", "marker"]] | None = None  # beside its own; None: what data.instances needs
    initialisation: Literal["xavier", "default"] = "xavier"


class Objective(Section):
    """What the network learns to reach: losses by head, and the parameters of their targets."""

    heads: dict[str, dict[str, float]] = {}  # head -> loss -> weight; {}: see `isthmus.objectives`
    auxiliary_weight: Annotated[float, Field(ge=0)] = 1.0
    class_weights: list[float] | None = (
        None  # of "weighted_ce"; None: from the training cases, when it is asked for
    )
    contour_sigma: Annotated[float, Field(gt=0)] = 2.0
    difficulty_sigma: Annotated[float, Field(gt=0)] = 8.0
    difficulty_base: Annotated[float, Field(ge=0)] = 1.0
    difficulty_weight: Annotated[float, Field(ge=0)] = 25.0
    difficulty_normalise: Literal["class", "sum", "none"] = "class"
    smooth: Annotated[float, Field(ge=0)] = 1.0  # pixels; of "dice", "iou" and "focal_tversky"
    focal_gamma: Annotated[float, Field(ge=0)] = 2.0
    focal_alpha: Annotated[float, Field(ge=0, le=1)] | None = 0.25
    tversky_alpha: Annotated[float, Field(ge=0)] = 0.7  # of missed pixels
    tversky_beta: Annotated[float, Field(ge=0)] = 0.3  # of false pixels
    tversky_gamma: Annotated[float, Field(gt=0)] = 4 / 3
    hausdorff_alpha: Annotated[float, Field(gt=0)] = 2.0

    @field_validator("heads", mode="before")
    @classmethod
    def _one_loss(cls, value: Any) -> Any:
        """A name alone stands for that loss with weight 1."""
        if not isinstance(value, Mapping):
            return value
        return {head: {losses: 1.0} if isinstance(losses, str) else losses for head, losses in value.items()}


class Cleanup(Section):
    """What is done to predicted masks before they are written; nothing, unless asked for."""

    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5  # of one map, of regions and of objects' bodies
    largest: bool | list[str] = (
        False  # keep the largest component alone: of every class, or of the named ones
    )
    min_size: Annotated[int, Field(ge=0)] | dict[str, int] = (
        0  # drop components of fewer pixels; by class, or all
    )
    holes: bool = False  # fill holes
    merge: bool = False  # HMEDN's anatomically constrained merging
    keep_share: Annotated[float, Field(ge=0, le=1)] = (
        0.1  # of the largest component, that others need to stay
    )


class Training(Section):
    """How the network learns."""

    epochs: Positive = 50
    minutes: Annotated[float, Field(gt=0, le=525_600)] | None = None  # to train for, instead of epochs
    epoch_seconds: Annotated[float, Field(ge=0)] | None = (
        None  # of an epoch with its validation; measured where minutes are turned into epochs, and filled in
    )
    batch: Positive = 4
    samples: Positive | None = None  # images or patches an epoch; None: see `isthmus.training.prepare`
    optimiser: Literal["adam", "adamw", "sgd", "rmsprop"] = "adam"
    learning_rate: Annotated[float, Field(gt=0, le=10)] = 1e-3
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9  # of Adam the first beta
    weight_decay: Annotated[float, Field(ge=0, lt=1)] = (
        0.0  # decoupled with adamw, else added to the gradient
    )
    schedule: Literal["constant", "plateau", "cosine", "step", "multistep", "cyclic"] = "cosine"
    plateau_patience: Positive = 10  # epochs without a better validation loss before the rate falls
    plateau_factor: Annotated[float, Field(gt=0, lt=1)] = 0.1
    plateau_floor: Annotated[float, Field(ge=0)] = 0.0  # the rate does not fall below
    step_epochs: Positive = 30  # of "step": epochs from one fall of the rate to the next
    step_factor: Annotated[float, Field(gt=0, lt=1)] = 0.1  # of "step" and "multistep"
    milestones: list[Annotated[float, Field(gt=0, lt=1)]] = [
        0.5,
        0.75,
    ]  # of "multistep", as shares of all epochs
    cycle_epochs: Positive = 10  # of "cyclic": from the lowest rate, a tenth, up to the full one and back
    select: Literal["dice", "iou", "loss"] = (
        "dice"  # by which the best epoch is chosen and training stopped early
    )
    early_stopping: Positive | None = None  # epochs without a better one before training ends
    augment: Literal["none", "flips", "mildnet", "hmedn", "hmedn-ct", "hmedn-brats"] = "flips"
    average: Annotated[float, Field(ge=0, lt=1)] = (
        0.0  # share of the weights' running mean that stays at each step, 0.99 say; 0: no mean is taken
    )
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0


class Hardware(Section):
    """Where and how it is computed; "auto" is decided once, at the start, and stored."""

    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?|mps)$")] = "auto"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    channels_last: bool | None = None
    threads: Positive | None = None
    workers: Annotated[int, Field(ge=0, le=64)] = 2  # threads that prepare batches
    cache_mb: Annotated[int, Field(ge=0)] = 2048  # decoded cases kept in memory


class Protocol(Section):
    """Which cases train and which are scored. Groups (patient, slide, …) are never divided."""

    kind: Literal[
        "holdout", "kfold", "mildnet", "multiresunet", "sharp", "sharp-code", "hmedn", "within-case", "nnunet"
    ] = "holdout"  # see `isthmus.data.splits.protocols`
    fraction: Annotated[float, Field(gt=0, lt=1)] = 0.2  # of the cases, held out
    folds: Annotated[int, Field(ge=2)] = 5
    fold: Annotated[int, Field(ge=0)] = 0
    repeat: Annotated[int, Field(ge=0)] = 0
    shares: tuple[float, float, float] | None = None  # train, validation, test of "hmedn"; None: the paper's
    stratify: bool = False  # by the share of the foreground
    validation: list[str] | None = None  # case ids to hold out, instead of a fraction
    test: list[str] | None = None  # case ids that neither train nor choose the epoch, only scored

    @field_validator("validation", "test", mode="before")
    @classmethod
    def _one_case(cls, value: Any) -> Any:
        return [str(value)] if isinstance(value, str | int) else value

    allow_leak: bool = False  # train although a group or a copy stands on two sides; the report says so
    distance: Annotated[int, Field(ge=0, le=64)] = (
        4  # bits in which the looks of near-duplicates differ at most
    )
    seed: int = 0


class Recipe(Section):
    """Everything that fixes a run."""

    data: Data = Data()
    input: Input = Input()
    roi: Roi | None = None
    network: Network = Network()
    objective: Objective = Objective()
    cleanup: Cleanup = Cleanup()
    training: Training = Training()
    protocol: Protocol = Protocol()
    hardware: Hardware = Hardware()

    @property
    def spatial_dims(self) -> int:
        """Axes of the images: 2, or 3 for volumes."""
        return int(self.network.options.get("spatial_dims", 2))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for YAML."""
        return self.model_dump(mode="json")


LENGTH = ("epochs", "minutes", "epoch_seconds")  # keys that say together how long training takes


def make_recipe(preset: str = "default", *layers: Mapping[str, Any]) -> Recipe:
    """A recipe from a preset and nested mappings laid over it, later ones on top.

    >>> make_recipe("paper", {"training": {"epochs": 5}}).training.schedule
    'plateau'
    """
    if preset not in PRESETS:
        raise IsthmusError(f"unknown preset '{preset}': {nearest(preset, PRESETS)}")
    merged: dict[str, Any] = {}
    for layer in (PRESETS[preset], *layers):
        if not isinstance(layer, Mapping):
            raise IsthmusError(
                f"a recipe holds sections ({', '.join(Recipe.model_fields)}), found {shown(layer)}"
            )
        merged = overlaid(_without_length(merged, layer), layer)
    if preset == "default" and _model(merged) == Network().model:
        merged = overlaid(FOUND, merged)
    return validate(merged)


def _without_length(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """What lies under a layer that says how long to train: without what it says of that itself.

    Raises:
        IsthmusError: the layer names epochs and minutes that were not turned into epochs yet.
    """
    given = above.get("training")
    if not isinstance(given, Mapping):
        return below
    told = {key for key in LENGTH if given.get(key) is not None}
    if told >= {"epochs", "minutes"} and "epoch_seconds" not in told:
        raise IsthmusError("training.epochs and training.minutes both say how long to train; leave one out")
    under = below.get("training")
    if not told or not isinstance(under, Mapping):
        return below
    if told == {"minutes"} and under.get("minutes") == given["minutes"]:
        return below  # the same again
    return below | {"training": {key: value for key, value in under.items() if key not in LENGTH}}


def _model(values: Mapping[str, Any]) -> Any:
    network = values.get("network")
    return network.get("model", Network().model) if isinstance(network, Mapping) else Network().model


def overlaid(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Nested mappings, the second laid over the first.

    >>> overlaid({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}, "b": 4})
    {'a': {'x': 1, 'y': 3}, 'b': 4}
    """
    result = dict(below)
    for key, value in above.items():
        under = result.get(key)
        if isinstance(under, Mapping) and isinstance(value, Mapping):
            value = overlaid(under, value)
        result[key] = value
    return result


def validate(values: Any, where: str = "the recipe") -> Recipe:
    """Check plain values; the first mistake is told in one line, with the nearest valid name."""
    if not isinstance(values, Mapping):
        raise IsthmusError(
            f"{where} must hold sections ({', '.join(Recipe.model_fields)}), found {shown(values)}"
        )
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            section = _fields(first["loc"][:-1])
            raise IsthmusError(
                f"{where} has no key '{key}': {nearest(str(first['loc'][-1]), section)}"
            ) from error
        raise IsthmusError(f"{where}{fault(error)}") from error


def _fields(path: Iterable[Any]) -> list[str]:
    model: type[BaseModel] = Recipe
    for key in path:
        annotation = model.model_fields[str(key)].annotation
        annotation = next((part for part in get_args(annotation) if isinstance(part, type)), annotation)
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            break
        model = annotation
    return list(model.model_fields)


def parse_overrides(assignments: Iterable[str]) -> dict[str, Any]:
    """Nested values from ``section.key=value`` words, the value read as YAML.

    >>> parse_overrides(["training.epochs=5", "input.resize=[64, 64]"])
    {'training': {'epochs': 5}, 'input': {'resize': [64, 64]}}
    """
    values: dict[str, Any] = {}
    for word in assignments:
        key, equals, text = word.partition("=")
        parts = key.strip().split(".")
        if not equals or not all(parts):
            raise IsthmusError(
                f"'{word}' is not an override; write section.key=value, e.g. training.epochs=80"
            )
        if len(parts) == 1 and parts[0] not in Recipe.model_fields:
            parts = [_section_of(parts[0], word), *parts]
        value = parse_yaml(text, f"the value in '{word}' is not valid YAML", "quote it")
        if isinstance(value, str):
            value = _number(value)
        branch: dict[str, Any] = {}
        leaf = branch
        for part in parts[:-1]:
            leaf = leaf.setdefault(part, {})
        leaf[parts[-1]] = value
        values = overlaid(values, branch)
    return values


def _number(text: str) -> float | str:
    try:
        return float(text)  # YAML 1.1 reads 1e-3 as text
    except ValueError:
        return text


def _section_of(key: str, word: str) -> str:
    owners = {
        name: section
        for section in Recipe.model_fields
        for name in _fields([section])
        if name not in ("seed",)
    }
    if key not in owners:
        valid = [f"{section}.{name}" for section in Recipe.model_fields for name in _fields([section])]
        names = {name.rpartition(".")[2]: name for name in valid}
        close = nearest(key, names)
        raise IsthmusError(f"'{word}': the recipe has no key '{key}': {close}")
    return owners[key]


def read_recipe(path: Path) -> Recipe:
    """The recipe in a YAML file."""
    return validate(read_yaml(path), str(path))
