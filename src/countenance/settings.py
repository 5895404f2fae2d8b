"""Where a gallery lives, the limits it keeps, and how a service runs. Read once at the door; nothing below
reads the environment."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from countenance.errors import InputInvalid

GALLERY_VARIABLE = "COUNTENANCE_GALLERY"
KEYS_VARIABLE = "COUNTENANCE_KEYS"
CACHE_VARIABLE = "COUNTENANCE_CACHE"
ENGINE_TOKEN_VARIABLE = "COUNTENANCE_ENGINE_TOKEN"  # noqa: S105 - the name of a variable
"""``user:password`` or an API token of a search engine on a server; in the environment only, never stored."""

SERVICE_VARIABLE = "COUNTENANCE_SERVICE"
"""Where the worker processes of a service find its settings, as JSON."""

S3_ENDPOINT_VARIABLE = "COUNTENANCE_S3_ENDPOINT"
S3_REGION_VARIABLE = "COUNTENANCE_S3_REGION"
S3_CREDENTIALS_VARIABLE = "COUNTENANCE_S3_CREDENTIALS"
S3_TIMEOUT_VARIABLE = "COUNTENANCE_S3_TIMEOUT"


@dataclass(frozen=True, slots=True)
class ObjectStorage:
    """How to reach object storage. Bucket and prefix are the gallery's; this is the machine's, and never stored.

    What is left empty comes from AWS's own chain: ``AWS_ENDPOINT_URL``, ``AWS_REGION``, ``AWS_ACCESS_KEY_ID``, a
    profile, the role of the machine.
    """

    endpoint: str = ""
    """``https://host:port`` of a service that is not Amazon's."""
    region: str = ""
    credentials: Path | None = None
    """A file in the form of AWS's shared credentials; its first section is used."""
    timeout_s: float = 20.0
    """How long one request may stay without an answer."""
    attempts: int = 3

    @classmethod
    def from_environment(cls) -> ObjectStorage:
        """What this machine's environment says. Raises InputInvalid for a time limit that is no number."""
        file = os.environ.get(S3_CREDENTIALS_VARIABLE)
        try:
            timeout_s = float(os.environ.get(S3_TIMEOUT_VARIABLE) or "20")
        except ValueError:
            timeout_s = 0.0
        if not 0 < timeout_s <= 600:
            raise InputInvalid(f"{S3_TIMEOUT_VARIABLE} is a number of seconds, at most 600.")
        return cls(
            os.environ.get(S3_ENDPOINT_VARIABLE, ""),
            os.environ.get(S3_REGION_VARIABLE, ""),
            Path(file).expanduser().absolute() if file else None,
            timeout_s,
        )


KEY_SERVICE_VARIABLE = "VAULT_ADDR"
KEY_SERVICE_TOKEN_VARIABLE = "VAULT_TOKEN"  # noqa: S105 - the name of a variable
KEY_SERVICE_TOKEN_FILE_VARIABLE = "COUNTENANCE_KEYS_TOKEN_FILE"  # noqa: S105 - the name of a variable
KEY_SERVICE_NAMESPACE_VARIABLE = "VAULT_NAMESPACE"
KEY_SERVICE_CA_VARIABLE = "VAULT_CACERT"


