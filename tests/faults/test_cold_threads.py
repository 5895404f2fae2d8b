"""The very first inference of a process may come from several threads at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CHILD = """
import sys, threading
from pathlib import Path
import numpy as np
from countenance.recognition.faces.detect import Detector
from countenance.recognition.models.package import bundled_detector

detector = Detector(bundled_detector(), Path(sys.argv[1]), threads=2)
together = threading.Barrier(4)

def look():
    together.wait()
    detector.detect(np.zeros((64, 64, 3), np.uint8))

threads = [threading.Thread(target=look) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


@pytest.mark.parametrize("attempt", range(3))
def test_threads_that_look_for_the_first_time_together_do_not_wait_for_each_other(
    attempt: int, model_cache: Path
) -> None:
    # Before the bindings were initialised by one thread, about one process in ten stood still here for ever.
    subprocess.run([sys.executable, "-c", CHILD, str(model_cache)], check=True, timeout=60)
