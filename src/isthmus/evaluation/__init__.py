"""Masks compared with masks. Nothing here knows a network."""
