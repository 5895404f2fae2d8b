"""What is installed is what was locked, by digest, under a licence that is named. Advisories need a network."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

LOCK = Path(__file__).resolve().parents[2] / "requirements" / "lock.txt"
ENTRIES = re.split(r"\n(?=[A-Za-z0-9])", LOCK.read_text().strip())
PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(\[[^\]]*\])?==(?P<version>[^\s;\\]+)")


def entries() -> list[tuple[str, str, str]]:
    found = []
    for entry in ENTRIES:
        pinned = PINNED.match(entry)
        assert pinned, entry[:80]
        found.append((pinned["name"], pinned["version"], entry))
    return found


def test_every_locked_requirement_has_one_version_and_a_digest() -> None:
    locked = entries()
    assert len(locked) > 50
    for name, _, entry in locked:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), name


def installed() -> list[tuple[str, str]]:
    found = []
    for name, version, entry in entries():
        required = Requirement(entry.split("\\")[0].split("--hash")[0].strip())
        if required.marker is not None and not required.marker.evaluate():
            continue  # for another platform or Python
        found.append((name, version))
    return found


@pytest.mark.parametrize(("name", "version"), installed(), ids=[name for name, _ in installed()])
def test_an_installed_requirement_is_the_locked_one_and_names_its_licence(name: str, version: str) -> None:
    about = metadata.metadata(name)
    assert about["Version"] == version, "sync the environment: make install"
    classifiers = [one for one in about.get_all("Classifier") or () if one.startswith("License ::")]
    files = about.get_all("License-File") or ()
    assert about["License-Expression"] or about["License"] or classifiers or files, "no licence is named"
