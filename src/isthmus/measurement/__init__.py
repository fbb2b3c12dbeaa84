"""Measures the objects in masks: their geometry, and the intensities of an image in them."""
