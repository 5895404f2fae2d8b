"""An OpenID Connect issuer on loopback: discovery, keys and tokens, with everything that can be wrong with them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwk, jws

ALGORITHMS = ["RS256", "PS256", "ES256", "Ed25519", "HS256", "none", "RS512"]
CLIENT = "countenance"


def new_key(kid: str = "k1", algorithm: str = "ES256") -> Any:
    """A private key for an algorithm."""
    match algorithm:
        case "ES256":
            return jwk.ECKey.generate_key("P-256", {"kid": kid, "use": "sig"})
        case "Ed25519":
            return jwk.OKPKey.generate_key("Ed25519", {"kid": kid})
        case _:
            return jwk.RSAKey.generate_key(2048, {"kid": kid})


def signed(
    key: Any, claims: Mapping[str, Any], *, algorithm: str = "ES256", kid: str | None = "k1", **header: Any
) -> str:
    """A token, right or wrong; ``header`` may say anything."""
    head = {"alg": algorithm, **({} if kid is None else {"kid": kid}), **header}
    registry = jws.JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
    return jws.serialize_compact(head, json.dumps(claims).encode(), key, registry=registry)


@dataclass
class TestIssuer:
    """What the issuer publishes, and what it was asked."""

    __test__ = False

    url: str
    keys: list[Any] = field(default_factory=lambda: [new_key()])
    asked: list[str] = field(default_factory=list)
    changes: dict[str, Any] = field(default_factory=dict)
    """Fields of the discovery document that are to be otherwise."""
    redirect: str | None = None

    def document(self, path: str) -> dict[str, Any] | None:
        """What lies at a path."""
        self.asked.append(path)
        if path == "/.well-known/openid-configuration":
            return {"issuer": self.url, "jwks_uri": f"{self.url}/keys", **self.changes}
        if path == "/keys":
            return {"keys": [key.as_dict(private=False) for key in self.keys]}
        return None

    def fetch(self, url: str) -> dict[str, Any]:
        """The same without a socket."""
        assert url.startswith(self.url), url
        document = self.document(url.removeprefix(self.url))
        assert document is not None
        return document

    def claims(self, now: float | None = None, **other: Any) -> dict[str, Any]:
        """The claims of a good token; None takes one away."""
        at = int(time.time() if now is None else now)
        good = {"iss": self.url, "aud": CLIENT, "sub": "248289761001", "iat": at, "exp": at + 300, **other}
        return {name: value for name, value in good.items() if value is not None}

    def token(self, **other: Any) -> str:
        """A good token, for now."""
        return signed(self.keys[0], self.claims(**other))


@contextmanager
def running() -> Iterator[TestIssuer]:
    """The issuer on a port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if issuer.redirect is not None:
                self.send_response(302)
                self.send_header("Location", issuer.redirect)
                self.end_headers()
                return
            document = issuer.document(self.path)
            self.send_response(404 if document is None else 200)
            self.end_headers()
            self.wfile.write(json.dumps(document).encode())

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer = TestIssuer(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield issuer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
