"""How data sets lie on disk: images and masks side by side, nnU-Net, Medical Segmentation Decathlon."""
