"""BraTS: multimodal MRI of brain tumours, the releases of 2017 to 2021 and of 2015.

The releases of 2017 to 2021 have a folder per case with `<case>_{flair,t1,t1ce,t2,seg}.nii.gz` (or `.nii`); labels are
1 (necrosis and non-enhancing tumour), 2 (oedema) and 4 (enhancing tumour). In the Kaggle copy of 2020 the
segmentation of one case is named `W39_1998.09.19_Segm.nii`.

The release of 2015 has a folder per patient with a folder per modality, `VSD.Brain.XX.O.MR_Flair.<n>/….mha`; its labels
are 1 (necrosis), 2 (oedema), 3 (non-enhancing), 4 (enhancing). Cases of 2015 that are named
like the later ones (`Brats15_…`) are read too, with the modalities they have.

Channels are in the order of `MODALITIES`. Scans of one patient, which share a name, are a group.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from isthmus.data.cases import Case, Dataset, Source
from isthmus.data.catalog.entry import Entry, register_dataset
from isthmus.data.catalog.layout import in_order
from isthmus.data.checks.problems import refuse
from isthmus.data.masks.values import ValueMap
from isthmus.errors import IsthmusError
from isthmus.io.formats import stem
from isthmus.io.volumes import spacing

MODALITIES = ("flair", "t1", "t1ce", "t2")
DEPTH = 4
"""Number of folders above a case: the release, its training part, HGG or LGG, and one that an archive adds."""

CLASSES_2015 = ("background", "necrosis", "oedema", "non-enhancing tumour", "enhancing tumour")
VALUES_2015 = ValueMap(((0, 0), (1, 1), (2, 2), (3, 3), (4, 4)))
REGIONS_2015 = {"WT": (1, 2, 3, 4), "TC": (1, 3, 4), "ET": (4,)}
"""Whole tumour, tumour core and enhancing tumour, as mask values."""

REGIONS_2017 = {"WT": (1, 2, 4), "TC": (1, 4), "ET": (4,)}


@dataclass(frozen=True)
class _Scan:
    """A case: its folder, its volumes by modality, and its segmentations (one is expected)."""

    name: str
    folder: Path
    volumes: dict[str, Path]
    masks: list[Path]


def read(root: Path) -> Dataset:
    """Reads all cases below a folder; their names decide whether the labels are those of 2015."""
    scans = list(_later(root)) or list(_of_2015(root))
    if not scans:
        raise IsthmusError(
            f"{root}: no <case>_flair.nii.gz below; {ENTRY.name} is a folder with {ENTRY.layout}"
        )
    present = [name for name in MODALITIES if any(name in scan.volumes for scan in scans)]
    first: dict[str, _Scan] = {}
    problems: list[str] = []
    for scan in scans:
        problems += [
            f"{scan.folder}: no {name} here, unlike other cases; add it"
            for name in present
            if name not in scan.volumes
        ]
        if len(scan.masks) != 1:
            problems.append(
                f"{scan.folder}: {len(scan.masks)} segmentations where one is expected; read the training part"
            )
        if first.setdefault(scan.name, scan) is not scan:
            problems.append(
                f"{scan.folder}: the case is in {first[scan.name].folder} too; give one of them as root"
            )
    early = [scan for scan in scans if re.match(r"(?i)brats(15)?_", scan.name)]
    if early and len(early) < len(scans):
        other = next(scan for scan in scans if scan not in early)
        problems.append(
            f"{early[0].folder}: is from 2015, and its labels differ from those of {other.name}; read one at a time"
        )
    refuse(problems, root)
    cases = [
        Case(
            scan.name,
            tuple(Source(scan.volumes[name]) for name in present),
            (Source(scan.masks[0]),),
            patient(scan.name),
            spacing(scan.volumes[present[0]]),
        )
        for scan in scans
    ]
    return ENTRY.dataset(cases, VALUES_2015, CLASSES_2015, REGIONS_2015) if early else ENTRY.dataset(cases)


def patient(name: str) -> str:
    """Returns the name of a case without the number of its scan, if it has one.

    >>> [patient(name) for name in ("Brats17_TCIA_605_1", "BraTS20_Training_001", "brats_tcia_pat105_0001")]
    ['Brats17_TCIA_605', 'BraTS20_Training_001', 'brats_tcia_pat105']
    """
    if re.match(r"(?i)brats\d*_(training|validation)_", name):
        return name
    match = re.fullmatch(r"(?i)(brats(?:\d\d)?_.+)_\d+", name)
    return match[1] if match else name


def _later(root: Path) -> Iterator[_Scan]:
    """Yields the scans of 2017 on: `<case>_flair.nii.gz` and its companions in one folder."""
    for flair in _below(root, "*_flair.nii*"):
        name, folder = stem(flair).removesuffix("_flair"), flair.parent
        files = {path.name: path for path in sorted(folder.glob("[!.]*.nii*"))}
        named = {
            kind: files[f"{name}_{kind}{ending}"]
            for kind in (*MODALITIES, "seg")
            for ending in (".nii", ".nii.gz")
            if f"{name}_{kind}{ending}" in files
        }
        masks = [named.pop("seg")] if "seg" in named else []
        masks = masks or [path for path in files.values() if re.search(r"(?i)_segm\.nii", path.name)]
        yield _Scan(name, folder, named, masks)


def _of_2015(root: Path) -> Iterator[_Scan]:
    """Yields the scans of 2015: a folder per modality below that of the patient."""
    names = {"Flair": "flair", "T1": "t1", "T1c": "t1ce", "T2": "t2"}
    for flair in _below(root, "*.MR_Flair.*.mha"):
        folder = flair.parent.parent if flair.parent.name == stem(flair) else flair.parent
        volumes: dict[str, Path] = {}
        masks: list[Path] = []
        for path in sorted(folder.rglob("*.mha"), key=in_order):
            match = re.search(r"\.MR_(Flair|T1c|T1|T2)\.", path.name)
            if match:
                volumes[names[match[1]]] = path
            elif re.search(r"\.OT\.", path.name):
                masks.append(path)
        name = folder.name if folder.name.lower().startswith("brats") else f"brats_{folder.name}"
        yield _Scan(name, folder, volumes, masks)


def _below(root: Path, pattern: str) -> list[Path]:
    found = [path for depth in range(DEPTH + 1) for path in root.glob("*/" * depth + pattern)]
    return sorted((path for path in found if not path.name.startswith(".")), key=lambda path: in_order(path))


ENTRY = Entry(
    name="brats",
    title="BraTS 2017 to 2021, and 2015: brain tumours",
    layout="<case>/<case>_{flair,t1,t1ce,t2,seg}.nii.gz (2015: <patient>/VSD.Brain.…/VSD.Brain.….mha)",
    read=read,
    classes=("background", "necrosis and non-enhancing tumour", "oedema", "enhancing tumour"),
    values=ValueMap(((0, 0), (1, 1), (2, 2), (4, 3))),
    groups="patient",
    citation=(
        "Menze et al., The multimodal brain tumor image segmentation benchmark (BRATS), IEEE Transactions on "
        "Medical Imaging 34, 2015, doi:10.1109/TMI.2014.2377694; Bakas et al., Scientific Data 4, 2017, "
        "doi:10.1038/sdata.2017.117"
    ),
    terms="after registration, for research; 2015: CC BY-NC-SA 3.0",
    tried="4 cases of 2015 with 2 modalities, renamed like the later ones; none of 2017 to 2021, no .mha",
    sizes={"multiresunet": (48, 80, 80), "hmedn": (128, 128, 128)},
    regions=REGIONS_2017,
)

register_dataset(ENTRY)
