"""A page as tests read it."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path


class Page(HTMLParser):
    """Tags with their attributes, visible text, the rows of all tables, and those of the table of cases."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.source = path.read_text(encoding="utf-8")
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.rows: list[list[str]] = []
        self.cases: list[list[str]] = []
        self.words: list[str] = []
        self._inside = ""
        self.feed(self.source)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "table":
            self._sortable = dict(attrs)["class"] == "sortable"
        if tag == "tr":
            self.rows.append([])
            if self._sortable:
                self.cases.append(self.rows[-1])
        if tag == "td":
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = "" if tag in ("td", "script", "style") else self._inside

    def handle_data(self, data: str) -> None:
        if self._inside in ("script", "style"):
            return
        self.words.append(data)
        if self.rows and self.rows[-1] and self._inside in ("td", "a", "b"):
            self.rows[-1][-1] += data.strip()

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]
