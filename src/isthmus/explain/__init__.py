"""Which parts of an image a network's answer depends on."""
