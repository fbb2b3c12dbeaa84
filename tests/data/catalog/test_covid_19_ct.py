"""COVID-19 CT: slices of the two sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from isthmus.data.cases import load

from .layouts import LABELS, VOXELS, covid, put, read, refusal


def test_covid_slices(tmp_path: Path) -> None:
    covid(tmp_path)
    dataset = read("covid-19-ct", tmp_path)
    assert [case.id for case in dataset.cases] == [f"tr-{i:03d}" for i in range(5)]
    assert len({case.group for case in dataset.cases}) == 5
    image, label = load(dataset.cases[1], dataset)
    assert image.shape == (1, 12, 12)
    assert set(np.unique(label)) == {0, 1, 3}
    np.testing.assert_array_equal(image[0], VOXELS[::-1, ::-1, 1].T)  # the file runs right and front
    nine = tmp_path / "second"
    put(nine / "rp_im" / "1.nii.gz", VOXELS)
    put(nine / "rp_msk" / "1.nii.gz", LABELS)
    put(nine / "rp_im" / "2.nii.gz", VOXELS)
    put(nine / "rp_msk" / "2.nii.gz", LABELS)
    put(nine / "rp_lung_msk" / "1.nii.gz", LABELS)
    second = read("covid-19-ct", nine)
    assert len(second.cases) == 10
    assert {case.group for case in second.cases} == {"rp-1", "rp-2"}
    put(nine / "rp_msk" / "2.nii.gz", LABELS[..., :4])
    assert "12 x 12 x 4 voxels but its image" in refusal("covid-19-ct", nine)
