"""CVC-ClinicDB: sequences by frame number or from the table."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from isthmus.data.cases import load

from .layouts import MASK, RGB, cvc, put, read, refusal


def test_cvc_sequences(tmp_path: Path) -> None:
    cvc(tmp_path)
    dataset = read("cvc-clinicdb", tmp_path)
    assert [case.id for case in dataset.cases] == [str(n) for n in range(1, 613)]
    groups = [case.group for case in dataset.cases]
    assert len(set(groups)) == 29
    assert groups == sorted(groups)  # frames of a sequence follow each other
    assert groups[24] != groups[25] == groups[49] != groups[50]  # 25, 26, 50, 51
    _, label = load(dataset.cases[0], dataset)
    np.testing.assert_array_equal(label, MASK > 0)  # the soft 90 is background


def test_cvc_from_kaggle(tmp_path: Path) -> None:
    for kind in ("PNG", "TIF"):
        for n in (1, 2, 3):
            put(tmp_path / kind / "Original" / f"{n}.{kind.lower()}", RGB)
            put(tmp_path / kind / "Ground Truth" / f"{n}.{kind.lower()}", MASK)
    put(tmp_path / "class_dict.csv", "name,r,g,b\n")
    dataset = read("cvc-clinicdb", tmp_path)
    assert [case.images[0].path.suffix for case in dataset.cases] == [".tif"] * 3
    assert {case.group for case in dataset.cases} == {"sequence-unknown"}
    put(tmp_path / "metadata.csv", "frame_id,sequence_id,tif_image_path\n1,1,a\n2,1,b\n3,2,c\n")
    assert [case.group for case in read("cvc-clinicdb", tmp_path).cases] == [
        "sequence-1",
        "sequence-1",
        "sequence-2",
    ]
    put(tmp_path / "metadata.csv", "frame_id,sequence_id\n1," + "1" * 200_000 + "\n")
    assert "metadata.csv, line 2: not valid CSV" in refusal("cvc-clinicdb", tmp_path)
