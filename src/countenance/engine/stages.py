"""How long the engine's stages take, for whoever listens: a stage's name and seconds, and nothing of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Took = Callable[[str, float], object]
"""Told of a stage that has ended: ``decode``, ``detect`` (with alignment and quality), ``template``, ``index``."""


class Stages:
    """Tells one listener. Nobody listens until somebody is set."""

    def __init__(self) -> None:
        self.listener: Took | None = None

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Measure a stage that ends well; one that fails is not counted."""
        begun = time.perf_counter()
        yield
        if self.listener is not None:
            self.listener(stage, time.perf_counter() - begun)
