"""Sign a grant and write it to where a site publishes it. For site owners; needs cryptography and rfc8785.

    python publish.py grant.json owner.key SITE_FOLDER

``grant.json`` is what you allow, without ``key`` and ``signature``. ``owner.key`` is made at the first run: keep it
secret and keep it, because a grant under another key is refused. ``SITE_FOLDER`` is the folder that your web server
shows as the root of your site.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def owner_key(place: Path) -> Ed25519PrivateKey:
    """The owner's key, made if there is none."""
    if not place.exists():
        with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(Ed25519PrivateKey.generate().private_bytes_raw())
    return Ed25519PrivateKey.from_private_bytes(place.read_bytes())


def main(grant: Path, key_file: Path, site: Path) -> None:
    """Sign ``grant`` and publish it."""
    document = json.loads(grant.read_text("utf-8"))
    key = owner_key(key_file)
    document["key"] = base64.b64encode(key.public_key().public_bytes_raw()).decode()
    document["signature"] = base64.b64encode(key.sign(rfc8785.dumps(document))).decode()
    place = site / ".well-known" / "countenance.json"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", "utf-8")
    print(f"published: {place}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
