"""nnU-Net's own trainer with epochs of 25 steps, as many as fit into the processor seconds of ``PEER_SECONDS``.

All else is nnU-Net's own: planner, network, augmentation, loss, optimiser and schedule.
"""

from __future__ import annotations

import os
import time
from copy import deepcopy
from typing import Any

import torch
from fitted import fitted
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

STEPS, VALIDATION_STEPS = 25, 5
"""In an epoch, a tenth of nnU-Net's 250 and 50, so that an epoch ends within a minute on one thread."""
MEASURED = 2
SAVING = 1.0
"""Processor seconds of an epoch that go into its checkpoint."""


class TrainerOfSeconds(nnUNetTrainer):  # type: ignore[misc, unused-ignore]
    """`nnUNetTrainer` whose epochs are fitted to processor seconds by a few steps that are then forgotten."""

    def __init__(  # nnU-Net stores the arguments by these names
        self, plans: Any, configuration: Any, fold: Any, dataset_json: Any, device: Any
    ) -> None:
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.num_iterations_per_epoch = STEPS
        self.num_val_iterations_per_epoch = VALIDATION_STEPS
        self.save_every = 10**9  # a run of minutes is begun again, not resumed

    def on_train_start(self) -> None:
        super().on_train_start()
        self.logger.plot_progress_png = lambda *_: None  # the picture after every epoch takes a second
        weights = deepcopy(self.network.state_dict())
        epoch = STEPS * self.seconds_of(self._step) + VALIDATION_STEPS * self.seconds_of(self._validation)
        left = float(os.environ["PEER_SECONDS"]) - time.process_time()
        self.num_epochs, self.num_iterations_per_epoch = fitted(left, epoch + SAVING, STEPS)
        self.network.load_state_dict(weights)
        self.optimizer, self.lr_scheduler = self.configure_optimizers()

    def seconds_of(self, step: Any) -> float:
        """Returns the processor seconds of a step; the first of them does not count."""
        step()
        start = time.process_time()
        for _ in range(MEASURED):
            step()
        return (time.process_time() - start) / MEASURED

    def _step(self) -> None:
        self.network.train()
        self.train_step(next(self.dataloader_train))

    def _validation(self) -> None:
        self.network.eval()
        with torch.no_grad():
            self.validation_step(next(self.dataloader_val))
