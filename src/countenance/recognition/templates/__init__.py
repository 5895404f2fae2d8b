"""Faces to templates, by model packages whose templates are never mixed."""
