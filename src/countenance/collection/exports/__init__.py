"""Albums and platform exports: containers read safely, layouts as tables, listings as what they say of a picture.

Stages, one way: containers (bytes), layouts (tables), listings (JSON, HTML, sidecars), album (all together).
"""
