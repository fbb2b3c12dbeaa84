"""docs/results/boundaries.md, from the committed JSON alone."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

from benchmarks.boundaries.page_organs import organs
from benchmarks.boundaries.prose import picture, recipe, table, text
from benchmarks.boundaries.runs import PAGE, kept
from isthmus.runs.files import write_text

Result = dict[str, Any]


def write() -> str:
    """Write the page; gives its path."""
    write_text(PAGE, page())
    return str(PAGE)


def page() -> str:
    """The whole page."""
    parts: dict[str, Callable[[Result], list[str]]] = {
        "nuclei": nuclei,
        "organs": organs,
        "ct": ct,
        "brain": brain,
    }
    found = {name: result for name in parts if (result := kept(name))}
    lines = [
        "# Boundaries: HMEDN's method, end to end",
        "",
        *text(
            "Generated from `benchmarks/results/boundaries-*.json` by `python -m benchmarks.boundaries",
            "page`.",
            "All of it again:",
        ),
        "```",
        "python -m benchmarks.boundaries nuclei organs ct brain --data DATA --out RUNS",
        "```",
        "",
        *text(
            "DATA holds `dsb-2018`, `ct-totalsegmentator` and `brats-2015-deepmedic`. Each run is a run",
            "folder; one",
            "that was stopped goes on, one that is finished is left alone, and `--only NAME` takes a",
            "single run.",
        ),
    ]
    for result in list(found.values())[:1]:
        machine = result["machine"]
        versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
        lines += text(
            f"Machine: {machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB,",
            "no GPU;",
            f"Python {machine['python']}, {versions}. One thread a run, bfloat16. Minutes are by the",
            "clock with three",
            "to six busy processes on the two cores, so two to four times what a run takes alone;",
            "networks and",
            "trainings were chosen to be small.",
        )
    for name, result in found.items():
        lines += parts[name](result)
    return "\n".join(lines).rstrip() + "\n"


TITLES = {
    "heads": "our default network, contour and marker heads",
    "body": "the same network without heads",
    "nuclei_resnet34": "`nuclei_resnet34`, random weights",
}


def nuclei(result: Result) -> list[str]:
    """DSB-2018."""
    runs = result["runs"]
    rows = []
    for name, each in runs.items():
        for way, found in each["ways"].items():
            scores = [
                f"{found[key]:.3f}" for key in ("object_f1", "object_dice", "dice", "aggregated_jaccard")
            ]
            counts = f"{found['prediction_objects']:.0f} / {found['truth_objects']:.0f}"
            pairs = f"{found['parted']:.0f} / {found['touching']:.0f}"
            rows.append([TITLES[name], way, *scores, pairs, counts])
    costs = ", ".join(
        f"{name} {each['cost']['minutes']:.0f} ({each['cost']['parameters'] / 1e6:.1f} M parameters)"
        for name, each in runs.items()
    )
    test, choosing = len(result["test"]), len(result["choosing"])
    lines = [
        "## Touching nuclei: DSB-2018",
        "",
        *text(
            f"120 images of the corrected stage 1: {120 - test} to train with, of which {choosing}",
            "choose the best epoch,",
            f"and {test} that are only scored, in proportion to the kinds of picture (seeded). The",
            "table has means over",
            f"the {test} images at their own scale. From the maps of one network objects are made in",
            "several ways. AJI:",
            "aggregated Jaccard index. Pairs parted: of the true nuclei that share a side those that",
            "lie in two objects, at",
            "least half of each in its own. Found / true: objects in all images together.",
        ),
        *table(
            [
                "network",
                "objects by",
                "object F1",
                "object Dice",
                "Dice",
                "AJI",
                "pairs parted",
                "found / true",
            ],
            rows,
        ),
    ]
    if "heads" in runs and "body" in runs:
        found = runs["heads"]["ways"]["contour and marker"]
        ours, parted, pairs = found["object_f1"], found["parted"], found["touching"]
        joined = runs["body"]["ways"]["components"]["parted"]
        parts, peaks = (runs["body"]["ways"][way]["object_f1"] for way in ("components", "distance peaks"))
        lines += text(
            f"With heads object F1 is {ours:.3f}; without them {parts:.3f} by connected components",
            f"({ours - parts:+.3f})",
            f"and {peaks:.3f} by distance peaks ({ours - peaks:+.3f}), which find twice as many objects",
            "as there are, but",
            f"part more pairs. Of the pairs that share a side, {parted:.0f} of {pairs:.0f} are told",
            "apart with heads and",
            f"{joined:.0f} without: after so short a training most stay joined. One run each (seed 0).",
        )
    return [
        *lines,
        *text(f"Minutes of training: {costs}. The recipe, beside the split:"),
        *recipe(result["recipe"]),
        *text("The images with most touching pairs told apart by heads alone:"),
        *picture(result["pictures"]["touching"], "touching nuclei told apart"),
        *text("The two best by object F1, the three worst, and the one where heads lose most:"),
        *picture(result["pictures"]["best-worst"], "best and worst nuclei"),
    ]


def ct(result: Result) -> list[str]:
    """One CT."""
    count = len(result["costs"])
    rows = [
        [
            name,
            row["voxels"],
            *(f"{row[when]['dice']:.3f}" for when in ("before", "after")),
            *(f"{row[when]['average_surface_distance']:.1f}" for when in ("before", "after")),
            *(None if part is None else f"{part:.2f}" for part in row["parts"]),
        ]
        for name, row in result["organs"].items()
    ]
    minutes, first = (statistics.fmean(e["minutes"] for e in result[k]) for k in ("costs", "region_costs"))
    return [
        "## Organs of one CT, in two steps",
        "",
        *text(
            f"The abdominal CT of TotalSegmentator's tests (30 slices at 3 mm) in {count} stretches of",
            "six slices; each is",
            "held out once (`protocol.kind=within-case`), and a first network at low resolution finds",
            "the region that",
            "HMEDN then sees (`roi`). The labels are that program's output, neighbouring slices are",
            "alike, and the best",
            "epoch is chosen on the scored slices: **this shows that it runs, not how well it would do",
            "on another",
            "patient**.",
        ),
        *table(
            [
                "organ",
                "voxels",
                "Dice before",
                "after",
                "ASD before",
                "after",
                *(f"part {index}" for index in range(count)),
            ],
            rows,
        ),
        *text(
            "Over the whole CT, before and after clean-up of it (merging); ASD in mm. Parts are Dice",
            f"after clean-up by held-out part, from the feet up (-: the organ is not there). {count}",
            f"runs of {minutes:.1f}",
            f"minutes, and {first:.1f} for the first network; masks lie in space where their images do,",
            "voxel for voxel:",
            f"{'yes' if result['in_place'] else '**no**'}.",
        ),
        *recipe(result["recipe"]),
        *text("The slice agreed on most, one in the middle, and the two worst:"),
        *picture(result["pictures"]["ct"], "organs of one CT"),
    ]


REGIONS = ("WT", "TC", "ET")


def brain(result: Result) -> list[str]:
    """BraTS."""
    training, predicting, full = result["training"], result["predicting"], result["full_size"]
    words = " ".join(f"'{word}'" if set(word) & set(" {[") else word for word in result["words"])
    beside = " ".join(f"'{word}'" for word in result["beside"])
    scores: dict[tuple[str, str], dict[str, Result]] = {}
    for name, key in ((result["cost"]["network"], "scores"), ("our default", "beside_scores")):
        for row in result[key]:
            scores.setdefault((name, f"{row['case']} ({row['set']})"), {})[row["class"]] = row
    asked = result["asked_gib"]
    peaks = [training["peak_mib"], predicting["peak_mib"], full["peak_mib"]]
    step = f"a step of the paper's {full['network']} ({full['parameters'] / 1e6:.2f} M) on {full['side']}³"
    return [
        "## A brain in two modalities, in 3D",
        "",
        *text(
            "BraTS 2015, FLAIR and T1 with contrast; regions drawn each by itself. Two patients train,",
            "a third at the",
            "same 2 mm chooses the epoch (so its score is optimistic), a fourth at 1 mm is only scored.",
            "Killed with",
            f"SIGKILL after {training['killed_after_epochs']} epochs and resumed to",
            f"{training['epochs']}; the epochs before",
            "the kill stand in the resumed run's history as they were:",
            f"{'yes' if training['history_kept'] else '**no**'}.",
        ),
        "```",
        f"isthmus train brats --root ROOT --out RUN {words}",
        "isthmus train --out RUN --resume",
        "isthmus predict RUN brats --root ROOT --out MASKS",
        "```",
        "",
        *table(
            [
                "network",
                "volume",
                *(f"Dice {region}" for region in REGIONS),
                *(f"HD95 {region}, mm" for region in REGIONS),
                *(f"found / true {region}" for region in REGIONS),
            ],
            [
                [
                    *names,
                    *(f"{row[region]['dice']:.3f}" for region in REGIONS),
                    *(f"{row[region]['hausdorff_distance_95']:.1f}" for region in REGIONS),
                    *(
                        f"{row[region]['prediction_points'] / row[region]['truth_points']:.2f}"
                        for region in REGIONS
                    ),
                ]
                for names, row in scores.items()
            ],
        ),
        *text(
            f"{result['cost']['epochs']} epochs of 20 steps each: {result['cost']['minutes']:.1f}",
            "minutes, our default network",
            f"({beside} instead) {result['beside_cost']['minutes']:.1f}. Found / true: how many times",
            "the true volume is",
            "found. Two patients and so few steps make no good network; what this part shows is that",
            "such data goes all",
            "the way through.",
        ),
        *text(f"Peak memory against the {asked:g} GiB asked (VmHWM of the process):"),
        *table(
            ["process", "peak, GiB", "time"],
            [
                ["training after the kill", f"{peaks[0] / 1024:.2f}", f"{training['seconds'] / 60:.1f} min"],
                ["predicting all four volumes", f"{peaks[1] / 1024:.2f}", f"{predicting['seconds']} s"],
                [
                    f"{step}, `checkpoint=true`",
                    f"{peaks[2] / 1024:.2f}",
                    f"{full['seconds']:.0f} s of processor time",
                ],
            ],
        ),
        *text(
            f"All below {asked:g} GiB: {'yes' if max(peaks) < asked * 1024 else '**no**'}.",
            "No pictures here: the scans are CC BY-NC-SA 3.0.",
        ),
    ]
