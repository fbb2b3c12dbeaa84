"""nnU-Net v2 as a program of one thread: ``PYTHON nnunet_program.py STEP JOB`` of an environment that has `nnunetv2`.

``prepare`` plans and preprocesses the training cases, ``train`` trains fold 0 of its own five, and ``predict`` writes a
mask for each scored case, with nnU-Net's defaults throughout. ``JOB`` is the file that `measured_run` writes.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sys
from pathlib import Path
from typing import Any

JOB: dict[str, Any] = json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
HOME, DATASET = Path(JOB["prepared"]) / "work", "Dataset001_Peers"
os.environ |= {
    "nnUNet_raw": str(HOME / "raw"),
    "nnUNet_preprocessed": str(HOME / "preprocessed"),
    "nnUNet_results": JOB["work"],
    "nnUNet_compile": "f",
    "nnUNet_n_proc_DA": "1" if sys.argv[1] == "prepare" else "0",  # the planner counts threads by it
    "PEER_SECONDS": str(JOB["seconds"]),
}


def prepare() -> None:
    """Writes the data set as nnU-Net reads it, plans, and preprocesses."""
    from nnunetv2.experiment_planning import plan_and_preprocess_api as api

    cases = sorted((Path(JOB["train"]) / "images").iterdir())
    raw = HOME / "raw" / DATASET
    for name in ("imagesTr", "labelsTr"):
        (raw / name).mkdir(parents=True)
    for path in cases:
        shutil.copyfile(path, raw / "imagesTr" / f"{path.stem}_0000.png")
        shutil.copyfile(Path(JOB["train"]) / "masks" / path.name, raw / "labelsTr" / path.name)
    about = {
        "channel_names": {str(i): f"channel {i}" for i in range(JOB["channels"])},
        "labels": {"background": 0, "foreground": 1},
        "numTraining": len(cases),
        "file_ending": ".png",
    }
    (raw / "dataset.json").write_text(json.dumps(about), encoding="utf-8")
    api.extract_fingerprints([1], num_processes=1)
    api.plan_experiments([1])
    api.preprocess([1], configurations=("2d",), num_processes=(1,))


def train() -> dict[str, Any]:
    """Trains, and returns what was trained."""
    import numpy as np
    import torch
    from nnunetv2.run import run_training as module

    random.seed(JOB["seed"])
    np.random.seed(JOB["seed"])  # noqa: NPY002 (nnU-Net draws from it)
    torch.manual_seed(JOB["seed"])
    find_trainer_in(module)
    trainer = module.get_trainer_from_args(
        "1", "2d", 0, "TrainerOfSeconds", device=torch.device(JOB["device"])
    )
    trainer.run_training()
    plan = trainer.configuration_manager
    return {
        "epochs": trainer.num_epochs,
        "steps": trainer.num_epochs * trainer.num_iterations_per_epoch,
        "batch": plan.batch_size,
        "patch": [int(side) for side in plan.patch_size],
    }


def predict() -> None:
    """Writes the masks of the scored cases."""
    import torch
    from nnunetv2.inference import predict_from_raw_data as module

    find_trainer_in(module)
    predictor = module.nnUNetPredictor(device=torch.device(JOB["device"]), allow_tqdm=False)
    model = Path(JOB["work"]) / DATASET / "TrainerOfSeconds__nnUNetPlans__2d"
    predictor.initialize_from_trained_model_folder(str(model), (0,), "checkpoint_final.pth")
    cases = sorted((Path(JOB["test"]) / "images").iterdir())
    targets = [str(Path(JOB["masks"]) / path.stem) for path in cases]
    predictor.predict_from_files_sequential([[str(path)] for path in cases], targets)
    shutil.rmtree(model)  # two checkpoints of 160 MB


def find_trainer_in(module: Any) -> None:
    """Lets a module of nnU-Net find our trainer.

    Its own search imports every trainer it has, and one needs torchvision, which does not work beside torch 2.13 on a
    processor.
    """
    from nnunet_trainer import TrainerOfSeconds

    module.recursive_find_trainer_class_by_name = lambda _name: TrainerOfSeconds


if __name__ == "__main__":
    import torch

    torch.set_num_threads(1)
    found = {"prepare": prepare, "train": train, "predict": predict}[sys.argv[1]]()
    Path(JOB["facts"]).write_text(json.dumps(found or {}), encoding="utf-8")
