"""The pieces of work of `speed.against`, in whichever tree is imported from: public API and command line only.

python against_work.py WORK SCRATCH TOY      answers every line with the processor seconds of one round of the work
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

Work = Callable[[], Any]
HARDWARE = {"threads": 1, "device": "cpu"}


def importing(scratch: Path, toy: bool) -> Work:  # noqa: ARG001
    """Imports the public names in a fresh process."""
    code = "import isthmus; isthmus.create_model, isthmus.train"
    return lambda: subprocess.run([sys.executable, "-c", code], check=True)


def helping(scratch: Path, toy: bool) -> Work:  # noqa: ARG001
    """Runs `isthmus --help` in a fresh process."""
    command = [sys.executable, "-m", "isthmus", "--help"]
    return lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def step(name: str, dims: int, side: int, times: int, scratch: Path, toy: bool) -> Work:  # noqa: ARG001
    """Takes training steps of a network: forward pass, loss, backward pass, Adam; bfloat16 and channels-last."""
    import torch

    import isthmus

    torch.set_num_threads(1)
    torch.manual_seed(0)
    side, widths = (16, (2, 4)) if toy else (side, (16, 32, 64))
    scale = {} if name == "multiresunet" else {"widths": widths}
    layout = torch.channels_last if dims == 2 else torch.channels_last_3d
    network = isthmus.create_model(name, spatial_dims=dims, **scale).to(memory_format=layout).train()
    optimiser = torch.optim.Adam(network.parameters())
    image = torch.randn(2, 1, *[side] * dims).contiguous(memory_format=layout)
    truth = (torch.rand(2, 1, *[side] * dims) > 0.5).float()

    def one() -> None:
        with torch.autocast("cpu", torch.bfloat16):
            found = network(image)
        logits = found["logits"] if isinstance(found, dict) else found
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits.float(), truth)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()

    return lambda: [one() for _ in range(1 if toy else times)]


def images(folder: Path, count: int, side: int) -> Path:
    """Writes a data set of random images and masks of squares."""
    import cv2
    import numpy as np

    random = np.random.default_rng(0)
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for index in range(count):
        squares = random.integers(0, 2, (8, 8), dtype=np.uint8)
        mask = np.kron(squares, np.ones((side // 8, side // 8), np.uint8))
        image = mask * 100 + random.integers(0, 100, mask.shape, dtype=np.uint8)
        cv2.imwrite(str(folder / "images" / f"{index:03d}.png"), image)
        cv2.imwrite(str(folder / "masks" / f"{index:03d}.png"), mask * 255)
    return folder


def trained(scratch: Path, **data: Any) -> Path:
    """Trains for one epoch, and returns the run folder."""
    import isthmus

    source = images(scratch / "data", 5, 64)
    run = scratch / "run"
    isthmus.train(
        {"source": str(source), **data},
        run,
        input={"patch": [64, 64]},
        network={"options": {"widths": [8, 16]}},
        training={"epochs": 1, "samples": 4, "batch": 2},
        hardware=HARDWARE,
    )
    return run


def training(scratch: Path, toy: bool) -> Work:
    """Trains briefly, from files to run folder."""
    import isthmus

    source, count = images(scratch / "data", 5 if toy else 24, 64), iter(range(10**6))
    return lambda: isthmus.train(
        str(source),
        scratch / f"run-{next(count)}",
        network={"options": {"widths": [4, 8]}},
        training={"epochs": 1 if toy else 4, "batch": 4},
        hardware=HARDWARE,
    )


def predicting(side: int, instances: bool, scratch: Path, toy: bool) -> Work:
    """Segments files to masks: one image in tiles, or objects told apart."""
    import isthmus

    run = trained(scratch, instances=True) if instances else trained(scratch)
    source = images(scratch / "new", 1, 64 if toy else side) / "images"
    out = scratch / "masks"
    return lambda: isthmus.predict(run, source, out, device="cpu", engine="torch", overwrite=True)


def masks(side: int) -> tuple[Any, Any]:
    """Returns two unlike masks of some hundred blobs."""
    import cv2
    import numpy as np

    random = np.random.default_rng(0)
    noise = [random.standard_normal((side, side)).astype(np.float32) for _ in range(3)]
    smooth = [cv2.GaussianBlur(each, (0, 0), 6) for each in noise]
    fields = (smooth[0] + 0.3 * smooth[1], smooth[0] + 0.3 * smooth[2])
    return fields[0] > fields[0].std(), fields[1] > fields[1].std()


def scoring(instances: bool, scratch: Path, toy: bool) -> Work:  # noqa: ARG001
    """Computes all metrics of a mask, or of objects by their numbers."""
    import cv2

    from isthmus.metrics import score_case

    found, truth = masks(64 if toy else 768)
    if instances:
        found, truth = (cv2.connectedComponents(each.astype("uint8"))[1] for each in (found, truth))
    return lambda: score_case(found, truth, instances=instances)


def checking(scratch: Path, toy: bool) -> Work:
    """Runs `isthmus data check`, which reads every file of a folder."""
    from isthmus.cli.main import main

    source = images(scratch / "data", 3 if toy else 60, 256)

    def work() -> None:
        sys.argv = ["isthmus", "data", "check", str(source)]
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            try:
                main()
            except SystemExit as ended:
                if ended.code:
                    raise RuntimeError(said.getvalue()) from ended

    return work


WORKS: dict[str, Callable[[Path, bool], Work]] = {
    "import isthmus": importing,
    "isthmus --help": helping,
    "training steps, unet 2D": partial(step, "unet", 2, 128, 8),
    "training steps, mildnet 2D": partial(step, "mildnet", 2, 96, 4),
    "training steps, multiresunet 2D": partial(step, "multiresunet", 2, 64, 4),
    "training steps, unet 3D": partial(step, "unet", 3, 32, 4),
    "a short training, files to run folder": training,
    "prediction of an image in tiles": partial(predicting, 1536, False),
    "prediction of objects": partial(predicting, 768, True),
    "all metrics of a mask": partial(scoring, False),
    "all metrics of objects": partial(scoring, True),
    "check of a folder of images": checking,
}


def spent() -> float:
    """Returns the processor seconds of this process and of its children that have ended."""
    try:
        import resource
    except ImportError:  # Windows, whose clock for this is coarser
        return sum(os.times()[:4])
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def main() -> None:
    """Prepares the work, then answers every line."""
    name, scratch, toy = sys.argv[1:]
    answers, sys.stdout = sys.stdout, sys.stderr
    import isthmus

    sources = Path(os.environ["PYTHONPATH"])
    if sources not in Path(isthmus.__file__).parents:
        raise SystemExit(f"isthmus is imported from {isthmus.__file__}, not from {sources}")
    Path(scratch).mkdir(parents=True)
    work = WORKS[name](Path(scratch), toy == "1")
    for _ in sys.stdin:
        start = spent()
        work()
        print(json.dumps(spent() - start), file=answers, flush=True)


if __name__ == "__main__":
    main()
