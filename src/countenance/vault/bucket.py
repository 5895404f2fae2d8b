"""One bucket of an S3-compatible service: the few requests that sealed images need, and its errors as ours.

Rules kept here:

* Every request has a time limit and a bounded number of attempts; what the service does not answer is
  BlobsUnavailable, what it refuses is BlobsRefused. Neither message nor log carries credentials.
* An object is one PUT, which the service keeps whole or not at all; there are no multipart uploads that could be
  left half done where no listing shows them.
* What may not be asked is *unknown*, and never taken for "no".
"""

from __future__ import annotations

import configparser
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from countenance.errors import BlobsDriverMissing, BlobsRefused, BlobsUnavailable, InputInvalid
from countenance.settings import ObjectStorage

BATCH = 1000
"""Objects that one DeleteObjects request may name (Amazon S3 API reference)."""

CONNECTIONS = 16

ARRIVAL_SECONDS = 60.0
"""How long one image may take to arrive once it has begun to: a service that sends on and on never runs into a time
limit for one answer."""

_MISSING = {"404", "NoSuchKey", "NotFound"}
_REFUSED = {
    "403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken",
    "AuthorizationHeaderMalformed", "PermanentRedirect", "InvalidBucketName", "MethodNotAllowed",
}  # fmt: skip
_NOT_OFFERED = {"NotImplemented", "501", "XNotImplemented"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where in which bucket: ``s3://bucket/prefix``."""

    bucket: str
    prefix: str

    @classmethod
    def of(cls, url: str) -> Place:
        """Read ``s3://bucket/prefix``. Raises InputInvalid for anything else, and for credentials in it."""
        found = re.fullmatch(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:/[A-Za-z0-9._-]+)*)/?", url)
        if found is None or ".." in url:
            raise InputInvalid(
                "Object storage is named as s3://bucket/prefix.",
                remedy="Endpoint, region and credentials come from the environment; see docs/cli.md.",
            )
        return cls(found[1], found[2].lstrip("/"))

    @property
    def url(self) -> str:
        """``s3://bucket/prefix``."""
        return f"s3://{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")

    def key(self, name: str) -> str:
        """The key of ``name`` under the prefix."""
        return f"{self.prefix}/{name}" if self.prefix else name


@dataclass(frozen=True, slots=True)
class Facts:
    """What a bucket does with deleted objects; None where these credentials may not ask."""

    versioned: bool | None
    """Older versions are kept, or may be: versioning is on, or was before it was suspended."""
    locked: bool | None
    """Object lock: single versions may be under retention or a legal hold."""
    retains: bool | None
    """Object lock with a default retention: no object can be deleted before its time."""
    replicated: bool | None


