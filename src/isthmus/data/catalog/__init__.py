"""Public data sets by name, one small module each, which registers it with `register_dataset`."""

from __future__ import annotations

from isthmus.data.catalog import (  # noqa: F401 - importing them registers their data sets
    brats,
    covid_19_ct,
    cvc_clinicdb,
    dsb_2018,
    finding_lungs_ct,
    glas_2015,
    isbi_2012,
    isic_2018,
    kvasir_seg,
    lgg_mri,
    multi_organ_ct,
    murphy_lab,
    nuclei_3627,
)
from isthmus.data.catalog.entry import DATASETS, Entry, register_dataset

__all__ = ["DATASETS", "Entry", "register_dataset"]
