"""Convolutions in bfloat16 with correct results on every processor."""
