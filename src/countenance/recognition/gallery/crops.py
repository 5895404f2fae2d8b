"""A face cut out of a picture, as two of them are laid side by side: same size, same margin, PNG, no metadata.

Rules kept here: what is shown of a subject comes from her sealed image and is made when it is asked for; nothing is
kept. The stored copy of an image shows nobody else's face (recognition.gallery.enrol covers them).
"""

from __future__ import annotations

import json
from io import BytesIO

import numpy as np
from PIL import Image
from sqlalchemy import Connection

from countenance.recognition.images import decode
from countenance.settings import ImageLimits
from countenance.store import references, subjects
from countenance.store.references import ReferenceRow
from countenance.terms import ArtefactClass, Box, Pixels
from countenance.vault.blob_store import BlobStore
from countenance.vault.sealing import Vault

SIDE_PIXELS = 224
_MARGIN = 0.25
"""Of the face's size, on every side: hair and ears help people."""
_QUICK = 1
"""How hard PNG compresses: at 6, Pillow's default, it took as long as finding the face."""


def cut_out(pixels: Pixels, box: Box) -> bytes:
    """The face in ``box`` of ``pixels`` (shape (h, w, 3), RGB) as a square PNG of 224 pixels."""
    side = max(box.width, box.height) * (1 + 2 * _MARGIN)
    left, top = box.x + (box.width - side) / 2, box.y + (box.height - side) / 2
    area = (left, top, left + side, top + side)
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    size = (SIDE_PIXELS, SIDE_PIXELS)
    out = BytesIO()
    shown_face = picture.transform(size, Image.Transform.EXTENT, area, Image.Resampling.BILINEAR)
    shown_face.save(out, "PNG", compress_level=_QUICK)
    return out.getvalue()


def shown(face: Pixels) -> bytes:
    """A face that is cut out already, as it is shown: a square PNG of 224 pixels."""
    out = BytesIO()
    size = (SIDE_PIXELS, SIDE_PIXELS)
    resized = Image.fromarray(np.ascontiguousarray(face)).resize(size, Image.Resampling.BILINEAR)
    resized.save(out, "PNG", compress_level=_QUICK)
    return out.getvalue()


def of_reference(
    connection: Connection, vault: Vault, blobs: BlobStore, reference: ReferenceRow, limits: ImageLimits
) -> bytes | None:
    """The face that a reference was made from, cut out; None when it came without an image or lost it.

    Raises KeyDestroyed, SealBroken, and ImageError when the stored image cannot be read.
    """
    owner = subjects.by_ids(connection, [reference.subject_id]).get(reference.subject_id)
    held = references.images_of(connection, [reference.subject_id]).get(reference.subject_id, [])
    image = next((one for one in held if one.image_id == reference.image_id), None)
    if owner is None or image is None:
        return None
    about = vault.sealer(owner.subject_id, owner.wrapped, ArtefactClass.METADATA)
    sealer = vault.sealer(owner.subject_id, owner.wrapped, ArtefactClass.IMAGE)
    told = json.loads(about.unseal(image.sealed_metadata, f"about:{image.image_id}", image.permission_version))
    record = f"image:{image.image_id}"
    data = sealer.unseal(blobs.read(image.image_id), record, image.permission_version)
    box = Box(*(float(value) for value in told.get("stored_face", told["face"])))
    return cut_out(decode(data, limits, name=record).pixels, box)
