"""A key ring that a real key service wraps: the key folder alone opens nothing, and rotation loses nothing."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from countenance import Countenance
from countenance.cli.main import run
from countenance.errors import (
    CountenanceError,
    InputInvalid,
    KeyServiceRefused,
    KeyServiceUnavailable,
    KeysMissing,
)
from countenance.settings import KeyService
from countenance.vault.keys import KeyRing
from countenance.vault.transit import Transit
from tests.galleries import Galleries, names, permit, row, search, template
from tests.servers.milvus import ServerUnavailable
from tests.servers.openbao import OpenBao, running

pytestmark = [pytest.mark.xdist_group("openbao")]


@pytest.fixture(scope="module")
def openbao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBao]:
    """A real key service."""
    try:
        with running(tmp_path_factory.mktemp("openbao")) as server:
            yield server
    except ServerUnavailable as reason:
        pytest.skip(str(reason))


@pytest.fixture
def key(openbao: OpenBao, monkeypatch: pytest.MonkeyPatch) -> str:
    """A fresh key, and an environment with a token that may encrypt and decrypt with it."""
    place = openbao.new_key()
    monkeypatch.setenv("VAULT_ADDR", openbao.address)
    monkeypatch.setenv("VAULT_TOKEN", openbao.new_token(key=place))
    return place


def wrapped(galleries: Galleries, key: str) -> Countenance:
    """A gallery whose keys are wrapped."""
    made = Countenance.init(galleries.folder, cache=galleries.cache, keys_wrapped_by=key, clock=galleries.clock)
    galleries.opened.append(made)
    return made


def test_the_story_runs_on_wrapped_keys_and_no_secret_of_use_lies_in_the_key_folder(
    galleries: Galleries, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = wrapped(galleries, key)
    gallery.enrol_templates([row("anna", template(1)), row("bob", template(2))])
    assert gallery.withdraw("anna").absent
    gallery._keep_index()
    control = KeyRing.create(galleries.root / "control", "g" * 32)
    assert control._root in (galleries.root / "control" / "root.key").read_bytes()  # where it would lie unwrapped
    control.close()
    root, epoch = gallery._ring._root, gallery._ring.epoch_key()
    jurisdiction = gallery._ring._jurisdictions["GB"]
    assert epoch is not None
    files = [path for path in galleries.keys.rglob("*") if path.is_file()]
    assert not [path.name for path in files if path.name == "root.key"]
    content = b"".join(path.read_bytes() for path in files)
    for secret in (root, epoch[1], jurisdiction):
        assert secret not in content
    gallery.close()
    again = galleries.open()
    assert names(search(again, template(2))) == ["bob"]
    assert names(search(again, template(1))) == []
    again.close()
    monkeypatch.delenv("VAULT_TOKEN")
    with pytest.raises(KeyServiceRefused):
        galleries.open()


def test_without_the_service_a_gallery_does_not_open_and_an_open_one_works_on(
    galleries: Galleries, key: str, openbao: OpenBao, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery = wrapped(galleries, key)
    openbao.seal()
    try:
        permit(gallery, "anna")
        with pytest.raises(KeyServiceUnavailable) as raised:
            galleries.open()
        assert raised.value.code == "key_service_unavailable"
    finally:
        openbao.unseal()
    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:9")
    with pytest.raises(KeyServiceUnavailable):
        galleries.open()
    monkeypatch.setenv("VAULT_ADDR", openbao.address)
    assert galleries.open().status().subjects == 1


@pytest.mark.parametrize("wrong", ["another key's token", "no such key", "an invented token", "no address"])
def test_a_refusal_makes_no_gallery_and_tells_no_token(
    galleries: Galleries,
    key: str,
    openbao: OpenBao,
    wrong: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    token = openbao.new_token(key=openbao.new_key()) if "another" in wrong else secrets.token_hex(16)
    if wrong == "no such key":
        key, token = "transit://nowhere/at-all", openbao.new_token(key=key)
    monkeypatch.setenv("VAULT_TOKEN", token)
    if wrong == "no address":
        monkeypatch.delenv("VAULT_ADDR")
    line = ["init", str(galleries.folder), "--keys-wrapped-by", key, "--debug"]
    assert run(line) == 52
    said = capsys.readouterr()
    assert "[key_service_refused]" in said.err
    assert token not in said.err + said.out
    assert not galleries.folder.exists()
    assert not galleries.keys.exists()


@pytest.mark.parametrize(
    "place", ["transit://", "vault://transit/key", "transit://a/../b", "transit://transit/k?x=1"]
)
def test_what_names_no_key_is_refused(galleries: Galleries, key: str, place: str) -> None:
    with pytest.raises(InputInvalid):
        wrapped(galleries, place)
    assert not galleries.keys.exists()


def test_rewrapping_follows_a_rotation_and_the_old_version_may_then_be_forbidden(
    galleries: Galleries, key: str, openbao: OpenBao
) -> None:
    gallery = wrapped(galleries, key)
    permit(gallery, "anna")
    gallery.close()
    transit, name = openbao.client().secrets.transit, key.rsplit("/", 1)[1]
    ring = galleries.keys / "keyring.json"
    assert json.loads(ring.read_bytes())["root"].startswith("vault:v1:")
    old = ring.read_bytes()
    transit.rotate_key(name)
    assert run(["keys", "rewrap", "--gallery", str(galleries.folder)]) == 0
    assert json.loads(ring.read_bytes())["root"].startswith("vault:v2:")
    transit.update_key_configuration(name, min_decryption_version=2)
    assert galleries.open().status().subjects == 1
    ring.write_bytes(old)
    with pytest.raises(KeyServiceRefused):
        galleries.open()


def test_a_wrapped_key_opens_for_its_own_gallery_only(key: str, openbao: OpenBao, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(openbao.new_token(key=key) + "\n")
    service = Transit(KeyService(openbao.address, token_file=token))
    ciphertext = service.wrap(key, bytes(32), "a" * 32)
    assert service.unwrap(key, ciphertext, "a" * 32) == bytes(32)
    for altered, gallery in ((ciphertext, "b" * 32), (ciphertext[:-4] + "AAAA", "a" * 32), ("", "a" * 32)):
        with pytest.raises(KeyServiceRefused):
            service.unwrap(key, altered, gallery)


def test_a_jurisdiction_s_key_moved_to_another_s_name_is_noticed(
    key: str, openbao: OpenBao, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text(openbao.new_token(key=key))
    service = Transit(KeyService(openbao.address, token_file=token))
    ring = KeyRing.create(tmp_path / "keys", "g" * 32, service, key)
    ring._jurisdiction_key("GB", found=True)
    ring.close()
    (tmp_path / "keys" / "jurisdictions" / "GB.key").rename(tmp_path / "keys" / "jurisdictions" / "FR.key")
    again = KeyRing.open(tmp_path / "keys", "g" * 32, service)
    with pytest.raises(KeysMissing):
        again._jurisdiction_key("FR", found=False)
    again.close()


def test_a_ring_that_nothing_wraps_is_not_rewrapped(galleries: Galleries, key: str) -> None:
    gallery = galleries.new()
    with pytest.raises(CountenanceError) as raised:
        gallery.rewrap_keys(key)
    assert raised.value.code == "keys_missing"
