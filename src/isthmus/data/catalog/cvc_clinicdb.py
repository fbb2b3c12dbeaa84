"""CVC-ClinicDB (CVC-612): polyps in 612 frames of 29 colonoscopy sequences.

Frames of a sequence are nearly identical, so the sequence is the group. It is read from `metadata.csv` if present
(columns frame_id and sequence_id, as in the Kaggle copy), otherwise from the number of the frame by the table below.
A copy with fewer than half of the frames may be numbered differently: all its frames count as one sequence. Masks may
have soft edges and are cut at 128.
"""

from __future__ import annotations

from bisect import bisect
from pathlib import Path

from isthmus.data.cases import Dataset
from isthmus.data.catalog.entry import Entry, register_dataset
from isthmus.data.catalog.layout import locate, pairs, pictures
from isthmus.data.masks.values import ValueMap
from isthmus.files import read_cells

FRAMES = 612
FIRST = (
    *(1, 26, 51, 68, 79, 104, 127, 152, 178, 200, 206, 228, 253, 278, 298),
    *(318, 343, 364, 384, 409, 429, 448, 467, 479, 504, 529, 547, 572, 592),
)
"""First frame of each sequence, according to the description of the data set; not verified on the images."""


def read(root: Path) -> Dataset:
    """Reads frames `1` to `612`, preferring TIFF to PNG if the folder has both."""
    folder = locate(root, ENTRY.name, ENTRY.layout, "Original", "Ground Truth", prefer="TIF")
    images, masks = (pictures(folder / name, (".tif", ".png")) for name in ("Original", "Ground Truth"))
    sequences = _sequences(folder / "metadata.csv") or _sequences(folder.parent / "metadata.csv")
    whole = len(images) > FRAMES // 2 and all(
        name.isdecimal() and 1 <= int(name) <= FRAMES for name in images
    )

    def sequence(name: str) -> str:
        if name in sequences:
            return f"sequence-{sequences[name]}"
        return f"sequence-{bisect(FIRST, int(name)):02d}" if whole else "sequence-unknown"

    return ENTRY.dataset(pairs(folder, images, masks, sequence))


def _sequences(path: Path) -> dict[str, str]:
    """Returns the sequence of each frame; {} if the file or its columns are missing."""
    if not path.is_file():
        return {}
    names, *rows = [cells for _, cells in read_cells(path)] or [[]]
    if not {"frame_id", "sequence_id"} <= set(names):
        return {}
    frame, sequence = names.index("frame_id"), names.index("sequence_id")
    return {row[frame]: row[sequence] for row in rows if len(row) > max(frame, sequence)}


ENTRY = Entry(
    name="cvc-clinicdb",
    title="CVC-ClinicDB, polyps in colonoscopy",
    layout="Original/<n>.tif and 'Ground Truth'/<n>.tif (or PNG/ and TIF/ with these two)",
    read=read,
    classes=("background", "polyp"),
    values=ValueMap(((0, 0), (255, 1)), "threshold"),
    groups="sequence",
    citation=(
        "Bernal et al., WM-DOVA maps for accurate polyp highlighting in colonoscopy: validation vs. saliency "
        "maps from physicians, Computerized Medical Imaging and Graphics 43, 2015, "
        "doi:10.1016/j.compmedimag.2015.02.007"
    ),
    terms="research and education only, no commercial use",
    tried="10 frames of one sequence, recompressed as JPEG",
    resize=(192, 256),
    sizes={"multiresunet": (192, 256), "sharp": (192, 256)},
)

register_dataset(ENTRY)
