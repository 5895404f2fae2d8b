"""Pixels to faces: detect, align, judge the quality."""
