"""Erasure: one engine that carries every reason for forgetting out over every keeper."""
