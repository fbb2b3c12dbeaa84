"""Convolutions in bfloat16 that are right on every processor."""
