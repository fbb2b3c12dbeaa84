"""The page of a run: whole, safe, honest about what is missing."""

from __future__ import annotations

import base64
import hashlib
import re

import numpy as np
import pytest

from isthmus.errors import IsthmusError
from isthmus.report import write_report

from .conftest import CASES, MakeRun, disks, one_class, pictures
from .page import Page


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
