"""Slices and surfaces of volumes: what a picture must show is known from the shapes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.report import volumes
from isthmus.report.drawing import PREDICTED, TRUTH
from isthmus.report.run_page import write_report
from isthmus.report.surface import AZIMUTH, ELEVATION, NEUTRAL, Scene, render

from .conftest import MakeRun, one_class
from .page import Page


def ball(radius: float, spacing: tuple[float, float, float] = (1, 1, 1), side: float = 48) -> np.ndarray:
    """A ball in the middle of a cube."""
    shape = [round(side / step) for step in spacing]
    grid = [(np.arange(n) - (n - 1) / 2) * step for n, step in zip(shape, spacing, strict=True)]
    z, y, x = np.meshgrid(*grid, indexing="ij")
    return (z**2 + y**2 + x**2 <= radius**2).astype(np.uint8)


def block(*at: slice, side: int = 24, label: int = 1) -> np.ndarray:
    labels = np.zeros((side, side, side), np.uint8)
    labels[at] = label
    return labels


def middle_of(picture: np.ndarray) -> tuple[float, float]:
    """Row and column of the middle of what is opaque."""
    rows, columns = np.nonzero(picture[..., 3] > 127)
    return float(rows.mean()), float(columns.mean())


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_every_slice_through_the_middle_shows_foreground(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = (rng.random(rng.integers(1, 7, 3)) < 0.2).astype(np.uint8)
    at = volumes.middle(truth)
    assert all(0 <= place < length for place, length in zip(at, truth.shape, strict=True))
    if truth.any():
        assert all(truth.take(place, axis=axis).any() for axis, place in enumerate(at))


def test_slices_have_one_scale_and_the_head_above() -> None:
    """4 x 10 x 20 voxels of 5 x 1 x 1 mm are 20 x 10 x 20 mm: two pictures' pixels a millimetre of at most 40."""
    image = np.zeros((4, 10, 20), np.uint8)
    image[3] = 200  # the highest slice
    truth = np.zeros_like(image)
    truth[2, 4:6, 8:12] = 1
    axial, coronal, sagittal = volumes.orthogonal("v", (image, truth, truth, (5.0, 1.0, 1.0)), 40)
    assert (axial.image.shape, coronal.image.shape, sagittal.image.shape) == (
        (20, 40, 3),
        (40, 40, 3),
        (40, 20, 3),
    )
    assert axial.note == "Axial, slice 3 of 4"
    assert (coronal.note, sagittal.note) == ("Coronal, slice 5 of 10", "Sagittal, slice 10 of 20")
    assert (coronal.image[:8] > 150).all()
    assert (coronal.image[-20:] < 50).all()
    assert np.flatnonzero(coronal.truth.any(axis=1)).tolist() == list(
        range(10, 20)
    )  # the second of four from above
    assert np.flatnonzero(sagittal.truth.any(axis=0)).tolist() == list(range(8, 12))


def test_without_spacing_voxels_are_cubes() -> None:
    truth = np.ones((4, 8, 8), np.uint8)
    sizes = [each.truth.shape for each in volumes.orthogonal("v", (truth, truth, truth), 16)]
    assert sizes == [(16, 16), (8, 16), (8, 16)]


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (3.0, 1.0, 1.0), (1.0, 1.0, 2.0)])
def test_a_ball_is_a_disk_from_everywhere(spacing: tuple[float, float, float]) -> None:
    """Its radius is known in pixels: the picture reaches 1.06 times as far as the box's corners and a smallest step."""
    labels = ball(15, spacing)
    scene = Scene.of([labels], spacing)
    assert scene is not None
    extent = (np.array(scene.high) - np.array(scene.low)) * spacing / 2
    up = np.array(
        [np.cos(ELEVATION), np.sin(ELEVATION) * np.cos(AZIMUTH), -np.sin(ELEVATION) * np.sin(AZIMUTH)]
    )
    right = np.array([0, np.sin(AZIMUTH), np.cos(AZIMUTH)])
    reach = 1.06 * max(np.abs(up) @ extent, np.abs(right) @ extent) + min(spacing)
    opaque = render(scene, labels, size=200)[..., 3] / 255
    radius = 100 * 15 / reach
    assert opaque.sum() == pytest.approx(np.pi * radius**2, rel=0.06)
    rows, columns = np.indices(opaque.shape) - 99.5
    distance = np.hypot(rows, columns)
    assert opaque[distance < 0.92 * radius].all()
    assert not opaque[distance > 1.08 * radius].any()