@dataclass(frozen=True, slots=True)
class KeyService:
    """How to reach the service that wraps the key ring, by the variables of Vault's and OpenBao's own tools."""

    address: str = ""
    token: str = field(default="", repr=False)
    token_file: Path | None = None
    """Read at each use, so that an agent may renew it; goes before ``token``."""
    namespace: str = ""
    ca: Path | None = None
    timeout_s: float = 10.0

    @classmethod
    def from_environment(cls) -> KeyService:
        """What this machine's environment says."""
        file = os.environ.get(KEY_SERVICE_TOKEN_FILE_VARIABLE)
        ca = os.environ.get(KEY_SERVICE_CA_VARIABLE)
        return cls(
            os.environ.get(KEY_SERVICE_VARIABLE, ""),
            os.environ.get(KEY_SERVICE_TOKEN_VARIABLE, ""),
            Path(file).expanduser().absolute() if file else None,
            os.environ.get(KEY_SERVICE_NAMESPACE_VARIABLE, ""),
            Path(ca).expanduser().absolute() if ca else None,
        )

    def read_token(self) -> str:
        """The token as it is now; empty when there is none."""
        if self.token_file is None:
            return self.token
        try:
            return self.token_file.read_text().strip()
        except (OSError, ValueError):
            raise InputInvalid("The file with the key service's token cannot be read.") from None


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """Checked against a file's header before a pixel is decoded."""

    size_bytes: int = 100 * 1024 * 1024
    pixels: int = 250_000_000
    """Above the largest medium-format cameras of 2026 (about 150 megapixels), below what fills the memory."""
    side_pixels: int = 40_000


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything about a gallery that is decided outside the program."""

    folder: Path
    """The data folder: database, sealed images, encrypted index snapshots."""
    keys: Path
    """The key folder. Apart from the data, so that a copy of the data folder opens nothing."""
    cache: Path
    """Prepared models. Holds no personal data; may be deleted at any time."""
    limits: ImageLimits = field(default_factory=ImageLimits)
    engine_token: str = field(default="", repr=False)
    """What a search engine on a server wants to see; empty when it wants nothing."""
    object_storage: ObjectStorage = field(default_factory=ObjectStorage)
    key_service: KeyService = field(default_factory=KeyService)

    @classmethod
    def of(cls, folder: str | Path, *, keys: str | Path | None = None, cache: str | Path | None = None) -> Settings:
        """Settings for the gallery in ``folder``.

        ``keys`` defaults to ``COUNTENANCE_KEYS``, else to the sibling folder ``<folder>.keys``; ``cache`` to
        ``COUNTENANCE_CACHE``, else to ``countenance`` in the user's cache folder (XDG base directories).
        """
        place = Path(folder).expanduser().absolute()
        key_place = keys or os.environ.get(KEYS_VARIABLE) or place.with_name(place.name + ".keys")
        token = os.environ.get(ENGINE_TOKEN_VARIABLE, "")
        return cls(
            place,
            Path(key_place).expanduser().absolute(),
            cache_folder(cache),
            engine_token=token,
            object_storage=ObjectStorage.from_environment(),
            key_service=KeyService.from_environment(),
        )


def cache_folder(cache: str | Path | None = None) -> Path:
    """The folder for prepared models: ``cache``, else ``COUNTENANCE_CACHE``, else the user's cache folder."""
    named = cache or os.environ.get(CACHE_VARIABLE)
    if named:
        return Path(named).expanduser().absolute()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "countenance"


_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """How a service runs: where it listens and what it takes in; equal in all of its worker processes.

    Nothing personal and no secret is in here; every limit has its unit in its name.
    """

    gallery: str = ""
    keys: str | None = None
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    migrate: bool = False
    """Whether an older database is brought to this version at start; otherwise the service does not start."""
    json_bytes: int = 8 * _MIB
    """Largest body that is not an upload; legacy clients put an image of 5 MB into JSON, a third longer there."""
    image_bytes: int = 16 * _MIB
    """Largest single image of an upload."""
    upload_bytes: int = 64 * _MIB
    """Largest upload as a whole; it is held in memory, never in a temporary file."""
    held_bytes: int = 512 * _MIB
    """Bodies of all requests that one process holds at a time; what would not fit any more is refused at once."""
    idle_seconds: float = 20.0
    """A request that sends nothing for so long is given up."""
    slowest_bytes_a_second: int = 16 * 1024
    """A request whose body comes slower than this on the whole, after a start of ``idle_seconds``, is given up."""
    at_work: int = 4
    """Requests worked on at once in one process."""
    inside: int = 96
    """Requests that one process takes in at a time, those at work included; more are refused at once."""
    streams: int = 32
    """Event streams of jobs that one process keeps open at a time, beside ``inside``; more are refused at once."""
    rate_a_minute: int = 6000
    """Requests that one key may make in a minute, in one process."""
    wrong_credentials_a_minute: int = 20
    """Wrong credentials that one address may show in a minute, in one process; then it waits."""
    drain_seconds: int = 25
    """How long running requests and jobs are given when the service is told to stop."""
    trusted_proxies: str = ""
    """Addresses whose X-Forwarded-For is believed, separated by commas; empty: nobody's."""

    def to_text(self) -> str:
        """The settings for a worker process."""
        return json.dumps(asdict(self))

    @classmethod
    def of_text(cls, text: str) -> Self:
        """Read what :meth:`to_text` wrote."""
        return cls(**json.loads(text))
