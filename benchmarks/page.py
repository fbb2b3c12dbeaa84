"""docs/benchmarks.md, from the committed results alone: `python -m benchmarks.page`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
TRIED = Path(__file__).parent / "tried.md"  # by hand
PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"


def training_section() -> list[str]:
    """A training step: how many times longer the others take, and memory."""
    lines = [
        "## A training step",
        "",
        "Forward, loss and backward at 256x256 as `isthmus train` runs them (bfloat16 where the processor has",
        "instructions for it, channels-last), beside the same layers written plainly (MultiResUNet's and UNet++'s are",
        "our own) and run eagerly in float32, contiguous, and MONAI's BasicUNet and BasicUNetPlusPlus of the same",
        "widths as they are and with channels-last and bfloat16 switched on; each in a process of its own, one after",
        "the other and then all again, medians. First how many times longer they take than isthmus, then images a",
        "second. Operations are counted from the plain layers; the matrix rate is that of a large product measured in",
        "the same run. Memory is the process's, at the highest of a first step above the level before it, and as a",
        "share of plain: with the C library as it is, and with freed memory kept, as training on a processor keeps it",
        "and as all are timed. With `network.options.checkpoint` parts are computed again instead of kept, and freed",
        "memory goes back to the system.",
        "",
    ]
    rows = [
        row
        for path in sorted(RESULTS.glob("training-*.json"), key=lambda path: path.stem)
        for row in read(path)["rows"]
    ]
    for place, here in grouped(rows, training_place):
        rates = [max(row[key] for row in here) / 1e12 for key in ("matrix_rate", "float32_matrix_rate")]
        names = list(dict.fromkeys(name for row in here for name in row["seconds"]))
        lines += [
            f"### {place}",
            "",
            f"Matrix product: {rates[0]:.2f} TFLOP/s in {here[0]['precision']}, {rates[1]:.2f} in float32.",
            "",
            f"| network, batch | of matrix rate | {' | '.join(names)} |",
            f"|---|---:|{'---:|' * len(names)}",
        ]
        for row in here:
            ours = row["seconds"]["isthmus"]
            share = row["operations_per_step"] / ours / row["matrix_rate"]
            cells = [
                f"**{seconds / ours:.2f}** ({row['batch'] / seconds:.3g})"
                if (seconds := row["seconds"].get(name))
                else "-"
                for name in names
            ]
            lines.append(f"| {row['network']}, {row['batch']} | {share:.0%} | {' | '.join(cells)} |")
        names = list(dict.fromkeys(name for row in here for name in row["peak_memory_bytes"]))
        lines += ["", f"| memory (MiB) | {' | '.join(names)} |", f"|---|{'---:|' * len(names)}"]
        for row in here:
            memory = row["peak_memory_bytes"]
            cells = [
                f"**{taken / memory['plain']:.2f}** ({taken / 2**20:.0f})"
                if (taken := memory.get(name))
                else "-"
                for name in names
            ]
            lines.append(f"| {row['network']}, {row['batch']} | {' | '.join(cells)} |")
        lines.append("")
    return lines


def training_place(row: dict[str, Any]) -> str:
    """Where a row was measured."""
    machine = row["machine"]
    threads = f"{machine['threads']} thread{'s' * (machine['threads'] != 1)}"
    where = machine["gpu"] if machine["device"] != "cpu" else f"{machine['processor']}, {threads}"
    return f"{where}, instructions: {row['instructions']}, torch {machine['packages']['torch']}"


def read(path: Path) -> Any:
    """A file of results."""
    return json.loads(path.read_text(encoding="utf-8"))


def grouped(
    rows: list[dict[str, Any]], key: Callable[[dict[str, Any]], str]
) -> list[tuple[str, list[dict[str, Any]]]]:
    """Rows by the word that ``key`` gives them, in order of first appearance."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return list(groups.items())


