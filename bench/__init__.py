"""Benchmarks of the conductor: apart from the tests, and never part of what is installed."""
