"""The tables of a study, as text, CSV and LaTeX."""
