"""Measurements, not tests: run by hand or by make bench; their tables are in docs/."""
