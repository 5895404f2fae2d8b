"""What an operator does once before a client of another engine is pointed at this gallery.

    python examples/legacy/prepare.py GALLERY

Registers a customer with somebody who opens a case and somebody else who authorises it, opens a compartment whose
standing terms name purpose, residence, end and case, and prints a key for a CompreFace client and one for boto3.
"""

from __future__ import annotations

import json
import secrets
import sys
from datetime import UTC, datetime, timedelta

from countenance import Countenance
from countenance.oversight.credentials import KeyKind
from countenance.oversight.parties import MACHINE, LegalBasis, Principal, Role
from countenance.oversight.standing import StandingTerms

PURPOSE = "event-photos"


def prepare(gallery: Countenance) -> dict[str, str]:
    """The keys, and what they are bound to."""
    oversight, now = gallery.oversight, datetime.now(UTC)
    customer = oversight.customers.register(
        MACHINE,
        "Example Events",
        customer_class="business",
        jurisdiction="GB",
        legal_basis=LegalBasis.CONSENT,
        purposes=[PURPOSE],
    )

    def hire(name: str, role: Role) -> Principal:
        password = secrets.token_urlsafe(16)
        oversight.people.add(MACHINE, name, password, roles=[role], customer_id=customer.customer_id)
        return oversight.authenticate(oversight.login(name, password).secret)

    # Two people: one asks, another authorises. Every search of the keys below is counted against this case.
    case = oversight.cases.open(
        hire("asks", Role.INVESTIGATOR),
        purpose=PURPOSE,
        legal_basis=LegalBasis.CONSENT,
        reference="standing case of the photo desk",
        subject_matter="guests look for the pictures in which they are",
        expires=now + timedelta(days=30),
        quota=1000,
    )
    oversight.cases.authorise(hire("authorises", Role.AUTHORISER), case.case_id)

    # Collections that boto3 creates get the terms of the compartment `default`.
    terms = StandingTerms((PURPOSE,), residence="GB", until=now.date() + timedelta(days=365), case_id=case.case_id)
    for name in ("default", "guests"):
        oversight.compartments.open(MACHINE, name, customer_id=customer.customer_id, terms=terms)

    def issue(kind: KeyKind, collection: str | None) -> tuple[str, str]:
        issued = oversight.keys.issue(
            MACHINE,
            customer.customer_id,
            roles=[Role.ENROLLER, Role.INVESTIGATOR],
            expires=now + timedelta(days=90),
            kind=kind,
            purpose=PURPOSE,
            collection=collection,
        )
        return issued.key_id, issued.secret

    key_id, secret = issue(KeyKind.SIGNING, None)
    return {
        "compreface_api_key": issue(KeyKind.BEARER, "guests")[1],
        "aws_access_key_id": key_id,
        "aws_secret_access_key": secret,
    }


if __name__ == "__main__":
    with Countenance(sys.argv[1]) as opened:
        print(json.dumps(prepare(opened), indent=2))
