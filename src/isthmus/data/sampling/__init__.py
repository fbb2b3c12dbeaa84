"""From cases to the arrays that a network is trained on: patches, slices, resampling, caching."""
