"""Drawn pictures with exact masks: cells, nuclei, organs."""
