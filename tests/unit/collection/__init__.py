"""Tests of what takes images in, and the exports and sites that they are taken from."""
