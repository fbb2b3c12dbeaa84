"""``isthmus study``: computes the cells of a study, shows its progress, and writes its tables."""
