"""The frame lists, measures, stores and shows a benchmark that this test makes up."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from benchmarks.frame.benchmark import Benchmark, Row, Settings, find, titles

from benchmarks.frame import command, pages, results

NAME = "made_up.counting"


def prepare_missing() -> Any:
    raise ImportError("no such peer")


def rows(settings: Settings) -> Iterator[Row]:
    turns: list[str] = []

    def counted(name: str) -> Any:
        return lambda: lambda: turns.append(name) or len(turns)

    contenders = {"ours": counted("ours"), "theirs": counted("theirs"), "missing": prepare_missing}
    yield Row("turns", contenders, "turns", rounds=2 if settings.toy else 3, facts=lambda _: {"order": turns})
    yield Row("constant", {"ours": lambda: lambda: 2}, "twos")


BENCHMARK = Benchmark(
    rows,
    {"table": lambda found: [f"{row['name']}: {row['values']['ours']}" for row in found[0]["rows"]]},
    facts=lambda _, made: {"rows": len(made)},
    packages=("numpy",),
)


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    module = ModuleType(f"benchmarks.{NAME}")
    module.BENCHMARK = BENCHMARK  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, f"benchmarks.{NAME}", module)
    monkeypatch.setattr(results, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(pages, "DOCS", tmp_path)
    return tmp_path


def test_every_benchmark_is_listed_and_has_rows_and_blocks(capsys: pytest.CaptureFixture[str]) -> None:
    command.main([])
    listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert listed == list(titles())
    assert all(title.endswith(".") for title in titles().values())
    assert all(isinstance(find(name), Benchmark) for name in listed)


def test_an_unknown_name_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(SystemExit, match=r"no benchmark 'sped': .*speed"):
        command.main(["sped"])


def test_contenders_take_turns_and_a_missing_one_is_left_out(
    made_up: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    turns, constant = command.run(NAME, Settings(toy=True))
    assert turns["facts"]["order"] == ["ours", "theirs", "theirs", "ours"]
    assert turns["values"] == {"ours": 2.5, "theirs": 2.5}
    assert turns["fastest"] == {"ours": 1, "theirs": 2}
    assert constant["values"] == {"ours": 2}
    assert "missing is left out (no such peer)" in capsys.readouterr().out
    assert not (made_up / "results").exists()


def test_rows_are_stored_beside_their_machine_and_replaced_when_they_are_measured_again(
    made_up: Path,
) -> None:
    path = results.path_of(NAME)
    assert path == made_up / "results" / "made_up" / "counting.json"
    results.write(
        path,
        {"rows": [{"name": "constant", "unit": "twos", "values": {"ours": 7}}, {"name": "old", "unit": "a"}]},
    )
    command.run(NAME, Settings(), only="constant")
    constant, old = results.read(path)["rows"]
    assert constant["values"] == {"ours": 2}
    assert constant["machine"]["versions"].keys() == {"numpy"}
    assert old == {"name": "old", "unit": "a"}
    command.run(NAME, Settings(), missing=True)
    assert [row["name"] for row in results.read(path)["rows"]] == ["constant", "old", "turns"]
    assert results.read(path)["facts"] == {"rows": 3}


def test_blocks_of_pages_are_filled_and_the_rest_stays(made_up: Path) -> None:
    page, other = made_up / "page.md", made_up / "other.md"
    text = "before\n<!-- measured: {name} table -->\nold\n<!-- end -->\nafter\n"
    page.write_text(text.format(name=NAME), encoding="utf-8")
    other.write_text(text.format(name="made_up.never_measured"), encoding="utf-8")
    command.run(NAME, Settings(), only="constant")
    assert pages.write_pages() == [page]
    assert page.read_text(encoding="utf-8") == (
        f"before\n<!-- measured: {NAME} table -->\nconstant: 2\n<!-- end -->\nafter\n"
    )
    assert pages.write_pages() == []