class Bucket:
    """The objects of one place. Safe for threads; connects when it is first asked something."""

    def __init__(self, place: Place, storage: ObjectStorage) -> None:
        self.place = place
        self._storage = storage

    def close(self) -> None:
        """Let go of the connections; it may be asked again."""
        client = self.__dict__.pop("_client", None)
        if client is not None:
            client.close()

    def put(self, name: str, data: bytes) -> None:
        """Keep ``data`` under ``name``, whole or not at all."""
        with self._our_errors():
            self._client.put_object(Bucket=self.place.bucket, Key=self.place.key(name), Body=data)

    def get(self, name: str) -> bytes | None:
        """The newest version's bytes, or None when there is none."""
        with self._our_errors():
            try:
                answer = self._client.get_object(Bucket=self.place.bucket, Key=self.place.key(name))
            except self._errors.ClientError as error:
                if _code(error) in _MISSING:
                    return None
                raise
            blocks = []
            until = time.monotonic() + ARRIVAL_SECONDS
            for block in answer["Body"].iter_chunks(1 << 20):
                blocks.append(block)
                if time.monotonic() > until:
                    raise BlobsUnavailable("The object storage sent an image too slowly.")
            return b"".join(blocks)

    def exists(self, name: str) -> bool:
        """Whether there is a newest version. Raises BlobsRefused where that may not be known."""
        with self._our_errors():
            try:
                self._client.head_object(Bucket=self.place.bucket, Key=self.place.key(name))
            except self._errors.ClientError as error:
                if _code(error) in _MISSING:
                    return False
                raise
            return True

    def names_under(self, folder: str) -> list[str]:
        """Names that begin with ``folder``, relative to the prefix."""
        prefix = self.place.key(folder)
        cut = len(self.place.key(""))
        with self._our_errors():
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.place.bucket, Prefix=prefix)
            return [one["Key"][cut:] for page in pages for one in page.get("Contents", ())]

    def is_empty(self) -> bool:
        """Whether nothing lies under the prefix."""
        with self._our_errors():
            answer = self._client.list_objects_v2(Bucket=self.place.bucket, Prefix=self.place.key(""), MaxKeys=1)
            return not answer.get("Contents")

    def versions(self, name: str) -> tuple[str, ...] | None:
        """Ids of every version and delete marker of ``name``; None when they may not be listed."""
        key = self.place.key(name)
        with self._our_errors():
            try:
                pages = list(
                    self._client.get_paginator("list_object_versions").paginate(
                        Bucket=self.place.bucket, Prefix=key
                    )
                )
            except self._errors.ClientError as error:
                if _code(error) in _REFUSED | _NOT_OFFERED:
                    return None
                raise
            return tuple(
                str(one["VersionId"])
                for page in pages
                for kind in ("Versions", "DeleteMarkers")
                for one in page.get(kind, ())
                if one["Key"] == key
            )

    def delete(self, wanted: Sequence[tuple[str, str | None]]) -> frozenset[str]:
        """Delete (name, version) pairs; without a version, the object. Returns the names that were refused."""
        cut = len(self.place.key(""))
        refused: set[str] = set()
        entries = [
            {"Key": self.place.key(name)} | ({} if version is None else {"VersionId": version})
            for name, version in wanted
        ]
        for at in range(0, len(entries), BATCH):
            batch = {"Objects": entries[at : at + BATCH], "Quiet": True}
            with self._our_errors():
                answer = self._client.delete_objects(Bucket=self.place.bucket, Delete=batch)
            refused.update(str(one.get("Key", ""))[cut:] for one in answer.get("Errors", ()))
        return frozenset(refused)

    def facts(self) -> Facts:
        """What the bucket does with deleted objects, asked anew each time: anyone may have changed it."""
        bucket = {"Bucket": self.place.bucket}
        versioning = self._ask("get_bucket_versioning", bucket, {"Status": ""})
        lock = self._ask("get_object_lock_configuration", bucket, {})
        replication = self._ask("get_bucket_replication", bucket, {})
        rule = None if lock is None else lock.get("ObjectLockConfiguration", {})
        return Facts(
            None if versioning is None else versioning.get("Status") in ("Enabled", "Suspended"),
            None if rule is None else rule.get("ObjectLockEnabled") == "Enabled",
            None if rule is None else "Rule" in rule,
            None if replication is None else "ReplicationConfiguration" in replication,
        )

    def _ask(self, operation: str, about: Mapping[str, str], without: dict[str, Any]) -> dict[str, Any] | None:
        """The answer; ``without`` when there is no such configuration; None when it may not be asked."""
        with self._our_errors():
            try:
                answer: dict[str, Any] = getattr(self._client, operation)(**about)
            except self._errors.ClientError as error:
                code = _code(error)
                if code.endswith("NotFoundError") or code in _NOT_OFFERED | {"NoSuchObjectLockConfiguration"}:
                    return without
                if code in _REFUSED:
                    return None
                raise
            return answer

    # -- the client -----------------------------------------------------------------------------------------

    @cached_property
    def _client(self) -> Any:
        try:
            import boto3
            from botocore.config import Config
        except ModuleNotFoundError as error:
            raise BlobsDriverMissing("The images of this gallery are in object storage.") from error
        storage = self._storage
        config = Config(
            connect_timeout=min(5.0, storage.timeout_s),
            read_timeout=storage.timeout_s,
            retries={"mode": "standard", "total_max_attempts": storage.attempts},
            max_pool_connections=CONNECTIONS,
            # Sealed data carries its own tag, and not every service understands trailing checksums.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path" if storage.endpoint else "auto"},
        )
        try:
            return boto3.session.Session().client(
                "s3",
                endpoint_url=storage.endpoint or None,
                region_name=storage.region or None,
                config=config,
                **_credentials(storage),
            )
        except (self._errors.BotoCoreError, ValueError) as error:
            raise BlobsRefused("The object storage is not described well enough to be reached.") from error

    @cached_property
    def _errors(self) -> Any:
        try:
            from botocore import exceptions
        except ModuleNotFoundError as error:
            raise BlobsDriverMissing("The images of this gallery are in object storage.") from error
        return exceptions

    @contextmanager
    def _our_errors(self) -> Iterator[None]:
        errors = self._errors
        try:
            yield
        except errors.ClientError as error:
            code = _code(error)
            if code == "NoSuchBucket":
                raise BlobsRefused(f"There is no bucket {self.place.bucket}.") from error
            if code in _REFUSED:
                raise BlobsRefused(f"The object storage refused: {code}.") from error
            raise BlobsUnavailable(f"The object storage could not do it: {code}.") from error
        except (errors.NoCredentialsError, errors.PartialCredentialsError, errors.NoRegionError) as error:
            raise BlobsRefused("There are no credentials, or no region, for the object storage.") from error
        except errors.BotoCoreError as error:  # no route, no answer in time, a connection cut off
            raise BlobsUnavailable("The object storage does not answer.") from error


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _credentials(storage: ObjectStorage) -> dict[str, str]:
    """What the named file says; without one, AWS's own chain (environment, profile, role of the machine)."""
    if storage.credentials is None:
        return {}
    file = configparser.ConfigParser(interpolation=None)
    try:
        file.read_string(storage.credentials.read_text())
        section = file[file.sections()[0]]
        found = {name: section[name] for name in ("aws_access_key_id", "aws_secret_access_key")}
        if "aws_session_token" in section:
            found["aws_session_token"] = section["aws_session_token"]
    except (OSError, ValueError, configparser.Error, LookupError):
        # Without the cause: a parser quotes the line it stumbled over.
        raise BlobsRefused("The file of credentials for the object storage cannot be read.") from None
    return found
