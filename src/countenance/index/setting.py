"""Where a gallery's index is, as its operator has decided: in this process, or on a server.

Rules kept here: the setting is a short text without secrets, so that it can be a fact in the store that every
process reads; credentials come from the environment.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from countenance.errors import InputInvalid
from countenance.index.distributed import Deployment
from countenance.index.milvus_collection import Structure
from countenance.index.milvus_link import Address
from countenance.index.milvus_purge import Retention

EMBEDDED = "embedded"
VERSION = 1
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class EngineSetting:
    """``embedded``, or a server with how it searches and what its operator states about it."""

    uri: str = EMBEDDED
    """``embedded``, or ``milvus://host:port`` (also ``http``, ``https``) with an optional ``/database``."""
    structure: Structure = field(default_factory=Structure)
    retention: Retention = field(default_factory=Retention)
    staleness_ms: int = 500
    purge_seconds: float = 300.0

    def __post_init__(self) -> None:
        if self.uri == EMBEDDED:
            return
        scheme, found, rest = self.uri.partition("://")
        if not found or not rest or scheme not in ("milvus", "http", "https"):
            raise InputInvalid(
                f"An index is moved to 'embedded' or to milvus://host:19530, not to {self.uri.rsplit('@', 1)[-1]}."
            )
        if "@" in rest:
            raise InputInvalid(
                "An engine's address must not hold a password: it is written into the store.",
                remedy="Put user:password, or the token, into COUNTENANCE_ENGINE_TOKEN.",
            )
        if len(self.text()) > _LONGEST:
            raise InputInvalid("The engine's address is too long.")

    @property
    def distributed(self) -> bool:
        """Whether the index is on a server."""
        return self.uri != EMBEDDED

    @property
    def mark(self) -> str:
        """Twelve hexadecimal digits that stand for the place."""
        return hashlib.sha256(self.uri.encode()).hexdigest()[:12]

    def text(self) -> str:
        """One line of JSON, without secrets; :meth:`parse` reads it."""
        shown = asdict(self)
        shown["retention"]["segments"] = None if self.retention.segments is None else str(self.retention.segments)
        return json.dumps({"version": VERSION} | shown, separators=(",", ":"))

    @classmethod
    def parse(cls, text: str | None) -> EngineSetting:
        """The setting that was written; None is the embedded index. Raises InputInvalid for a damaged one."""
        if text is None:
            return cls()
        try:
            given = json.loads(text)
            if given.pop("version") != VERSION:
                raise InputInvalid("The engine's setting was written by another version.")
            segments = given["retention"]["segments"]
            given["retention"] = Retention(
                **given["retention"] | {"segments": None if segments is None else Path(segments)}
            )
            return cls(**given | {"structure": Structure(**given["structure"])})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputInvalid("The engine's setting cannot be read.") from error

    def deployment(self, token: str) -> Deployment:
        """What opens the index on the server."""
        scheme, _, rest = self.uri.partition("://")
        host, _, database = rest.partition("/")
        address = Address(f"{scheme}://{host}", token=token, database=database)
        return Deployment(address, self.structure, self.retention, self.staleness_ms, self.purge_seconds)
