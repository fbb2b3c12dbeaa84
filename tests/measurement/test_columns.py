"""The columns of one image: lengths in both units, distributions, tables that lack columns."""

from __future__ import annotations

import numpy as np
import pytest

from isthmus.measurement.columns import in_order, joined, measured, rows, summary
from isthmus.measurement.objects import Objects
from isthmus.measurement.regions import Columns


def objects(labels: np.ndarray) -> Objects:
    n = int(labels.max(initial=0))
    return Objects(labels.astype(np.int32), np.arange(1, n + 1), np.ones(n, np.int64))


def test_lengths_in_both_units_on_paper() -> None:
    labels = np.zeros((10, 20), np.int32)
    labels[2:5, 4:10] = 1  # 3 rows, 6 columns
    found = measured(objects(labels), None, (0.5, 0.5), "um")
    one = {name: values.tolist()[0] for name, values in found.items()}
    assert (one["area_px"], one["area_um2"]) == (18, 4.5)
    assert (one["centroid_x_px"], one["centroid_y_px"]) == (6.5, 3)
    assert (one["centroid_x_um"], one["centroid_y_um"]) == (3.25, 1.5)
    assert [one[f"box_{side}_px"] for side in ("x", "y", "width", "height")] == [4, 2, 6, 3]
    assert [one[f"box_{side}_um"] for side in ("width", "height")] == [3, 1.5]
    assert (one["perimeter_px"], one["perimeter_um"]) == (14, 7)
    assert one["axis_major_um"] == one["axis_major_px"] / 2
    assert (one["solidity"], one["touches_border"]) == (1, False)
    assert not any("um" in name for name in measured(objects(labels), None, None, "um"))


def test_unlike_pixels_make_a_circle_round() -> None:
    y, x = np.mgrid[:61, :241] - np.array([30, 120])[:, None, None]
    labels = ((4 * y) ** 2 + x**2 <= 100**2).astype(np.int32)
    one = {name: values[0] for name, values in measured(objects(labels), None, (2, 0.5), "um").items()}
    assert one["area_um2"] == pytest.approx(np.pi * 50**2, rel=0.01)
    assert np.isnan(one["perimeter_um"])
    assert one["perimeter_px"] > 0
    assert one["axis_major_um"] == pytest.approx(100, rel=0.01)
    assert one["axis_minor_um"] == pytest.approx(100, rel=0.01)
    assert one["axis_major_px"] == pytest.approx(200, rel=0.01)
    assert one["eccentricity"] < 0.15


def test_a_box_in_thick_slices() -> None:
    labels = np.zeros((6, 10, 20), np.int32)
    labels[1:3, 2:5, 4:10] = 1
    one = {
        name: values.tolist()[0] for name, values in measured(objects(labels), None, (5, 1, 2), "mm").items()
    }
    assert (one["volume_px"], one["volume_mm3"]) == (36, 360)
    assert [one[f"centroid_{axis}_mm"] for axis in "xyz"] == [13, 3, 7.5]
    assert [one[f"box_{side}_mm"] for side in ("width", "height", "depth")] == [12, 3, 10]
    assert one["solidity"] == 1
    assert one["axis_major_mm"] == pytest.approx(2 * np.sqrt(5 * 35 / 12) * 2)
    assert one["axis_middle_mm"] == pytest.approx(2 * np.sqrt(5 * 3 / 12) * 5)
    assert "perimeter_px" not in one
    assert "orientation_deg" not in one


def test_a_distribution_on_paper() -> None:
    found = summary({"area_px": np.array([1, 2, 3, 4, 10])}, ["area_px"])
    assert found == {
        "area_px_mean": 4,
        "area_px_sd": pytest.approx(np.sqrt(50 / 4)),
        "area_px_min": 1,
        "area_px_p25": 2,
        "area_px_median": 3,
        "area_px_p75": 4,
        "area_px_max": 10,
    }
    assert "area_px_sd" not in summary({"area_px": np.array([5])}, ["area_px"])
    assert summary({"area_px": np.array([])}, ["area_px"]) == {}


def test_tables_that_lack_columns_are_joined_with_empty_cells() -> None:
    one: Columns = {"image": np.array(["a"], object), "number": np.array([1]), "area_px": np.array([3])}
    other: Columns = {
        "image": np.array(["b"], object),
        "number": np.array([1]),
        "volume_px": np.array([8]),
        "intensity_mean": np.array([2.5]),
    }
    names = in_order([*one, *other], "um")
    assert names == ["image", "number", "area_px", "volume_px", "intensity_mean"]
    first, second = rows(joined([one, other], names))
    assert first == {"image": "a", "number": 1, "area_px": 3, "volume_px": None, "intensity_mean": None}
    assert second["area_px"] is None
