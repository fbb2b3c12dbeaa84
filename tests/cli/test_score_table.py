"""The table of scores."""

from __future__ import annotations

import pytest

from isthmus.evaluation import scores as module


@pytest.mark.parametrize("columns", [20, 60, 80, 100, 200])
def test_the_table_cuts_nothing(
    columns: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers and metrics stay whole on one line, names of classes over several."""
    from isthmus.cli.score_table import print_scores

    monkeypatch.setenv("COLUMNS", str(columns))
    names = ("foreground", "left ventricular myocardium [of the heart], end of diastole")
    cases = {"dice": 0.123456, "hausdorff_distance": 123456.78912, "average_surface_distance": 1.5}
    counts = {"prediction_points": 1, "truth_points": 0}
    print_scores(
        module.Evaluation([{"class": name, **cases, **counts} for name in names for _ in range(12345)])
    )
    text = capsys.readouterr().out
    assert "…" not in text
    assert text.count("123456.7891") == 2
    assert text.count(" 12345 ") == 2 * 2 * len(cases)  # n, and false alarms
    assert all(text.count(title) == 2 for title in ("Hausdorff distance", "Dice"))
    assert "Average surface distance" in text
    width = min(line.index("Dice") for line in text.splitlines() if "Dice" in line)
    folded = "".join(line[:width].replace(" ", "") for line in text.splitlines()[1:])
    assert "".join(names).replace(" ", "") in folded
