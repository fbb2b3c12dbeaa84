"""``isthmus study``: computes the cells of a study, says how far it is, and writes its tables."""
