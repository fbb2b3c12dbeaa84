"""Which metrics suit which task, and why.

L. Maier-Hein, A. Reinke et al.: Metrics reloaded: recommendations for image analysis validation. Nature Methods
21:195-212 (2024), doi:10.1038/s41592-023-02151-z; A. Reinke et al.: Understanding metric-related pitfalls in image
analysis validation. Nature Methods 21:182-194 (2024), doi:10.1038/s41592-023-02150-0. What is ours is said so.
"""

from __future__ import annotations

from dataclasses import dataclass

from isthmus.errors import IsthmusError, nearest
from isthmus.metrics.table import METRICS


@dataclass(frozen=True)
class Advice:
    """Advice for one kind of task.

    Attributes:
        task: the word on the command line.
        about: what the task looks like.
        metrics: metrics of the table that suit it, the most important one first.
        why: the reasons.
        beware: what misleads here.
    """

    task: str
    about: str
    metrics: tuple[str, ...]
    why: str
    beware: str

    @property
    def command(self) -> str:
        """The options of `isthmus compare` that choose these metrics."""
        objects = ["--objects"] if any(METRICS[name].objects for name in self.metrics) else []
        return " ".join(["isthmus compare …", *objects, *(f"--metric {name}" for name in self.metrics)])


ADVICE = (
    Advice(
        "regions",
        "one region or a few large ones in an image: an organ, a tumour, a tissue",
        ("dice", "surface_dice", "hausdorff_distance_95"),
        "Overlap (Dice or IoU) says how much of the region is found, and a boundary metric says how far off its "
        "outline is. Overlap does not see the shape, and a distance does not see the size, so one of each is "
        "reported. Dice and IoU order the cases in the same way, so that one of them is enough.",
        "Pixel accuracy and specificity are near 1 where background fills the image. The plain Hausdorff distance is "
        "that of one worst pixel, which is often a mistake in the reference.",
    ),
    Advice(
        "small-lesions",
        "few and small regions, of very different sizes, or none at all: lesions, metastases, microbleeds",
        ("object_f1", "object_recall", "false_objects", "dice"),
        "What counts is whether each lesion is found. Dice of the whole image is dominated by the largest lesion, "
        "and in a region of a few pixels one pixel changes it by several hundredths. Lesions are therefore counted "
        "as objects, and Dice describes those that are found.",
        "At a size of a few pixels, an IoU above 0.5 is more than readers reach with each other: state the overlap "
        "at which a lesion counts as found. State what an empty reference scores.",
    ),
    Advice(
        "thin-structures",
        "vessels, membranes, cracks, fibres: a pixel or a few wide",
        ("surface_dice", "recall", "precision", "open_gaps"),
        "A shift by one pixel halves Dice on a line of two pixels without any loss of meaning. Surface Dice with the "
        "tolerance of the annotation forgives it. open_gaps, which is ours, says whether thin gaps between "
        "neighbours stay open. The papers recommend clDice, the overlap of centre lines, for tubes; isthmus does not "
        "have it.",
        "Overlap says nothing about breaks: a vessel cut in two loses a few pixels. Choose the tolerance from the "
        "disagreement of readers, before scoring.",
    ),
    Advice(
        "objects",
        "many objects that are counted or measured one by one, and may touch: nuclei, cells, glands",
        ("panoptic_quality", "object_f1", "average_precision", "aggregated_jaccard"),
        "Two cells merged into one hardly change Dice, but they are one error in two objects. Objects are matched "
        "one by one; F1 says how many are found, and panoptic quality multiplies it by how well they are outlined. "
        "Average precision adds stricter and stricter thresholds.",
        "Panoptic quality mixes finding and outlining: report its factors (recognition_quality, "
        "segmentation_quality) beside it. Aggregated Jaccard punishes one wrong match several times. Equal counts do "
        "not mean equal objects.",
    ),
    Advice(
        "borders",
        "the exact course of the border matters: radiotherapy, surgery, wall thickness",
        ("surface_dice", "average_surface_distance", "hausdorff_distance_95"),
        "Surface Dice is the share of the border that lies within what is clinically tolerable, average surface "
        "distance the usual error in millimetres, and the 95th percentile the large errors without a single outlier.",
        "Distances need the spacing of the image and a rule for empty masks. Averages of two directed distances "
        "differ between programs: state which one is meant.",
    ),
    Advice(
        "classes",
        "several classes, of different sizes and importance",
        ("dice", "surface_dice"),
        "Every class is scored by itself and shown; a mean over classes weighs each the same. Confusing two classes "
        "counts against both.",
        "Pooling all pixels hides rare classes. A class that a case does not hold scores 1 if it is not predicted, "
        "which raises the mean of rare classes: look at the numbers of missed and both empty cases.",
    ),
    Advice(
        "volumes",
        "3D images whose voxels are not cubes, or differ between images",
        ("dice", "surface_dice", "average_surface_distance", "volume_difference"),
        "Scores are computed per volume, not per slice, and distances in millimetres by the spacing of the files. "
        "Where volume is the clinical measurement, its difference is reported as well.",
        "Slices of one patient are not independent cases: group them (--group). Distances in voxels change with the "
        "resolution. Equal volumes may lie in different places.",
    ),
    Advice(
        "missing",
        "structures that are absent in some images: an empty reference",
        ("dice", "false_objects", "object_recall"),
        "Every ratio is 0/0 where both masks are empty, so a rule has to be stated: here the score is 1 and the "
        "distance 0, a miss or a false alarm scores 0 and the image diagonal, and all of them are counted.",
        "Programs that drop undefined cases reward a model for missing everything. A mean over many empty references "
        "mostly says how many there are: report cases with and without the structure separately.",
    ),
)
"""The advice for each task."""


def advice_for(task: str) -> Advice:
    """Returns the advice for a task.

    Raises:
        IsthmusError: there is no such task.

    >>> advice_for("objects").metrics[0]
    'panoptic_quality'
    """
    for each in ADVICE:
        if each.task == task:
            return each
    raise IsthmusError(f"no advice for '{task}': {nearest(task, [each.task for each in ADVICE])}")
