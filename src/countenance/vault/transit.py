"""The root of a key ring, wrapped by a key service: HashiCorp Vault's Transit engine, or OpenBao's.

Rules kept here:

* The service's key never leaves it; the root leaves it only to a process that opens the gallery, and never
  lies on a disk unwrapped. The ciphertext is bound to the gallery's number (associated data).
* The token comes from the environment or a file named there. It is in no file of the gallery, no message, no log.
* A service that is sealed, absent or slow is KeyServiceUnavailable; one that says no is KeyServiceRefused.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any, Protocol

from countenance.errors import InputInvalid, KeyServiceDriverMissing, KeyServiceRefused, KeyServiceUnavailable
from countenance.settings import KeyService


class Custodian(Protocol):
    """Wraps and unwraps the root of a ring. ``place`` names the key: ``transit://mount/key``."""

    def wrap(self, place: str, root: bytes, gallery_id: str) -> str:
        """The root as the service's ciphertext, under the newest version of its key."""
        ...

    def unwrap(self, place: str, ciphertext: str, gallery_id: str) -> bytes:
        """The root again."""
        ...


class Transit:
    """The key service that ``service`` says how to reach; connects at each use."""

    def __init__(self, service: KeyService) -> None:
        self._service = service

    def wrap(self, place: str, root: bytes, gallery_id: str) -> str:
        """The root as ``vault:vN:...``. Raises KeyServiceError, InputInvalid for a place that is none."""
        mount, name = split(place)

        def ask(transit: Any) -> dict[str, Any]:
            answer: dict[str, Any] = transit.encrypt_data(
                name, _text(root), associated_data=_text(gallery_id.encode()), mount_point=mount
            )
            return answer

        return str(self._ask(ask)["data"]["ciphertext"])

    def unwrap(self, place: str, ciphertext: str, gallery_id: str) -> bytes:
        """The root. Raises KeyServiceError."""
        mount, name = split(place)

        def ask(transit: Any) -> dict[str, Any]:
            answer: dict[str, Any] = transit.decrypt_data(
                name, ciphertext, associated_data=_text(gallery_id.encode()), mount_point=mount
            )
            return answer

        try:
            return base64.b64decode(self._ask(ask)["data"]["plaintext"], validate=True)
        except (binascii.Error, TypeError) as error:
            raise KeyServiceRefused("The key service answered something that is no key.") from error

    def _ask(self, ask: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        try:
            import hvac
            from requests.exceptions import RequestException
        except ModuleNotFoundError as error:
            raise KeyServiceDriverMissing("The keys of this gallery are wrapped by a key service.") from error
        service = self._service
        if not service.address:
            raise KeyServiceRefused("It is not said where the key service is.")
        refused: str | None
        try:
            client = hvac.Client(
                url=service.address,
                token=service.read_token(),
                namespace=service.namespace or None,
                timeout=service.timeout_s,
                verify=str(service.ca) if service.ca is not None else True,
            )
            try:
                return ask(client.secrets.transit)
            finally:
                client.adapter.close()
        except (hvac.exceptions.VaultDown, hvac.exceptions.BadGateway, hvac.exceptions.InternalServerError):
            refused = None
            said = "The key service is sealed, or cannot serve now."
        except RequestException:
            refused = None
            said = "The key service does not answer."
        except hvac.exceptions.Forbidden:
            refused = "The key service denies these credentials the use of the key."
        except hvac.exceptions.InvalidPath:
            refused = "The key service knows no such key."
        except hvac.exceptions.VaultError:
            refused = "The key service refused: the wrapped key is altered, of another gallery, or of a lost key."
        # Outside of the handlers, so that no cause carries a request with its token.
        if refused is None:
            raise KeyServiceUnavailable(said)
        raise KeyServiceRefused(refused)


def split(place: str) -> tuple[str, str]:
    """Mount and key of ``transit://mount/key``. Raises InputInvalid."""
    found = re.fullmatch(r"transit://([A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*)/([A-Za-z0-9_.-]+)", place)
    if found is None:
        raise InputInvalid("A wrapping key is named as transit://mount/key.", remedy="See docs/cli.md.")
    return found[1], found[2]


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
