"""Accuracy on the public samples: the papers' networks, MONAI's BasicUNet and the default, by one protocol."""
