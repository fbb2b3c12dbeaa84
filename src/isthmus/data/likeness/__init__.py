"""How much new images resemble the training images."""
