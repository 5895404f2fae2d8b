"""A secret rotation of templates, for engines that keep vectors where this program's keys do not reach.

An orthogonal matrix leaves every inner product as it is, so rotated templates can be searched by a server that
has no key. Rules kept here:

* The matrix is a function of its key alone; whoever destroys the key has destroyed the matrix.
* It protects a stray copy of the vectors from being compared with photographs or with another gallery. It does
  **not** encrypt: scores among stored vectors stay what they are, ``dimensions`` known pairs of a template and
  its rotated form give the matrix away by linear algebra, and statistics of a large gallery (its mean and
  covariance against public templates of the same model) give an approximation. See docs/adr/0011-milvus.md.
"""

from __future__ import annotations

import hashlib
import hmac

import numpy as np
import numpy.typing as npt

from countenance.errors import InputInvalid
from countenance.terms import Vectors

KEY_BYTES = 32
_LABEL = b"countenance template rotation 1"


class Rotation:
    """A Haar-distributed orthogonal matrix made from a key (QR of a Gaussian matrix with the signs of R
    normalised: Mezzadri, "How to generate random matrices from the classical compact groups", 2007)."""

    def __init__(self, key: bytes, dimensions: int) -> None:
        """``key``: 32 secret bytes. Raises InputInvalid for another length."""
        if len(key) != KEY_BYTES:
            raise InputInvalid(f"a rotation key has {KEY_BYTES} bytes")
        gaussian = _gaussian(hmac.digest(key, _LABEL, "sha256"), dimensions * dimensions)
        q, r = np.linalg.qr(gaussian.reshape(dimensions, dimensions))
        self._matrix: Vectors = (q * np.sign(np.diagonal(r))).astype(np.float32)
        self.check = hmac.digest(key, _LABEL + b" check", "sha256")[:8].hex()
        """A value that tells whether two rotations are of one key, and nothing else about the key."""

    def apply(self, templates: Vectors) -> Vectors:
        """``templates`` (n, dimensions) rotated; unit length stays unit length to float32 rounding."""
        rotated: Vectors = np.ascontiguousarray(np.asarray(templates, np.float32) @ self._matrix)
        return rotated

    def undo(self, rotated: Vectors) -> Vectors:
        """The templates that :meth:`apply` was given, to float32 rounding."""
        templates: Vectors = np.ascontiguousarray(np.asarray(rotated, np.float32) @ self._matrix.T)
        return templates


def _gaussian(seed: bytes, count: int) -> npt.NDArray[np.float64]:
    """``count`` standard normal numbers from an extendable-output hash of ``seed`` (Box-Muller transform)."""
    pairs = -(-count // 2)
    words = np.frombuffer(hashlib.shake_256(seed).digest(16 * pairs), "<u8").reshape(2, pairs)
    uniform = ((words >> np.uint64(11)).astype(np.float64) + 0.5) / float(1 << 53)
    radius, angle = np.sqrt(-2.0 * np.log(uniform[0])), 2.0 * np.pi * uniform[1]
    numbers: npt.NDArray[np.float64] = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:count]
    return numbers
