"""What counts as the size of a pixel, and what is a setting for screens and printers."""

from __future__ import annotations

import pytest

from isthmus.io.resolution import CENTIMETRE, INCH, by_resolution, measured, unit_in_micrometres


@pytest.mark.parametrize(
    ("name", "length"),
    [
        ("µm", 1),
        ("μm", 1),  # the Greek letter
        ("um", 1),
        ("micron", 1),
        ("Microns", 1),
        (r"\u00B5m", 1),  # as ImageJ writes it
        ("nm", 1e-3),
        ("Å", 1e-4),
        ("mm", 1000),
        ("cm", 10_000),
        ("inch", 25_400),
        ("inches", 25_400),
        ("m", 1e6),
        ("metres", 1e6),
        ("pixel", None),
        ("pixels", None),
        ("reference frame", None),
        ("", None),
        ("s", None),
    ],
)
def test_units_by_the_names_that_programs_write(name: str, length: float | None) -> None:
    assert unit_in_micrometres(name) == length


@pytest.mark.parametrize("dots", [72, 96, 150, 300, 600, 1200])
@pytest.mark.parametrize(("per", "times"), [(INCH, 1), (CENTIMETRE, 1 / 2.54), (1e6, 1 / 0.0254)])
def test_print_settings_are_no_sizes_in_any_unit(dots: int, per: float, times: float) -> None:
    assert by_resolution((dots * times, dots * times), per) is None
    assert by_resolution((round(dots * times, 2),) * 2, per) is None


@pytest.mark.parametrize("size", [0.065, 0.25, 0.5, 1, 5, 10, 20, 50, 100])
@pytest.mark.parametrize("per", [INCH, CENTIMETRE, 1e6])
def test_usual_pixels_of_microscopes_are_sizes(size: float, per: float) -> None:
    assert by_resolution((per / size, per / size), per) == pytest.approx((size, size))


def test_what_no_microscope_has_is_no_size() -> None:
    assert by_resolution((1, 1), INCH) is None  # the default of several writers
    assert by_resolution((1, 1), CENTIMETRE) is None
    assert by_resolution((0, 40_000), CENTIMETRE) is None
    assert by_resolution((-1, -1), CENTIMETRE) is None
    assert by_resolution((float("nan"), 40_000), CENTIMETRE) is None
    assert by_resolution((40_000, 118.11), CENTIMETRE) is None  # one axis is a print setting
    assert measured((float("inf"), 1)) is None
    assert measured((1, -1)) is None
