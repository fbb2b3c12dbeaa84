"""Descriptions of networks: cards, receptive fields, costs, pages."""