def test_up_is_up_right_is_right_and_what_is_in_front_hides_what_is_behind() -> None:
    low, high, whole = slice(2, 6), slice(18, 22), slice(8, 16)
    places = {
        "below": block(low, whole, whole),
        "above": block(high, whole, whole),
        "left": block(whole, whole, low),
        "right": block(whole, whole, high),
    }
    scene = Scene.of(list(places.values()))
    assert scene is not None
    at = {name: middle_of(render(scene, labels, size=80)) for name, labels in places.items()}
    assert at["above"][0] < at["below"][0] - 20
    assert at["left"][1] < at["right"][1] - 20
    front = block(slice(4, 24), slice(2, 4), slice(2, 24), label=1)
    behind = block(slice(8, 14), slice(8, 11), slice(8, 14), label=2)
    both = Scene.of([front, behind])
    assert both is not None
    seen = render(both, np.maximum(front, behind), size=80, colours=((255, 0, 0), (0, 255, 0)))
    red, green = (np.count_nonzero(seen[..., i] > seen[..., 1 - i]) for i in (0, 1))
    alone = np.count_nonzero(render(both, behind, size=80)[..., 3])
    assert red > 1000
    assert green == 0
    assert alone > 50


def test_light_falls_from_above() -> None:
    scene = Scene.of([labels := ball(15)])
    assert scene is not None
    grey = render(scene, labels, size=120)[..., 0].astype(float)
    assert grey[35:50, 50:70].mean() > 1.3 * grey[75:90, 50:70].mean()


def test_a_predicted_surface_is_coloured_by_where_it_lies_off_the_true_one() -> None:
    truth = ball(14)
    scene = Scene.of([truth, ball(20)])
    assert scene is not None

    def hue(labels: np.ndarray) -> np.ndarray:
        seen = render(scene, labels, truth=truth, size=80)
        colour = seen[seen[..., 3] > 250][:, :3].astype(float).mean(axis=0)
        return colour / colour.max()

    for labels, expected in ((truth, NEUTRAL), (ball(20), PREDICTED), (ball(8), TRUTH)):
        wanted = np.array(expected) / max(expected)
        np.testing.assert_allclose(hue(labels), wanted, atol=0.12)


def test_what_is_not_there_leaves_the_picture_empty() -> None:
    nothing = np.zeros((8, 8, 8), np.uint8)
    assert Scene.of([nothing, nothing]) is None
    scene = Scene.of([nothing, block(slice(2, 5), slice(2, 5), slice(2, 5), side=8)])
    assert scene is not None
    assert not render(scene, nothing, size=20).any()
    assert volumes.surface_panels("v", nothing, {"U-Net": nothing}, None, several=False) == []


def test_one_voxel_and_a_slab_at_the_edge_are_drawn() -> None:
    for labels in (
        block(slice(0, 1), slice(0, 1), slice(0, 1), side=8),
        block(slice(0, 1), slice(None), slice(None)),
    ):
        scene = Scene.of([labels], (2.5, 0.5, 0.5))
        assert scene is not None
        assert render(scene, labels, size=40)[..., 3].sum() > 255


def test_a_large_volume_is_thinned_out() -> None:
    labels = np.zeros((4, 300, 140), np.uint8)
    labels[1:3, 5:295, 10:130] = 1
    scene = Scene.of([labels], (1.0, 0.5, 0.5))
    assert scene is not None
    assert scene.stride == (1, 3, 1)
    assert scene.distances(labels > 0).shape == (8, 103, 126)


@pytest.mark.parametrize("several", [False, True])
def test_the_report_of_a_run_on_volumes_shows_slices_and_surfaces(make_run: MakeRun, several: bool) -> None:
    labels = block(slice(4, 18), slice(6, 20), slice(5, 21))
    labels[10:14, 10:14, 10:14] = 2 if several else 1
    image = (labels * 100).astype(np.uint8)
    names = ("organ", "core") if several else ("cell",)
    rows = (
        [("v", "v", "validation", 0, name, 0.9, 0.8, 1.0) for name in names]
        if several
        else one_class({"v": 0.9})
    )
    page = Page(write_report(make_run(rows=rows), images={"v": (image, labels, labels, (2.0, 1.0, 1.0))}))
    captions = [
        words
        for words in ("Axial", "Coronal", "Sagittal", "True surface", "Predicted surface")
        if words in page.text
    ]
    assert len(captions) == 5
    assert page.source.count("<img ") == (9 if several else 6)
    assert "Difference, slice 5 of 24" in page.text
