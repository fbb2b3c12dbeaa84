"""Layouts of data sets on disk: images and masks side by side, nnU-Net, Medical Segmentation Decathlon."""
