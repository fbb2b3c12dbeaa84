"""The tables of a comparison."""
