"""The papers' tables of data, against which their protocols can be shown without any files."""

from __future__ import annotations

from dataclasses import dataclass

from isthmus.data.cases import Case


@dataclass(frozen=True)
class PaperData:
    """A row of a paper's table of data.

    Attributes:
        name, title: name of the data set, here and in the paper.
        images: their number.
        size: size of most images, width x height (x depth), as printed.
        input: size at which the paper trains.
        pieces: patches into which each image is cut.
    """

    name: str
    title: str
    images: int
    size: str
    input: str
    pieces: int = 1


PAPER_DATA: dict[str, tuple[PaperData, ...]] = {
    "mildnet": (
        PaperData("isic-2018", "ISIC-2018", 2594, "1022x767", "256x256"),
        PaperData("isbi-2012", "ISBI-2012", 30, "512x512", "256x256", 4),
        PaperData("lgg-mri", "MRI", 1144, "256x256", "256x256"),
        PaperData("glas-2015", "GlaS-2015", 165, "775x522", "256x256", 11),
        PaperData("dsb-2018", "DSB-2018", 670, "320x256", "256x256"),
    ),
    "multiresunet": (
        PaperData("murphy-lab", "Murphy Lab", 97, "variable", "256x256"),
        PaperData("isbi-2012", "ISBI-2012", 30, "512x512", "256x256"),
        PaperData("isic-2018", "ISIC-2018", 2594, "variable", "256x192"),
        PaperData("cvc-clinicdb", "CVC-ClinicDB", 612, "384x288", "256x192"),
        PaperData("brats", "BraTS17", 285, "240x240x155", "80x80x48"),
    ),
}
"""Table 1 of MILDNet and table 2 of MultiResUNet."""


def placeholders(n: int) -> list[Case]:
    """Returns `n` cases without files, each a group of its own, to show how a protocol splits that many images."""
    return [Case(f"image-{i:05d}", (), (), f"image-{i:05d}") for i in range(n)]
