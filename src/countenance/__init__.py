"""Countenance: face search that asks first."""
