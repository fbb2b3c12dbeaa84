"""From the maps of a network to masks and objects, and to files."""
