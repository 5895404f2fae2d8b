"""What log and proof cost: appending, proving, examining, and checking the certificate of 10,000 subjects.

Run alone: ``python -m benchmarks.proof``. Prints one line a figure; issue 4 asks for a check in at most 1 s.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countenance.custody.proof import verifier
from countenance.custody.proof.certificate import (
    Cause,
    Evidence,
    Signer,
    Statement,
    Step,
    certified_entry,
    issue,
    key_file,
    step_entry,
)
from countenance.custody.proof.page import render
from countenance.holding import Absence, Holding
from countenance.log import Entry, TamperEvidentLog, commitment

SUBJECTS = 10_000
WHEN = datetime(2026, 3, 1, 12, tzinfo=UTC)


def timed(work: Callable[[], object], times: int = 1) -> float:
    """Seconds of the quickest of ``times`` runs."""
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def run(folder: Path) -> dict[str, float]:
    """All figures by name: milliseconds, or the unit in the name."""
    log = TamperEvidentLog.create(folder / "log", "gallery.example/log", Ed25519PrivateKey.generate())
    gallery = Signer("gallery.example", Ed25519PrivateKey.generate())
    subjects = tuple(commitment(n.to_bytes(32, "big"), "subject", b"%d" % n) for n in range(SUBJECTS))
    granted = [Entry(WHEN, "permission.granted", {"subject": one}) for one in subjects]
    found: dict[str, float] = {}
    found["append 10,000 entries at once, ms"] = timed(lambda: log.append(granted)) * 1000
    found["append 1 entry, ms"] = timed(lambda: log.append(granted[:1]), 20) * 1000
    before = log.checkpoint()
    steps = (Step.FROZEN, Step.KEYS_DESTROYED, Step.CONFIRMED)
    indexes = log.append([step_entry(step, WHEN, "order-1", subjects) for step in steps])
    statement = Statement(
        cause=Cause.ORDER,
        request="order-1",
        issued_at=WHEN,
        subjects=subjects,
        artefacts=(Holding("keyring", "keys", 3 * SUBJECTS),),
        keys_destroyed=tuple(f"{n:032x}" for n in range(3 * SUBJECTS)),
        method="keys overwritten; ciphertext deleted",
        holders=(Absence("keyring", True, "every slot was read"),),
    )
    closing = log.append([certified_entry(statement, gallery.name, log.origin)]).start
    evidence = Evidence(before, (*indexes, closing))
    issued: list[bytes] = []
    found["issue a certificate of 10,000 subjects, ms"] = timed(
        lambda: issued.append(issue(statement, log, evidence, gallery)), 3
    ) * 1000  # fmt: skip
    keys = verifier.read_keys(key_file(gallery=gallery.verifier_key, log=log.verifier_key))
    found["check it, ms"] = timed(lambda: verifier.check(issued[0], keys), 5) * 1000
    found["its size, kB"] = len(issued[0]) / 1000
    found["render its page, ms"] = timed(lambda: render(issued[0]), 3) * 1000
    found["inclusion proof, ms"] = timed(lambda: log.inclusion(4321, 10_000), 20) * 1000
    found["consistency proof, ms"] = timed(lambda: log.consistency(4321, 10_000), 20) * 1000
    found["fsck of 10,000 entries, ms"] = timed(log.fsck, 3) * 1000
    return found


def main() -> None:
    """Print the figures."""
    with tempfile.TemporaryDirectory() as folder:
        for name, figure in run(Path(folder)).items():
            print(f"{name:<48} {figure:>10.2f}")


if __name__ == "__main__":
    main()
