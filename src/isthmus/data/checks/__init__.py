"""Checks data sets before training: faults, oddities and duplicates."""
