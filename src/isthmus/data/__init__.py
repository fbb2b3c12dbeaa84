"""Files -> cases -> folds -> samples -> batches."""
