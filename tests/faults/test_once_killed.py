"""Killed in the middle of a request and sent again under the same key, by another process: once, exactly."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from sqlalchemy import func, select

from countenance import Countenance
from countenance.errors import RequestUnderWay
from countenance.oversight.once import Fresh
from countenance.store import oversight_tables, schema
from tests.conftest import REPOSITORY
from tests.faults.once_acts import OPERATIONS, SENT, asker
from tests.galleries import Galleries, row, template
from tests.offices import office, protection_officer

KILLED = [
    ("permit", "permission written"),
    ("permit", "logged"),
    ("case", "case written"),
    ("case", "logged"),
    ("search", "quota taken"),
    ("search", "search under way"),
    ("enrol", "image in place"),
    ("withdraw", "frozen"),
    ("withdraw", "erased"),
    ("release", "release written"),  # and "release committed" by a real server: test_service_process
]


def effects(gallery: Countenance) -> dict[str, int]:
    """What there is of everything that the operations make."""
    tables = {
        "permissions": schema.permissions,
        "cases": oversight_tables.cases,
        "searches": schema.searches,
        "images": schema.images,
        "references": schema.references,
        "erasures": schema.erasures,
        "subjects": schema.subjects,
        "releases": oversight_tables.releases,
        "recipients": schema.disclosures,
    }
    with gallery._database.read() as connection:
        found = {
            name: connection.scalar(select(func.count()).select_from(one)) or 0 for name, one in tables.items()
        }
        counted = oversight_tables.customer_counts
        found["counted"] = (
            connection.scalar(select(func.sum(counted.c.count)).where(counted.c.what == "releases")) or 0
        )
        found["used"] = connection.scalar(select(func.sum(oversight_tables.cases.c.used))) or 0
    log = gallery._witness.log
    noted = [entry.event for entry in log.entries(0, log.size)]
    for event in ("permission.given", "case.asked", "erasure.certified", "candidate.released"):
        found[event] = noted.count(event)
    return found


EXPECTED = {
    "permit": {"permissions": 1, "subjects": 1, "permission.given": 1},
    "case": {"cases": 1, "case.asked": 1},
    "search": {"searches": 1, "used": 1},
    "enrol": {"images": 1, "references": 1},
    "release": {"releases": 1, "recipients": 1, "counted": 1, "candidate.released": 1},
    "withdraw": {"permissions": -1, "subjects": -1, "references": -1, "erasures": 1, "erasure.certified": 1},
}


@pytest.mark.parametrize(("operation", "place"), KILLED, ids=[f"{one} {where}" for one, where in KILLED])
def test_a_request_killed_anywhere_and_sent_again_has_its_effect_once(
    galleries: Galleries, operation: str, place: str
) -> None:
    killed_and_sent_again(galleries, operation, place)


def test_so_it_is_on_postgresql_where_the_server_lets_go_of_a_dead_session(both: Galleries) -> None:
    killed_and_sent_again(both, "search", "quota taken")


def killed_and_sent_again(galleries: Galleries, operation: str, place: str) -> None:
    """The whole story of one request."""
    gallery = galleries.new()
    gallery.enrol_templates([row("anna", template(1)), *(row(f"stranger-{n}", template(50 + n)) for n in range(9))])
    there = office(gallery, protection_officer(gallery))
    if operation == "search":
        there.case(quota=1)
    if operation == "release":
        there.search(there.case(), template(9, near=template(1)))
        for name in ("first", "second"):
            there.review_rightly(name, ["anna"])
    before = effects(gallery)
    command = [sys.executable, "-m", "tests.faults.once_driver", operation, place]
    command += [str(galleries.root), str(galleries.cache)]
    process = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False)
    assert process.returncode == -signal.SIGKILL, process.stderr
    fresh = gallery.oversight.once.begin(asker(gallery, operation), operation, SENT)
    assert isinstance(fresh, Fresh)
    assert fresh.again
    with pytest.raises(RequestUnderWay):
        galleries.open().oversight.once.begin(asker(gallery, operation), operation, SENT)
    OPERATIONS[operation](gallery, fresh.request_id)
    gallery.oversight.once.finish(fresh.request_id, 200, b"{}")
    after = effects(gallery)
    made = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    assert made == EXPECTED[operation]
    assert gallery.log.fsck().ok
