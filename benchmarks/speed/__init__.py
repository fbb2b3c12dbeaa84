"""Benchmarks of time, and the page docs/benchmarks.md."""
