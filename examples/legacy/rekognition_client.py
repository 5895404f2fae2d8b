"""A Rekognition client, unchanged but for `endpoint_url` and the key.

python examples/legacy/rekognition_client.py http://127.0.0.1:8080/compat/rekognition KEY_ID SECRET REFERENCE PROBE
"""

from __future__ import annotations

import sys
from pathlib import Path

import boto3


def main(endpoint: str, key_id: str, secret: str, reference: str, probe: str) -> None:
    """Make a collection, index a face, find it, delete everything."""
    client = boto3.client(
        "rekognition",
        endpoint_url=endpoint,
        region_name="eu-west-2",
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
    )
    client.create_collection(CollectionId="guests-2027")
    done = client.index_faces(
        CollectionId="guests-2027", Image={"Bytes": Path(reference).read_bytes()}, ExternalImageId="eileen.jpg"
    )
    print("indexed", len(done["FaceRecords"]))
    found = client.search_faces_by_image(CollectionId="guests-2027", Image={"Bytes": Path(probe).read_bytes()})
    for one in found["FaceMatches"]:
        print("found", one["Face"]["ExternalImageId"], f"{one['Similarity']:.0f}")
    print("deleted", client.delete_collection(CollectionId="guests-2027")["StatusCode"])


if __name__ == "__main__":
    main(*sys.argv[1:])
