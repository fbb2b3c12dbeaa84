"""The section ``training``: how the network learns."""

from __future__ import annotations

from typing import Annotated, Literal

from isthmus.runs.recipe.section import Section
from isthmus.settings import POSITIVE, Range

FACTOR = Range(above=0, below=1)


class Training(Section):
    """How the network learns."""

    epochs: Annotated[int, POSITIVE, "Epochs to train."] = 50
    minutes: Annotated[
        float | None,
        Range(above=0, most=525_600),
        "Minutes for training and scoring, instead of `epochs`. Some steps and a validation are timed first. Then the "
        "width of our own network, `batch` and `samples` are chosen, where they are open, and `epochs` is filled in, "
        "so that the schedule ends in time ([how the minutes are used](minutes.md)). A resumed run keeps all of it.",
    ] = None
    epoch_seconds: Annotated[
        float | None, Range(0), "Seconds of an epoch with its validation, as timed for `minutes`; filled in."
    ] = None
    fitted: Annotated[
        list[Literal["widths", "batch", "samples"]],
        "What was chosen for `minutes`; filled in. A recipe laid under another number of minutes leaves it open again.",
    ] = []
    last_epoch: Annotated[
        int | None,
        POSITIVE,
        "Epoch after which the time for `minutes` ran out, if that was before the last; filled in.",
    ] = None
    batch: Annotated[int, POSITIVE, "Images or patches in a step."] = 4
    samples: Annotated[
        int | None,
        POSITIVE,
        "Images or patches in an epoch. Open: every image once, or patches by the size of the images.",
    ] = None
    optimiser: Annotated[Literal["adam", "adamw", "sgd", "rmsprop"], "Optimiser."] = "adam"
    learning_rate: Annotated[float, Range(above=0, most=10), "Highest learning rate."] = 1e-3
    momentum: Annotated[float, Range(0, below=1), "Momentum; for Adam and AdamW the first beta."] = 0.9
    epsilon: Annotated[
        float,
        Range(above=0, most=1),
        "Added to the root of the squared gradients, by which `adam`, `adamw` and `rmsprop` divide; Keras has 1e-7.",
    ] = 1e-8
    weight_decay: Annotated[
        float,
        Range(0, below=1),
        "Weight decay: decoupled from the gradient with `adamw`, else added to it.",
    ] = 0.0
    schedule: Annotated[
        Literal["constant", "plateau", "cosine", "step", "multistep", "cyclic"],
        "How the learning rate changes over the run.",
    ] = "cosine"
    plateau_patience: Annotated[
        int, POSITIVE, "`plateau`: epochs without a better value before the rate falls."
    ] = 10
    plateau_monitor: Annotated[
        Literal["loss", "dice", "iou", "soft_iou"], "`plateau`: the validation score that is watched."
    ] = "loss"
    plateau_rule: Annotated[
        Literal["pytorch", "keras"],
        "`plateau`: `pytorch` calls a value better by a share of 1e-4, and the rate falls with the epoch after "
        "`plateau_patience` epochs without one; `keras` calls it better by 1e-4, and the rate falls with the last of "
        "these epochs.",
    ] = "pytorch"
    plateau_factor: Annotated[float, FACTOR, "`plateau`: factor by which the rate falls."] = 0.1
    plateau_floor: Annotated[float, Range(0), "`plateau`: the lowest rate."] = 0.0
    step_epochs: Annotated[int, POSITIVE, "`step`: epochs between two falls of the rate."] = 30
    step_factor: Annotated[float, FACTOR, "`step` and `multistep`: factor by which the rate falls."] = 0.1
    milestones: Annotated[
        list[float], FACTOR, "`multistep`: when the rate falls, as shares of all epochs."
    ] = [0.5, 0.75]
    cycle_epochs: Annotated[
        int, POSITIVE, "`cyclic`: epochs from the lowest rate (a tenth) up to the full one and back."
    ] = 10
    select: Annotated[
        Literal["dice", "iou", "soft_iou", "loss", "objects"],
        "Validation score by which the best epoch is chosen and training is stopped early; `soft_iou` is that of "
        "probabilities instead of masks, pooled over every `batch` images; `objects`, with `data.instances`, is the F1 "
        "of objects matched by IoU > 0.5, which are separated after each epoch, in about 0.03 processor seconds for "
        "100 objects in 256 x 256 pixels. `dice`, `iou` and `objects` are means over the cases (and classes) that have "
        "foreground, if any has, as one stray pixel makes them 0 in a case without; `loss` counts every case. Tiles "
        "overlap for the scores and masks at the end, not for those after each epoch, which takes a quarter of the "
        "time.",
    ] = "dice"
    keep: Annotated[
        Literal["best", "latest"],
        "Which epoch's weights are kept: `best`, those of the highest score by `select`; `latest`, those of the latest "
        "epoch that is below it by no more than the standard error of their difference over the validation cases, "
        "because a few cases are a poor judge. With one case, or by `soft_iou`, both are the same.",
    ] = "best"
    early_stopping: Annotated[
        int | None, POSITIVE, "Training ends after this many epochs without a higher score. Open: never."
    ] = None
    augment: Annotated[
        Literal["none", "flips", "light", "mildnet", "hmedn", "hmedn-ct", "hmedn-brats"],
        "How training images are varied ([augmentation](augmentation.md)).",
    ] = "flips"
    average: Annotated[
        float,
        Range(0, below=1),
        "Share of the running mean of the weights that is kept at each step, such as 0.99; the mean is then scored and "
        "saved instead of the last weights. 0: no mean.",
    ] = 0.0
    batch_statistics: Annotated[
        Literal["running", "precise"],
        "Means and variances by which batch normalisation scores and predicts: `running`, those kept from step to "
        "step, which lag behind the weights after few steps; or `precise`, taken anew before each validation from an "
        "epoch's samples, at most 200 and not augmented (Wu and Johnson 2021, arXiv:2105.07576). Training steps are "
        "the same with both.",
    ] = "running"
    seed: Annotated[
        int, Range(0, 2**31 - 1), "Seed of initial weights, order of samples and augmentation."
    ] = 0
