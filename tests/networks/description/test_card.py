"""Cards: their numbers agree with each other, with the table, and with the pages of the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from isthmus.errors import IsthmusError
from isthmus.networks import describe, list_models, models_table
from isthmus.networks.description.card import CardReport

DOCS = Path(__file__).parents[3] / "docs"

EXACT = {"unet", "unetpp", "multiresunet", "unet3d_cicek"}
AS_PRINTED = {
    *("wide_unet", "sharp_unet", "wide_sharp_unet", "unet_vgg16", "sharp_unet_vgg16", "unet_resnet50"),
    *("sharp_unet_resnet50", "unet_pelvic", "fcn8s", "unet3d_hmedn", "eunet", "dstnet1", "nuclei_vgg16_bn"),
}


@pytest.fixture(scope="module", params=list_models())
def report(request) -> CardReport:
    return describe(request.param)


def test_stage_tables_add_up(report):
    for form in report.forms:
        assert sum(stage.parameters for stage in form.stages) == form.parameters
        assert form.stages[0].in_channels == form.in_channels
        assert any(stage.channels == form.classes for stage in form.stages)
        assert all(stage.size for stage in form.stages)


def test_says_how_the_counts_compare(report):
    """Exact, equal when rounded as in the paper, or different with a reason on the card."""
    name, card = report.name, report.card
    for form in report.forms:
        if form.count.paper is None:
            assert form.count.verdict == "not published"
        elif name in EXACT:
            assert form.count.verdict == "exact"
        elif name in AS_PRINTED:
            assert form.count.verdict == "as printed"
        else:
            assert "%" in form.count.verdict
            assert card.difference
    assert name not in EXACT | AS_PRINTED or card.parameters or card.parameters_3d
    assert ("why it differs" in dict(report.rows())) == bool(card.difference)


def _without_memory(page: str) -> str:
    """Versions of the framework may keep other tensors for the backward pass."""
    return re.sub(r"[\d,]+ MiB", "MiB", page)


def test_its_page_is_up_to_date(report):
    path = DOCS / "networks" / f"{report.name}.md"
    page = path.read_text(encoding="utf-8") if path.exists() else ""
    assert _without_memory(page) == _without_memory(report.to_markdown()), (
        "run: python -m isthmus.networks.description.pages docs"
    )


def test_the_table_and_the_cards_agree():
    table = models_table()
    assert [row["name"] for row in table] == list_models()
    for row in table[::15]:
        form = describe(row["name"]).forms[0]
        assert row["parameters"] == form.parameters
        assert row["receptive_field"] == form.receptive_field
        assert row["flops"] == form.flops
        assert row["verdict"] == form.count.verdict


def test_a_card_reads_well():
    text = describe("mildnet").to_text()
    assert text.splitlines()[0] == "mildnet"
    assert "not published" in text
    assert "940 x 940 pixels" in text
    assert max(map(len, text.splitlines())) < 200
    assert "| decoder.3 | Outer |" in describe("mildnet").to_markdown()


def test_an_unknown_network_gets_the_nearest_name():
    with pytest.raises(IsthmusError, match="did you mean 'mildnet'"):
        describe("midlnet")
