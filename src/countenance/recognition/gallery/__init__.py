"""Enrolled references, and what of them is searchable now."""
