"""GeoJSON is read back with the json module, and filling its polygons gives the same pixels."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from isthmus.errors import IsthmusError
from isthmus.io.geojson import write_geojson

from .filled import filled


def features(path: Path) -> list[Any]:
    content = json.loads(path.read_text(encoding="utf-8"))
    assert content["type"] == "FeatureCollection"
    return list(content["features"])


@given(arrays(np.int32, st.tuples(*[st.integers(1, 8)] * 2), elements=st.integers(0, 3)))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_reading_gives_the_same_pixels(tmp_path: Path, objects: Any) -> None:
    write_geojson(tmp_path / "a.geojson", objects)
    back = np.zeros_like(objects)
    for feature in features(tmp_path / "a.geojson"):
        geometry = feature["geometry"]
        several = geometry["type"] == "MultiPolygon"
        for polygon in geometry["coordinates"] if several else [geometry["coordinates"]]:
            assert all(ring[0] == ring[-1] and len(ring) > 4 for ring in polygon)
            inside = filled(objects.shape, [ring[:-1] for ring in polygon])
            assert not back[inside].any()
            back[inside] = int(feature["properties"]["name"])
    assert np.array_equal(back, objects)


def test_a_feature_says_what_qupath_reads(tmp_path: Path) -> None:
    objects = np.zeros((4, 5), np.uint8)
    objects[1:3, 2:5] = 7
    write_geojson(tmp_path / "a.geojson", objects, {7: 'β "cell"'})
    assert features(tmp_path / "a.geojson") == [
        {
            "type": "Feature",
            "geometry": {"type": "Polygon", "coordinates": [[[2, 1], [5, 1], [5, 3], [2, 3], [2, 1]]]},
            "properties": {
                "objectType": "detection",
                "name": "7",
                "classification": {"name": 'β "cell"'},
            },
        }
    ]


def test_each_slice_of_a_volume_is_in_its_plane(tmp_path: Path) -> None:
    volume = np.zeros((3, 4, 5), np.int32)
    volume[1:, 1:3, 1:3] = 12
    write_geojson(tmp_path / "a.geojson", volume, "nucleus")
    found = features(tmp_path / "a.geojson")
    assert [each["geometry"]["plane"] for each in found] == [{"c": -1, "z": z, "t": 0} for z in (1, 2)]
    assert {each["properties"]["classification"]["name"] for each in found} == {"nucleus"}


def test_no_objects_are_no_features(tmp_path: Path) -> None:
    write_geojson(tmp_path / "a.geojson", np.zeros((4, 4), np.uint8))
    assert features(tmp_path / "a.geojson") == []


def test_what_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(IsthmusError, match="numbers below 0"):
        write_geojson(tmp_path / "a.geojson", np.full((2, 2), -1))
    assert os.listdir(tmp_path) == []
