"""Speed and memory, side by side with what a user would otherwise run; results are committed as JSON."""

from isthmus.memory import large_pages

large_pages()  # before the framework is imported, as the command does
