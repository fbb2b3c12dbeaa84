"""Reads and writes image files: one module per format. Nothing here depends on cases or folds."""
