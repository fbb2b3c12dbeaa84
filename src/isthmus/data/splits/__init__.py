"""Which cases train and which are scored: folds, protocols, files of splits."""
