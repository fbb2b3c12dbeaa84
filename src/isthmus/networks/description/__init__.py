"""Cards, receptive fields, costs."""