def kept_section() -> list[str]:
    """What MILDNet keeps for the backward pass."""
    result = read(RESULTS / "kept.json")
    variants = result["variants"]
    kinds = sorted(
        {kind for sizes in variants.values() for kind in sizes},
        key=lambda kind: (-kept_at_most(variants, kind), kind),
    )
    cells = [[f"{sizes.get(kind, 0) / 2**20:.1f}" for sizes in variants.values()] for kind in kinds]
    sums = [f"**{sum(sizes.values()) / 2**20:.1f}**" for sizes in variants.values()]
    return [
        "## Where MILDNet's memory goes",
        "",
        f"MiB that a step at {result['size']}x{result['size']}, batch {result['batch']}, keeps for the backward pass,",
        "each tensor counted once. Normalisation and ReLU in front of convolutions are computed again from the",
        "normalisation's input, which is kept anyway; where a ReLU's result is only added or concatenated, one byte a",
        "value says where it was above zero; sums of branches, ReLUs and additions work in place. The input of each",
        "normalisation, concatenations and what convolutions read that no ReLU made are needed as they are. The places",
        "of pooling's maxima, for which the framework keeps eight bytes each, are found again.",
        "",
        f"| kept | {' | '.join(variants)} |",
        f"|---|{'---:|' * len(variants)}",
        *(f"| {kind} | {' | '.join(row)} |" for kind, row in zip(kinds, cells, strict=True)),
        f"| together | {' | '.join(sums)} |",
        "",
    ]


def kept_at_most(variants: dict[str, dict[str, int]], kind: str) -> int:
    """Bytes of a kind in the variant that keeps most of it."""
    return max(sizes.get(kind, 0) for sizes in variants.values())


def epoch_section() -> list[str]:
    """Where an epoch's time goes, by machine."""
    lines = [
        "## An epoch",
        "",
        "`isthmus train` as it is on random images with the number and sizes of two data sets: the share of an epoch",
        "spent in forward, backward and optimiser, in waiting for data and in validation with its metrics, and the",
        "seconds from the call to the end of the first step.",
        "",
    ]
    for path in sorted(RESULTS.glob("epoch-*.json")):
        result = read(path)
        machine = result["machine"]
        lines += [
            f"### {machine['gpu'] or machine['processor']}, {machine['threads']} threads",
            "",
            "| images like | augmentation | steps | waiting | validation | seconds an epoch | to the first step |",
            "|---|---|---:|---:|---:|---:|---:|",
        ]
        for row in result["rows"]:
            shares = " | ".join(f"{row[f'share_{key}']:.1%}" for key in ("steps", "waiting", "validating"))
            lines.append(
                f"| {row['data']} | {row['augmentation']} | {shares} | {row['seconds_an_epoch']:.1f} "
                f"| {row['seconds_to_first_step']:.1f} s |"
            )
        lines += ["", f"`isthmus --help` takes {result['help_seconds']:.2f} s of processor time.", ""]
    return lines


def growth_section() -> list[str]:
    """Cost by size."""
    lines = [
        "## Cost by size",
        "",
        "Over a hundredfold range: seconds, and in brackets the seconds of an image (or megapixel) beside those of the",
        "smallest size; 1 is linear, less is better.",
        "",
        "| | by | smallest | tenfold | hundredfold |",
        "|---|---|---:|---:|---:|",
    ]
    for path in sorted(RESULTS.glob("growth-*.json")):
        for row in read(path)["rows"]:
            cells = " | ".join(
                f"{size}: {seconds:.3g} s ({ratio:.2f})"
                for size, seconds, ratio in zip(row["sizes"], row["seconds"], row["ratio"], strict=True)
            )
            lines.append(f"| {row['what']} | {row['unit']} | {cells} |")
    return [*lines, ""]


def large_section() -> list[str]:
    """Memory beyond image and mask, by size."""
    lines = [
        "## Large images",
        "",
        "Five classes at native scale, two tiny U-Nets on one thread: the most memory beyond the image and its mask,",
        "both of a byte a pixel, and what the logits of the whole image would take. With batch normalisation (`unet`)",
        "tiles are cropped and memory stays the same; with instance normalisation they are averaged and the sums of",
        "one row of tiles come to it, in a volume of one slab. Freed memory goes back to the system here; glibc by",
        "default keeps some of it, and `isthmus predict` all, which came to a twentieth more.",
        "",
        "| network | image | beyond image and mask (MiB) | logits (MiB) |",
        "|---|---|---|---|",
    ]
    for path in sorted(RESULTS.glob("large-*.json")):
        for row in read(path)["rows"]:
            size = f"{row['side']}^3" if row["dimensions"] == 3 else f"{row['side']}x{row['side']}"
            beyond, logits = (f"{row[key] / 2**20:.0f}" for key in ("memory_beyond_bytes", "logits_bytes"))
            lines.append(f"| {row['network']} | {size} | **{beyond}** | {logits} |")
    return [*lines, "", *seams()]


