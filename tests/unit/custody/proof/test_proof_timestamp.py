"""A time stamp counts only when its authority's chain and the stamped bytes are right; else it is not checked."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from countenance.custody.proof import verifier

FILE = b"the bytes of a certificate"
NOW = datetime.now(UTC)


def named(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def authority(folder: Path) -> bytes:
    """A time-stamp authority of our own in ``folder``; returns its root certificate (PEM)."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = (
        x509.CertificateBuilder(named("root"), named("root"), root_key.public_key(), 1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=9))
        .add_extension(x509.BasicConstraints(True, None), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(root_key.public_key()), False)
        .sign(root_key, hashes.SHA256())
    )
    stamper = (
        x509.CertificateBuilder(named("root"), named("stamper"), key.public_key(), 2)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=9))
        .add_extension(x509.BasicConstraints(False, None), True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), False)
        .sign(root_key, hashes.SHA256())
    )
    (folder / "tsa.pem").write_bytes(stamper.public_bytes(Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "serial").write_text("01", encoding="ascii")
    (folder / "tsa.cnf").write_text(
        "[tsa]\ndefault_tsa = one\n[one]\nserial = serial\nsigner_cert = tsa.pem\nsigner_key = key.pem\n"
        "signer_digest = sha256\ndefault_policy = 1.2.3.4\ndigests = sha256, sha512\ness_cert_id_alg = sha256\n",
        encoding="ascii",
    )
    return root.public_bytes(Encoding.PEM)


def stamp(folder: Path, data: bytes) -> bytes:
    (folder / "data").write_bytes(data)
    for command in (
        "openssl ts -query -data data -sha256 -cert -out query",
        "openssl ts -reply -config tsa.cnf -queryfile query -out reply",
    ):
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    return (folder / "reply").read_bytes()


def result(token: bytes | None, roots: bytes | None, data: bytes = FILE) -> bool | None:
    try:
        verifier._Examination(data, ()).time_stamp(token, roots)
    except verifier.NotChecked:
        return None
    except verifier.Failed:
        return False
    return True


def test_without_a_stamp_or_its_roots_nothing_is_claimed() -> None:
    assert result(None, None) is None
    assert result(b"token", None) is None


def test_without_the_library_a_stamp_is_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "rfc3161_client", None)
    assert result(b"token", b"roots") is None


def test_a_stamp_is_verified_against_its_authority(tmp_path: Path) -> None:
    pytest.importorskip("rfc3161_client", reason="rfc3161-client, an optional extra, is not installed")
    if shutil.which("openssl") is None:
        pytest.skip("the openssl command, which plays the authority, is not installed")
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    roots, other_roots = authority(ours), authority(theirs)
    token = stamp(ours, FILE)
    assert result(token, roots) is True
    assert result(token, roots, FILE + b"!") is False, "another file"
    assert result(token, other_roots) is False, "another authority"
    assert result(token[:-1], roots) is False, "cut short"
    assert result(token, b"no certificates") is False
    flipped = bytearray(token)
    flipped[-5] ^= 1
    assert result(bytes(flipped), roots) is False, "a damaged signature"
