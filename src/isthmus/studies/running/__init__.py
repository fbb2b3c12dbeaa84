"""Runs the cells of a study: in local processes or on a Ray cluster."""
