"""The pages of the documentation on networks."""

from __future__ import annotations

from pathlib import Path

from isthmus.networks import list_models
from isthmus.networks.description.pages import MARK, index, write

DOCS = Path(__file__).parents[3] / "docs"


def test_the_index_is_up_to_date_and_no_page_is_left_over():
    page = (DOCS / "networks.md").read_text(encoding="utf-8")
    assert page == index(page), "run: python -m isthmus.networks.description.pages docs"
    assert {path.stem for path in (DOCS / "networks").glob("*.md")} == set(list_models())


def test_pages_are_written_and_stale_ones_removed(tmp_path, monkeypatch):
    monkeypatch.setattr("isthmus.networks.description.pages.list_models", lambda: ["unet"])
    monkeypatch.setattr("isthmus.networks.description.pages.models_table", list)
    (tmp_path / "networks").mkdir()
    (tmp_path / "networks" / "gone.md").write_text("old")
    (tmp_path / "networks.md").write_text(f"Kept.\n{MARK}Not kept.")
    write(tmp_path)
    assert [path.name for path in (tmp_path / "networks").iterdir()] == ["unet.md"]
    text = (tmp_path / "networks.md").read_text()
    assert text.startswith("Kept.")
    assert "Not kept" not in text
    assert "| `mldr` |" in text
