"""Examples of what is sent, for the OpenAPI document; a test checks each against its description."""

from __future__ import annotations

EXAMPLES: dict[str, dict[str, object]] = {
    "sessions_begin": {"name": "Ada Byrne", "password": "correct horse battery staple"},
    "customers_register": {
        "name": "Harbour Police",
        "class": "police",
        "jurisdiction": "GB",
        "legal_basis": "law_enforcement",
        "purposes": ["missing-person"],
    },
    "customers_block": {
        "customers": "private",
        "jurisdiction": "US-IL",
        "ground": "consent order of May 2022",
    },
    "people_add": {
        "name": "Ada Byrne",
        "password": "correct horse battery staple",
        "roles": ["investigator"],
        "customer": "3f2a0c6d5b1e4f7c8a9b0d1e2f3a4b5c",
    },
    "people_give": {
        "name": "anna@example.org",
        "password": "correct horse battery staple",
        "subject": "anna",
        "customer": "3f2a0c6d5b1e4f7c8a9b0d1e2f3a4b5c",
        "compartment": "lobby",
    },
    "people_certify": {"until": "2027-12-31T00:00:00Z"},
    "people_link": {"sub": "248289761001"},
    "issuers_add": {"url": "https://login.example.org/realms/harbour", "audience": "countenance"},
    "keys_issue": {
        "customer": "3f2a0c6d5b1e4f7c8a9b0d1e2f3a4b5c",
        "roles": ["enroller"],
        "expires": "2027-12-31T00:00:00Z",
    },
    "subjects_permit": {
        "subject": "anna",
        "purposes": ["event-photos"],
        "residence": "GB",
        "until": "2027-12-31",
        "notice": "Shown at the entrance, version 3",
        "language": "en",
    },
    "subjects_look_up": {"subject": "anna"},
    "residency_show": {
        "subject": "anna",
        "customer": "3f2a0c6d5b1e4f7c8a9b0d1e2f3a4b5c",
        "compartment": "lobby",
        "places": ["FR", "US-IL"],
    },
    "cases_open_case": {
        "purpose": "missing-person",
        "legal_basis": "vital_interests",
        "reference": "2027/118",
        "subject_matter": "a lost child",
        "expires": "2027-03-01T00:00:00Z",
        "quota": 5,
    },
    "reviews_answer": {"answer": "same"},
}
