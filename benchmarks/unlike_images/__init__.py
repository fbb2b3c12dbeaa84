"""How often images are reported to be unlike those of the training, with and without cause."""