def seams() -> list[str]:
    """Tiles beside the image in one piece."""
    path = RESULTS / "seams.json"
    if not path.is_file():
        return []
    result = read(path)
    lines = [
        "## Seams",
        "",
        f"The default network, trained on patches of {result['patch']}x{result['patch']} of ISBI-2012, with instance",
        "normalisation: six slices of 512x512 in tiles beside the slice in one piece, by the statistics of each",
        "tile and by those of the image ([large images](large-images.md)). Without such statistics both are the",
        "same, which a test holds.",
        "",
        "| tiles | statistics of the | Dice to one piece | lowest | to the truth | in one piece to the truth |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for row in result["rows"]:
        same, truth, whole = (sum(row[key]) / len(row[key]) for key in ("dice", "truth", "whole_truth"))
        lines.append(
            f"| {row['tile']}x{row['tile']} | {row['statistics']} | **{same:.4f}** | {min(row['dice']):.4f} "
            f"| {truth:.4f} | {whole:.4f} |"
        )
    canvas = {row["statistics"]: f"{row['truth']:.4f}" for row in result["canvas"]}
    lines += [
        "",
        f"One slice on an empty canvas of three times its side: Dice to the truth {canvas['tile']} by the",
        f"statistics of the tile, {canvas['image']} by those of the image.",
    ]
    return [*lines, ""]


def inference_section() -> list[str]:
    """Prediction by engine: how many times longer than the best of the others, then images a second."""
    results = [read(path) for path in sorted(RESULTS.glob("inference-*.json"))]
    lines = [
        "## Prediction",
        "",
        "The same networks run by isthmus as `isthmus predict` does by itself, by its layers as they are, by",
        "`torch.compile`, eagerly by PyTorch (float32, contiguous), by ONNX Runtime and by OpenVINO; the engines take",
        "turns in one process; medians. First how many times longer than the best of the others it takes, then images",
        "a second. The process keeps freed memory, as `isthmus predict` does. Large images go through normalisation,",
        "tiles and class indices too: `python -m benchmarks.inference`.",
        "",
    ]
    for result in results:
        machine = result["machine"]
        names = list(dict.fromkeys(name for row in result["rows"] for name in row["images_per_second"]))
        clock = "processor seconds" if machine["clock"] == "processor" else "wall time"
        threads = f"{machine['threads']} thread{'s' * (machine['threads'] != 1)}"
        versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
        lines += [f"### {machine['processor']}, {threads}, {clock}", "", f"{versions}.", ""]
        lines += [f"| network | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
        for row in result["rows"]:
            cells = [
                f"**{row['best_over'][name]:.2f}** ({rate:.3g})"
                if (rate := row["images_per_second"].get(name)) is not None
                else "-"
                for name in names
            ]
            lines.append(
                f"| {row['part']}, widths {row['widths'][0]} to {row['widths'][-1]} | {' | '.join(cells)} |"
            )
        lines.append("")
    return lines if results else []


def page() -> str:
    """The whole page."""
    lines = [
        "# Speed and memory",
        "",
        "Generated from `benchmarks/results/*.json` by `python -m benchmarks.page`. To measure all of it",
        "anew: `make bench EXTRAS=dev,export,peers`; a part by itself: `python -m benchmarks.training --help`.",
        "",
        *training_section(),
        *kept_section(),
        *inference_section(),
        *epoch_section(),
        *growth_section(),
        *large_section(),
        "## Augmentation",
        "",
        "See [augmentation](augmentation.md).",
        "",
    ]
    lines += ["## Metrics", "", "See [metrics](metrics.md).", ""]
    lines.append(TRIED.read_text(encoding="utf-8"))
    return "\n".join(lines)


def main() -> None:
    """Write the page."""
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE)


if __name__ == "__main__":
    main()
