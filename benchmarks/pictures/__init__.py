"""Pictures of the documentation that are drawn by the library's own functions."""
