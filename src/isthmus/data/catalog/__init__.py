"""Public data sets by name, one small module each: cases, classes, citation and terms."""

from __future__ import annotations

from isthmus.data.catalog import (
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
from isthmus.data.catalog.entry import Entry

__all__ = ["DATASETS", "Entry"]

DATASETS: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        isic_2018.ENTRY,
        isbi_2012.ENTRY,
        lgg_mri.ENTRY,
        glas_2015.ENTRY,
        dsb_2018.ENTRY,
        murphy_lab.ENTRY,
        cvc_clinicdb.ENTRY,
        kvasir_seg.ENTRY,
        brats.ENTRY,
        covid_19_ct.ENTRY,
        finding_lungs_ct.ENTRY,
        finding_lungs_ct.VOLUMES,
        nuclei_3627.ENTRY,
        multi_organ_ct.ENTRY,
    )
}
