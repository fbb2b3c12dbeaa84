"""Pre-trained encoders and their weights."""
