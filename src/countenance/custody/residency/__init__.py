"""Residency: where the law of a place reaches a subject. Evidence with tiers, never a guess from a face."""
