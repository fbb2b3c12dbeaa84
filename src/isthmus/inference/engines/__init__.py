"""The ways to run a trained network: as it is, fused, exported."""
