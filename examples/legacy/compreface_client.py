"""A CompreFace client, unchanged but for the address: the path of the service goes into the SDK's `port`.

python examples/legacy/compreface_client.py http://127.0.0.1 8080/compat/compreface KEY REFERENCE PROBE
"""

from __future__ import annotations

import sys

from compreface import CompreFace


def main(domain: str, port: str, key: str, reference: str, probe: str) -> None:
    """Add a subject, recognise her, forget her."""
    recognition = CompreFace(domain, port).init_face_recognition(key)
    added = recognition.get_face_collection().add(reference, "Eileen Collins")
    print("added", added["subject"])
    for face in recognition.recognize(probe, {"prediction_count": 1})["result"]:
        for one in face["subjects"]:
            print("found", one["subject"], f"{one['similarity']:.2f}")
    print("forgot", recognition.get_subjects().delete("Eileen Collins")["subject"])


if __name__ == "__main__":
    main(*sys.argv[1:])
