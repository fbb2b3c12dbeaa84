"""The page of a run: whole, safe, honest about what is missing."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from isthmus.errors import IsthmusError
from isthmus.report import write_report

from .conftest import CASES, MakeRun, disks, one_class, pictures


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


def test_headline_says_what_was_trained_and_how_well(make_run: MakeRun) -> None:
    run = make_run(rows=one_class({"c": 0.8, "d": 0.9, "e": 0.7}))
    out = write_report(run)
    assert out == run / "report.html"
    page = Page(out)
    assert "unet on my nuclei" in page.text
    for words in (
        "31,031,685 parameters · best epoch 2 of 3 · trained in 3 min 20 s",
        "0.800 ± 0.100 n = 3, none missed",
        "Cases 2 train, 1 validation",
        "resized to 64 × 96",
        "3 of at most 5",
        "Seed 7",
        "packages.torch 2.13.0",
        "The epoch was chosen by its score on these same cases",
        "No pictures were drawn",
    ):
        assert words in page.text


def test_losses_are_told_by_head(make_run: MakeRun) -> None:
    run = make_run()
    recipe = run / "recipe.yaml"
    plain = recipe.read_text(encoding="utf-8")
    recipe.write_text(plain + "objective: {heads: {logits: {bce: 1.0, dice: 0.5}}}\n", encoding="utf-8")
    assert "Loss bce: 1, dice: 0.5" in Page(write_report(run)).text
    heads = "objective: {heads: {logits: {bce: 1.0}, contour: {mse: 2.0}}}\n"
    recipe.write_text(plain + heads, encoding="utf-8")
    assert "Loss logits – bce: 1; contour – mse: 2" in Page(write_report(run)).text


def test_page_reaches_for_nothing_outside(make_run: MakeRun) -> None:
    page = Page(write_report(make_run(rows=one_class({"c": 0.5})), images=pictures(["c"])))
    for tag, attributes in page.tags:
        assert tag not in ("link", "iframe", "object", "embed", "form", "base")
        for name in ("src", "href", "xlink:href", "srcset"):
            assert (attributes.get(name) or "data:").startswith(("data:", "#"))
        assert not any(name.startswith("on") for name in attributes)
    style = page.source.partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    policy = next(a["content"] for a in page.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    script = page.source.partition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert f"script-src 'sha256-{digest}'" in policy


def test_ids_are_unique_and_every_reference_has_its_target(make_run: MakeRun) -> None:
    page = Page(write_report(make_run(rows=one_class({"c": 0.5, "d": 0.6})), images=pictures(["c", "d"])))
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    for target in re.findall(r'(?:href="|url\()#([^")]+)', page.source):
        assert target in ids


def test_names_are_shown_as_they_are_and_never_run(make_run: MakeRun) -> None:
    hostile = [
        '<script>alert("1")</script>',
        "a & b",
        'it\'s "quoted"',
        "Größe 例 $x^2$ {{ 7 * 7 }}",
        "x\u2028y",
    ]
    run = make_run("<b>run</b>", one_class({name: 0.5 + 0.1 * i for i, name in enumerate(hostile)}))
    page = Page(write_report(run, images=pictures(hostile)))
    assert len(page.all("script")) == 1
    assert not page.all("b")
    shown = [row[1] for row in page.cases if row]
    assert sorted(shown) == sorted(hostile)
    assert "49" not in page.text.split()


def test_a_metric_named_like_markup_stays_text(make_run: MakeRun) -> None:
    columns = (*CASES[:5], 'x"><script>')
    page = Page(write_report(make_run(rows=[("c", "c", "test", 0, "cell", 0.5)], columns=columns)))
    assert len(page.all("script")) == 1
    assert 'X"><script>' in [a.get("aria-label") for a in page.all("svg")]


def test_one_epoch(make_run: MakeRun) -> None:
    page = Page(write_report(make_run(epochs=1)))
    assert "Over 1 epoch; the dashed vertical line marks epoch 1" in page.text
    assert [a["aria-label"] for a in page.all("svg") if "aria-label" in a] == [
        "Loss",
        "Validation Dice",
        "Learning rate",
        "Dice",
    ]


def test_no_history(make_run: MakeRun) -> None:
    run = make_run(epochs=0)
    (run / "cost.json").unlink()
    page = Page(write_report(run))
    assert "No epochs were recorded." in page.text
    assert "best epoch" not in page.text


def test_gaps_in_the_history_are_left_out(make_run: MakeRun) -> None:
    run = make_run()
    lines = ["epoch,train_loss,validation_loss,validation_dice,learning_rate,seconds"]
    lines += ["1,0.5,nan,,0.001,1", "2,nan,nan,,0.001,1", "3,inf,nan,,0.001,1"]
    (run / "history.csv").write_text("\n".join(lines), encoding="utf-8")
    (run / "cost.json").unlink()
    labels = [a.get("aria-label") for a in Page(write_report(run)).all("svg")]
    assert "Loss" in labels
    assert "Validation Dice" not in labels


def test_classes_misses_and_undefined_cells(make_run: MakeRun) -> None:
    rows = [
        ("p", "g1", "test", 0, "liver", 0.9, 0.82, 3.0),
        ("p", "g1", "test", 0, "spleen", 0.0, 0.0, "inf"),
        ("q", "g1", "test", 0, "liver", 0.7, 0.54, 5.0),
        ("q", "g1", "test", 0, "spleen", 1.0, 1.0, "nan"),
        ("r", "g2", "validation", 0, "liver", 0.8, 0.67, ""),
    ]
    page = Page(write_report(make_run(rows=rows), images=pictures(["p", "q"])))
    assert "0.650 ± 0.283 n = 2, 1 missed" in page.text
    assert "∞ n = 2, 1 missed" in page.text  # a mean over an infinite distance is infinite
    spleen = [row for row in page.rows if row[:2] == ["test", "spleen"]]
    assert spleen[0] == [
        "test",
        "spleen",
        "Dice",
        "0.500",
        "0.707",
        "0.500",
        "0.000",
        "1.000",
        "2",
        "1",
        "0",
        "0",
    ]
    assert spleen[2] == ["test", "spleen", "Hausdorff distance", "∞", "–", "∞", "∞", "∞", "1", "1", "0", "0"]
    assert spleen[3][2:4] == ["Dice, all cases as one image", "0.667"]  # 2 * 100 / (100 + 2 * 100)
    assert ["test", "all classes", "Dice", "0.650"] in [row[:4] for row in page.rows]
    assert ["2", "p", "g1", "test", "spleen", "0.000", "0.000", "∞"] in page.rows
    assert ["1", "q", "g1", "test", "spleen", "1.000", "1.000", "–"] in page.rows
    assert ["", "r", "g2", "validation", "liver", "0.800", "0.670", "–"] in page.rows
    assert "chosen by its score" not in page.text
    assert page.text.count("Predicted outlines") == 2


def test_tables_name_the_grid_and_never_mix_two(make_run: MakeRun) -> None:
    page = Page(write_report(make_run("one", one_class({"c": 0.8}))))
    assert page.text.count("on the images' own grid") == 3
    assert "Grid" not in page.text
    counts = (100, 100, 80, 1000)
    rows = [
        ("c", "c", "test", 0, "cell", 0.9, 0.8, 1.0, "network", *counts),
        ("c", "c", "test", 0, "cell", 0.5, 0.4, 2.0, "original", *counts),
    ]
    page = Page(write_report(make_run("two", rows)))
    assert "0.500 n = 1, none missed" in page.text
    assert [row[:5] for row in page.cases[1:]] == [
        ["1", "c", "original", "0.500", "0.400"],
        ["", "c", "network", "0.900", "0.800"],
    ]
    assert ["network", "Dice", "0.900"] in [row[:3] for row in page.rows]


def test_what_is_in_neither_mask_is_counted_beside_the_mean(make_run: MakeRun) -> None:
    rows = [
        ("a", "a", "test", 0, "cell", 1.0, 1.0, 0.0, "original", 0, 0, 0, 1000),
        ("b", "b", "test", 0, "cell", 0.0, 0.0, 44.0, "original", 0, 50, 0, 1000),
        ("c", "c", "test", 0, "cell", 0.0, 0.0, 44.0, "original", 50, 0, 0, 1000),
    ]
    page = Page(write_report(make_run(rows=rows)))
    assert ["Dice", "0.333", "0.577", "0.000", "0.000", "1.000", "3", "1", "1", "1"] in page.rows


def test_misses_that_were_not_counted_are_not_claimed(make_run: MakeRun) -> None:
    rows = one_class({"a": 0.0, "b": 0.5})
    page = Page(write_report(make_run(rows=rows, columns=CASES)))
    assert "0.250 ± 0.354 n = 2 " in page.text
    assert ["Dice", "0.250", "0.354", "0.250", "0.000", "0.500", "2", "–", "–", "–"] in page.rows
    assert "own grid" not in page.text


def test_every_metric_is_summarised_and_the_table_of_cases_stays_readable(make_run: MakeRun) -> None:
    from isthmus.metrics import case_rows, score_case
    from isthmus.metrics.table import METRICS, columns

    truth, ours = disks(), disks(shift=2)
    cases = [(truth, truth), (ours, truth), (0 * truth, truth)]
    rows = [
        row
        for i, pair in enumerate(cases)
        for row in case_rows(
            score_case(*pair, classes={1: "cell"}), case=f"c{i}", set="test", grid="original"
        )
    ]
    run = make_run(rows=[tuple(row.values()) for row in rows], columns=columns(objects=True))
    page = Page(write_report(run))
    summary = [row for row in page.rows if len(row) == 10]
    assert len(summary) == len(METRICS) + 2
    assert all(row[-3:] == ["1", "0", "0"] for row in summary[:-2])
    assert len(page.cases[1]) == 2 + 9
    assert "All metrics of every case are in cases.csv." in page.text


def test_a_picture_that_is_missing_leaves_the_others(make_run: MakeRun) -> None:
    run = make_run(rows=one_class({"a": 0.5, "b": 0.9, "c": 0.7, "d": 0.6}))

    def load(case: str) -> tuple[np.ndarray, ...]:
        if case in "ab":
            raise IsthmusError(f"predictions/{case}.png: no such file")
        return pictures(["c", "d"])[case]

    page = Page(write_report(run, images=load))
    assert [a["id"] for a in page.all("article")] == ["case-3", "case-2"]
    for words in ("2 cases could not be drawn. b: predictions/b.png: no such file", "Also: a."):
        assert words in page.text
    assert {row[1] for row in page.cases if row} == set("abcd")
    none = Page(write_report(run, images={}))
    assert "4 cases could not be drawn" in none.text
    assert "No pictures were drawn" not in none.text


def test_gallery_marks_best_median_worst_and_keeps_to_its_limit(make_run: MakeRun) -> None:
    dice = {"a": 0.5, "b": 0.9, "c": 0.7, "d": 0.6, "e": 0.8}
    run = make_run(rows=one_class(dice))
    page = Page(write_report(run, images=pictures(list(dice)), limit=4))
    assert len(page.all("article")) == 4
    for words in ("Best: b", "Median: c", "Worst: a", "4 of 5 cases are shown."):
        assert words in page.text
    links = {row[1] for row in page.cases if row}
    assert links == set(dice)
    assert [a["id"] for a in page.all("article")] == ["case-1", "case-3", "case-5", "case-2"]


def test_images_may_be_a_function_and_volumes(make_run: MakeRun) -> None:
    volume = np.stack([np.zeros((32, 32), dtype=np.uint8), disks(), disks()])
    asked: list[str] = []

    def load(case: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        asked.append(case)
        return volume.astype(np.float32), volume, volume

    page = Page(write_report(make_run(), images=load))
    assert asked == ["c"]
    assert "slice 2 of 3" in page.text


def test_thirty_cases_stay_small(make_run: MakeRun) -> None:
    names = [f"case {i:02d}" for i in range(30)]
    noise = np.random.default_rng(1).normal(128, 25, (256, 256)).astype(np.uint8)
    mask = np.kron(disks(), np.ones((8, 8), dtype=np.uint8))
    run = make_run(rows=one_class({name: 0.5 + i / 100 for i, name in enumerate(names)}))
    out = write_report(run, images=lambda _: (noise, mask, np.roll(mask, 9, axis=1)))
    assert out.stat().st_size < 5_000_000


def test_a_page_that_cannot_be_written_leaves_the_old_one(
    make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run()
    before = write_report(run).read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(IsthmusError, match="No space left on device"):
        write_report(run)
    assert (run / "report.html").read_bytes() == before
    assert not list(run.glob(".*part"))
