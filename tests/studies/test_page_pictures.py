"""The first picture of a study's page becomes a file of its own."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
from PIL import Image

from isthmus.studies.page_pictures import GAP, SIDE, write_picture


def encoded(grey: int, width: int, height: int) -> str:
    data = io.BytesIO()
    Image.fromarray(np.full((height, width), grey, np.uint8)).save(data, "PNG")
    return f'<img src="data:image/png;base64,{base64.b64encode(data.getvalue()).decode()}">'


def test_a_chart_is_taken_as_it_is_and_only_the_first(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(
        '<section id="table-scores"><svg>no</svg></section>'
        '<section class="a" id="figure-curves"><svg a="1">yes</svg><svg>second</svg></section>'
        '<section id="figure-boxes"><svg>third</svg></section></main>'
    )
    path = write_picture(tmp_path / "page.html", tmp_path / "a" / "picture")
    assert path == tmp_path / "a" / "picture.svg"
    assert path.read_text() == '<svg a="1">yes</svg>\n'


def test_pictures_stand_side_by_side_at_one_height(tmp_path: Path) -> None:
    pictures = "".join(encoded(grey, 2 * SIDE, SIDE) for grey in (0, 64)) + encoded(128, SIDE // 2, SIDE // 2)
    (tmp_path / "page.html").write_text(f'<section id="figure-saliency">{pictures}</section></main>')
    path = write_picture(tmp_path / "page.html", tmp_path / "picture")
    assert path == tmp_path / "picture.png"
    found = np.asarray(Image.open(path).convert("L"))
    assert found.shape == (SIDE, 2 * SIDE + 2 * SIDE + SIDE + 2 * GAP)
    places = (SIDE, 3 * SIDE, 4 * SIDE + 3 * GAP, 2 * SIDE + GAP // 2)
    assert [found[SIDE // 2, x] for x in places] == [0, 64, 128, 255]


def test_a_page_without_a_figure_gives_none(tmp_path: Path) -> None:
    assert write_picture(tmp_path / "none.html", tmp_path / "picture") is None
    (tmp_path / "page.html").write_text('<section id="figure-curves"><p>nothing</p></section></main>')
    assert write_picture(tmp_path / "page.html", tmp_path / "picture") is None
    (tmp_path / "page.html").write_text('<section id="table-scores"><svg></svg></section></main>')
    assert write_picture(tmp_path / "page.html", tmp_path / "picture") is None
