"""Images are cut into no more, and no larger, tiles than the network needs."""

from __future__ import annotations

from isthmus.inference.tiling.cutter import Cutter


def test_tiles_side_by_side_hardly_overlap() -> None:
    """An image slightly larger than a tile is halved, not seen four times."""
    tiling = Cutter([256, 256], 16, 4, 0.5).side_by_side([257, 257])
    assert tiling.shape == (144, 144)
    assert len(list(tiling.corners)) == 4


def test_an_image_goes_through_in_one_piece_up_to_a_patch_or_the_usual_size() -> None:
    assert Cutter([64, 64], 8, 4, 0.5).tiling([60, 40], None).shape == (64, 64)  # padded to the patch
    assert Cutter(None, 8, 4, 0.5).tiling([1020, 9], None).shape == (1024, 16)


def test_tiles_are_averaged_without_a_margin_and_cropped_with_one() -> None:
    cutter = Cutter([64, 64], 8, 4, 0.5)
    assert cutter.tiling([2000, 100], None).overlaps
    assert not cutter.tiling([2000, 100], 9).overlaps
    assert cutter.tiling([5000, 5000], 600).overlaps  # tiles with such margins would be too large


def test_as_many_pixels_go_through_together_as_in_training() -> None:
    cutter = Cutter([64, 64], 8, 4, 0.5)
    assert cutter.batch_size(cutter.tiling([300, 300], None)) == 4
    assert cutter.batch_size(cutter.tiling([1024, 1024], 9)) == 1
