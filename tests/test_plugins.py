"""Registries find what plug-ins add, and a broken plug-in is named and stops nothing."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest

from isthmus import plugins
from isthmus.errors import IsthmusError
from isthmus.plugins import Registry

SHAPES = Registry[int]("shape")
SHAPES.register("triangle", 3)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes an installed package of one module, of which nothing has been loaded yet."""

    def make(name: str, code: str, value: str = "") -> None:
        (tmp_path / f"{name}.py").write_text(code, encoding="utf-8")
        monkeypatch.delitem(sys.modules, name, raising=False)  # what an earlier test imported
        info = tmp_path / f"{name}-1.5.dist-info"
        info.mkdir()
        info.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n")
        info.joinpath("entry_points.txt").write_text(f"[{plugins.GROUP}]\nadds-{name} = {value or name}\n")

    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(plugins, "_failures", None)
    monkeypatch.setattr(SHAPES, "_things", {"triangle": 3})
    monkeypatch.setitem(sys.modules, "shapes_under_test", sys.modules[__name__])
    return make


def test_what_is_built_in_is_found_without_loading_anything(install):
    install("angular", "raise RuntimeError('loaded')")
    assert SHAPES["triangle"] == SHAPES.find("triangle") == 3
    assert "triangle" in SHAPES
    assert plugins._failures is None


@pytest.mark.parametrize("look_up", [lambda: SHAPES["square"], lambda: SHAPES.find("square")])
def test_an_unknown_name_is_looked_for_in_plug_ins(install, look_up):
    install("squares", "from shapes_under_test import SHAPES\nSHAPES.register('square', 4)\n")
    assert look_up() == 4
    assert list(SHAPES) == ["triangle", "square"]
    assert len(SHAPES) == 2


def test_an_entry_point_may_name_a_function_which_is_called_once(install):
    code = "from shapes_under_test import SHAPES\ndef add():\n    SHAPES.register('pentagon', 5)\n"
    install("pentagons", code, "pentagons:add")
    assert "pentagon" in SHAPES
    assert plugins.load() == []


def test_a_broken_plug_in_is_named_in_one_line_and_stops_nothing(install, caplog):
    install("broken", "raise RuntimeError('two\\nlines')")
    install("hexagons", "from shapes_under_test import SHAPES\nSHAPES.register('hexagon', 6)\n")
    with caplog.at_level(logging.WARNING):
        assert list(SHAPES) == ["triangle", "hexagon"]
        assert list(SHAPES) == ["triangle", "hexagon"]
    line = (
        "the plug-in 'adds-broken' of broken 1.5 cannot be loaded (RuntimeError: two lines); fix or remove it"
    )
    assert [record.getMessage() for record in caplog.records] == [line]
    with pytest.raises(IsthmusError) as refusal:
        SHAPES.find("hexagn")
    assert str(refusal.value) == (
        f"unknown shape 'hexagn': did you mean 'hexagon'? (valid: triangle, hexagon); {line}"
    )


@pytest.mark.parametrize("code", ["raise SystemExit(3)", "import no_such_module_anywhere", "SHAPES ="])
def test_no_way_of_failing_ends_the_program(install, caplog, code):
    install("failing", code)
    assert list(SHAPES) == ["triangle"]
    assert "adds-failing" in caplog.text


def test_a_name_is_registered_once():
    with pytest.raises(ValueError, match="a shape named 'triangle' is registered already"):
        SHAPES.register("triangle", 4)
    with pytest.raises(ValueError, match="the name of a shape is ''"):
        SHAPES.register("", 0)


def test_an_unknown_name_of_a_mapping_is_a_key_error(install):
    assert SHAPES.get("circle") is None
    with pytest.raises(KeyError):
        SHAPES["circle"]
