"""Commands about what can be proven: proof check, log checkpoint, prove, keys, fsck, cosign.

Rules kept here: ``proof check`` opens no gallery; the verifier behind it imports nothing of the engine.
"""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING

import click

from countenance.cli import exits, order_words, words
from countenance.cli.door import Door
from countenance.cli.options import everywhere
from countenance.errors import InputInvalid

if TYPE_CHECKING:
    from countenance.custody.proof.compliance import Checked

here = click.make_pass_decorator(Door)
a_file = click.Path(path_type=Path)


@click.group(short_help="Check a certificate, without a gallery.")
@everywhere
def proof() -> None:
    """Check a certificate, offline and without a gallery."""


@proof.command()
@click.argument("certificate", type=a_file)
@click.option(
    "--key",
    default="keys.txt",
    show_default=True,
    type=a_file,
    metavar="FILE",
    help="Public keys that you trust, one a line; not from where the certificate is from.",
)
@click.option("--earlier", type=a_file, metavar="FILE", help="A checkpoint of the log that you kept.")
@click.option(
    "--earlier-proof", type=a_file, metavar="FILE", help="The proof that connects it to the certificate's."
)
@click.option("--timestamp", type=a_file, metavar="FILE.tsr", help="An RFC 3161 time stamp of the certificate.")
@click.option("--timestamp-roots", type=a_file, metavar="FILE.pem", help="Root certificates of its authority.")
@everywhere
@here
def check(
    door: Door,
    certificate: Path,
    key: Path,
    earlier: Path | None,
    earlier_proof: Path | None,
    timestamp: Path | None,
    timestamp_roots: Path | None,
) -> int:
    """Check CERTIFICATE: what is proven, what is only asserted. The exit status is 1 when it does not stand."""
    # Imported here: no other command needs it.
    from countenance.custody.proof import compliance, verifier

    try:
        keys = verifier.read_keys(_read(key, _GET_KEYS).decode())
        path = [b64decode(line, validate=True) for line in _read(earlier_proof).split()] if earlier_proof else []
        note = _read(earlier).decode() if earlier else None
    except ValueError as error:
        raise InputInvalid(f"The keys, or what was kept earlier, cannot be used: {error}.") from error
    data = _read(certificate)
    if compliance.TYPE.encode() in data[:200]:
        return _record(door, certificate, compliance.check(data, keys))
    verdict = verifier.check(
        data,
        keys,
        earlier_checkpoint=note,
        earlier_proof=path,
        timestamp=_read(timestamp) if timestamp else None,
        timestamp_roots=_read(timestamp_roots) if timestamp_roots else None,
    )
    document: dict[str, object] = {
        "certificate": str(certificate),
        "stands": verdict.ok,
        "checks": [
            {"number": one.number, "name": one.name, "passed": one.ok, "detail": one.detail}
            for one in verdict.checks
        ],
        "proven": list(verdict.proven),
        "asserted": list(verdict.asserted),
    }
    door.answer(document, lambda console: order_words.verdict(console, document))
    return exits.OK if verdict.ok else exits.PARTLY


def _record(door: Door, file: Path, checked: Checked) -> int:
    document: dict[str, object] = {"record": str(file), "stands": checked.ok, "said": list(checked.said)}
    door.answer(document, lambda console: words.fields(console, document))
    return exits.OK if checked.ok else exits.PARTLY


@click.group(short_help="See and check the tamper-evident log.")
@everywhere
def log() -> None:
    """See and check the tamper-evident log."""


@log.command()
@everywhere
@here
def checkpoint(door: Door) -> None:
    """Print the newest checkpoint, a signed note. Whoever keeps it can later prove that nothing was rewritten."""
    with door.open() as engine:
        text = engine.log.checkpoint()
    _text(door, "checkpoint", text)


@log.command()
@everywhere
@here
def keys(door: Door) -> None:
    """Print the public keys that check this gallery's checkpoints and certificates."""
    with door.open() as engine:
        text = engine.log.keys()
    _text(door, "keys", text)


@log.command(short_help="Prove an entry, or that nothing was rewritten.")
@click.argument("entry", type=click.IntRange(min=0), required=False)
@click.option(
    "--since", type=click.IntRange(min=1), metavar="SIZE", help="Prove instead that a log of SIZE entries"
)
@everywhere
@here
def prove(door: Door, entry: int | None, since: int | None) -> None:
    """Prove that entry number ENTRY is in the log; or, with --since, that an older log is the beginning of this."""
    if (entry is None) == (since is None):
        raise click.UsageError("Give either the number of an entry or --since SIZE.")
    with door.open() as engine:
        text = engine.log.prove_consistency(since) if since is not None else engine.log.prove(entry or 0)
    _text(door, "proof", text)


@log.command(short_help="Rebuild the root from the raw entries.")
@everywhere
@here
def fsck(door: Door) -> int:
    """Rebuild the log's root from its raw entries, and say what does not fit."""
    with door.open() as engine:
        report = engine.log.fsck()
    document: dict[str, object] = {
        "ok": report.ok,
        "size": report.size,
        "entries": report.entries,
        "root_signed": None if report.root_signed is None else report.root_signed.hex(),
        "root_rebuilt": None if report.root_rebuilt is None else report.root_rebuilt.hex(),
        "findings": [
            {"fault": one.fault.value, "path": one.path, "detail": one.detail, "entry": one.entry}
            for one in report.findings
        ],
    }
    door.answer(document, lambda console: order_words.examination(console, document))
    return exits.OK if report.ok else exits.LOG


@log.command(short_help="Put witnesses' cosignatures under it.")
@click.argument("signatures", type=a_file)
@click.option("--witness", required=True, type=a_file, metavar="FILE", help="Witnesses' public keys, one a line.")
@everywhere
@here
def cosign(door: Door, signatures: Path, witness: Path) -> None:
    """Put witnesses' cosignatures, the lines in SIGNATURES, under the newest checkpoint."""
    with door.open() as engine:
        seen = engine.log.accept_cosignatures(_read(signatures), _read(witness))
    document: dict[str, object] = {
        "witnesses": [{"witness": one.witness, "at": one.at.isoformat()} for one in seen]
    }
    door.answer(
        document,
        lambda console: order_words.listed(console, document["witnesses"], "No known witness is among the lines."),  # type: ignore[arg-type]
    )


def _text(door: Door, name: str, text: str) -> None:
    """An answer that is a text for other programs: as it is, to the byte, unless JSON was asked for."""
    door.answer({name: text}, lambda _: click.echo(text, nl=False))


_GET_KEYS = (
    "Name the gallery's public keys with --key; get them (countenance log keys) on another way than the file."
)


def _read(file: Path, remedy: str = "Check the path.") -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputInvalid(f"{file} cannot be read.", remedy=remedy) from error
