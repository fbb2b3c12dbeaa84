"""What the values of a mask mean: classes, objects, borders, pixels to ignore."""
