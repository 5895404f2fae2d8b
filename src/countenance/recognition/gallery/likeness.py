"""What makes near copies of a photograph recognisable as such: a perceptual hash, cut into parts, keyed.

Rules kept here:

* The hash is of the whole picture (DCT of a 64 x 64 grey copy, 256 bits; imagehash's pHash): it tells copies of one
  photograph, not faces. Two photographs of one person are different photographs.
* What is stored are keyed fingerprints of 16-bit parts. Without the key ring they say nothing; with it, a part of a
  hash can be guessed, a photograph cannot.

How many equal parts make a near copy was measured: docs/adr/0013-suppression.md, benchmarks/likeness.py.
"""

from __future__ import annotations

import imagehash
import numpy as np
import numpy.typing as npt
from PIL import Image

from countenance.store.suppression import BAND_BYTES
from countenance.terms import Pixels
from countenance.vault.keys import KeyRing

PARTS = 16
"""Parts of 16 bits each."""
_SIDE = 16

PARTS_ALIKE = 4
"""Equal parts from which two photographs count as one."""


def parts(pixels: Pixels) -> npt.NDArray[np.uint16]:
    """The perceptual hash of a picture, shape (16,), each part 16 bits."""
    bits = imagehash.phash(Image.fromarray(pixels), hash_size=_SIDE).hash
    return np.packbits(np.asarray(bits, np.bool_).ravel()).view(">u2").astype(np.uint16)


def likeness_tags(pixels: Pixels, ring: KeyRing) -> bytes:
    """The keyed fingerprints of the parts, one after the other, 8 bytes each."""
    return b"".join(
        ring.fingerprint("image-likeness", bytes([place]) + int(part).to_bytes(2, "big"))[:BAND_BYTES]
        for place, part in enumerate(parts(pixels))
    )
