from pathlib import Path

import nibabel as nib
import numpy as np
from PIL import Image

rng = np.random.default_rng(16)
y, x = np.mgrid[:40, :48]
for folder, objects in (("cells", False), ("nuclei", True)):
    for part in ("images", "masks"):
        Path(folder, part).mkdir(parents=True)
    for i in range(6):
        mask = np.zeros((40, 48), np.uint8)
        for n in range(1, 4):
            cy, cx, r = rng.uniform(6, 34), rng.uniform(6, 42), rng.uniform(4, 8)
            mask[(y - cy) ** 2 + (x - cx) ** 2 < r * r] = n if objects else 255
        image = np.clip(60 + 120 * (mask > 0) + rng.normal(0, 12, mask.shape), 0, 255).astype(np.uint8)
        Image.fromarray(image).save(f"{folder}/images/c{i}.png")
        Image.fromarray(mask).save(f"{folder}/masks/c{i}.png")
z, y, x = np.mgrid[:12, :24, :24]
for part in ("images", "masks"):
    Path("organs", part).mkdir(parents=True)
for i in range(3):
    mask = np.zeros(z.shape, np.uint8)
    for n in (1, 2):
        cz, cy, cx = rng.uniform(4, 8), rng.uniform(6, 18), rng.uniform(6, 18)
        mask[((z - cz) / 3) ** 2 + ((y - cy) / 5) ** 2 + ((x - cx) / 5) ** 2 < 1] = n
    image = (40 * mask + rng.normal(0, 6, mask.shape)).astype(np.int16)
    affine = np.diag([0.8, 0.8, 2.0, 1.0])
    nib.save(nib.Nifti1Image(image.transpose(2, 1, 0), affine), f"organs/images/v{i}.nii.gz")
    nib.save(nib.Nifti1Image(mask.transpose(2, 1, 0), affine), f"organs/masks/v{i}.nii.gz")
