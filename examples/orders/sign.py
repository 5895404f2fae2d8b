"""Signs the example orders in this folder again, in place: ``python examples/orders/sign.py``.

THE KEYS ARE WORTHLESS. Each is made from a public sentence, so anybody can sign with it. They exist so that the
examples can be served, altered and served again. Never register one of them for a gallery that matters.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countenance.custody.orders.signing import AuthorityKey, AuthorityKeys, sign

FOLDER = Path(__file__).parent
SEED = "countenance example authority key, known to everybody and worth nothing: "
REGISTERED_AT = datetime(2021, 1, 1, tzinfo=UTC)


def example_key(authority: str) -> Ed25519PrivateKey:
    """The worthless signing key of the example authority with that name."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256((SEED + authority).encode()).digest())


def registered(authority: str) -> AuthorityKey:
    """The public half, as an operator would register it for a rehearsal."""
    return AuthorityKey(authority, example_key(authority).public_key().public_bytes_raw(), REGISTERED_AT)


def order_files() -> list[Path]:
    """The example orders, by name."""
    return sorted(FOLDER.glob("*.json"))


def example_registry() -> AuthorityKeys:
    """The keys of every authority in the examples."""
    authorities = {json.loads(path.read_text("utf-8"))["authority"]["name"] for path in order_files()}
    return AuthorityKeys(registered(authority) for authority in sorted(authorities))


def signed_text(document: dict[str, object], authority: str) -> str:
    """``document`` with the key id and signature of that example authority, as the text of a file."""
    said = document["authority"]
    named = {**(said if isinstance(said, dict) else {}), "name": authority, "key_id": registered(authority).key_id}
    return (
        json.dumps(sign({**document, "authority": named}, example_key(authority)), indent=2, ensure_ascii=False)
        + "\n"
    )


def main() -> None:
    """Sign every order in this folder."""
    for path in order_files():
        document = json.loads(path.read_text("utf-8"))
        path.write_text(signed_text(document, document["authority"]["name"]), "utf-8")


if __name__ == "__main__":
    main()
