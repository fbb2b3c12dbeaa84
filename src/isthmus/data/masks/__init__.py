"""The meaning of mask values: classes, objects, borders, pixels to ignore."""
