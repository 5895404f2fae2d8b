"""Permissions in time: they begin, end, are renewed and withdrawn, and each names its purposes."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import pytest

from countenance.errors import PermissionInvalid, PermissionRefused, SubjectNameInvalid, SubjectUnknown
from countenance.recognition.gallery.enrol import Outcome
from tests.conftest import REPOSITORY
from tests.galleries import UNTIL, Galleries, names, permit, row, search, template

ANNA = template(1)


def test_an_expired_subject_is_refused_at_once_and_erased_at_the_next_opening(both: Galleries) -> None:
    gallery = both.new()
    gallery.enrol_templates([row("anna", ANNA, until=date(2027, 1, 10)), row("bob", template(2))])
    both.clock.step(timedelta(days=6))  # noon of the last day
    assert names(search(gallery, ANNA)) == ["anna"]
    both.clock.step(timedelta(hours=12))  # the day is over
    assert names(search(gallery, ANNA)) == []
    assert gallery.status().subjects == 2
    again = both.open()
    assert [(one.as_dict()["ground"], one.absent) for one in again.kept_promises] == [("expiry", True)]
    assert [one.subject for one in again.status(people=True).people or ()] == ["bob"]
    with pytest.raises(SubjectUnknown):
        again.withdraw("anna")
    assert both.open().kept_promises == ()


def test_a_process_that_stays_open_erases_the_expired_when_told(galleries: Galleries) -> None:
    gallery = galleries.new()
    gallery.enrol_templates([row("anna", ANNA, until=date(2027, 1, 10))])
    assert gallery.expire() == ()
    galleries.clock.step(timedelta(days=7))
    assert [one.absent for one in gallery.expire()] == [True]
    assert gallery.status().subjects == 0


def test_a_renewed_permission_keeps_what_the_first_one_allowed_to_be_held(galleries: Galleries) -> None:
    gallery = galleries.new()
    gallery.enrol_templates([row("anna", ANNA, until=date(2027, 1, 10))])
    permit(gallery, "anna", until=date(2027, 3, 1))
    galleries.clock.step(timedelta(days=20))
    again = galleries.open()
    assert again.kept_promises == ()
    assert names(search(again, ANNA)) == ["anna"]


def test_two_permissions_with_different_purposes_end_each_at_its_own_time(both: Galleries) -> None:
    gallery = both.new()
    gallery.enrol_templates([row("anna", ANNA, purposes=["event-photos"], until=date(2027, 1, 10))])
    permit(gallery, "anna", "lost-and-found", until=date(2027, 3, 1))
    assert names(search(gallery, ANNA, "event-photos")) == ["anna"]
    assert names(search(gallery, ANNA, "lost-and-found")) == ["anna"]
    both.clock.step(timedelta(days=20))
    for opened in (gallery, both.open()):
        assert names(search(opened, ANNA, "event-photos")) == []
        assert names(search(opened, ANNA, "lost-and-found")) == ["anna"]
    assert gallery.status().purposes == {"lost-and-found": 1}
    both.clock.step(timedelta(days=60))
    assert names(search(gallery, ANNA, "lost-and-found")) == []
    assert both.open().status().subjects == 0


def test_a_new_permission_after_a_withdrawal_starts_from_nothing(
    galleries: Galleries, portrait_photographs: list[bytes], tmp_path: Path
) -> None:
    gallery = galleries.new()
    permit(gallery, "anna")
    gallery.enrol("anna", portrait_photographs[:2])
    gallery.identify(portrait_photographs[2], purpose="event-photos")
    first = gallery._ledger.find("anna").subject_id
    gallery.withdraw("anna")
    terms = {"purposes": ["event-photos"], "residence": "GB", "until": UNTIL}
    receipt = gallery.permit("anna", **terms, returning="her letter").as_dict()  # type: ignore[arg-type]
    assert receipt["permission_version"] == 1
    assert gallery._ledger.find("anna").subject_id != first
    assert names(gallery.identify(portrait_photographs[2], purpose="event-photos")) == []
    report = gallery.access("anna", tmp_path / "anna.zip")
    assert (report.images, report.templates, report.searches, report.permissions) == (0, 0, 0, 1)
    assert gallery.enrol("anna", portrait_photographs[:1]).count(Outcome.ENROLLED) == 1
    assert names(gallery.identify(portrait_photographs[2], purpose="event-photos")) == ["anna"]


HOLD_OPEN = """
import sys
from pathlib import Path
from tests.galleries import Galleries, names, search, template
makers = Galleries(Path(sys.argv[1]), Path(sys.argv[2]))
gallery = makers.open()
for line in sys.stdin:
    print(",".join(names(search(gallery, template(1)))), flush=True)
"""


def test_a_withdrawn_subject_never_appears_among_candidates_in_any_process(galleries: Galleries) -> None:
    gallery = galleries.new()
    gallery.enrol_templates([row("anna", ANNA), row("bob", template(2))])
    command = [sys.executable, "-c", HOLD_OPEN, str(galleries.root), str(galleries.cache)]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None

        def ask() -> str:
            print("search", file=other.stdin, flush=True)
            return other.stdout.readline().strip()  # type: ignore[union-attr]  # asserted above

        assert ask() == "anna"
        gallery.withdraw("anna")
        assert ask() == ""
        assert names(search(gallery, ANNA)) == []
        assert names(search(galleries.open(), ANNA)) == []
        other.stdin.close()


@pytest.mark.parametrize(
    ("given", "last_day"),
    [
        ({"residence": "GB", "until": date(2036, 12, 31)}, "2036-12-31"),
        ({"residence": "US-IL", "until": date(2036, 12, 31), "release": "paper 7"}, "2030-01-04"),
        ({"residence": "US-IL", "until": date(2028, 6, 1), "release": "paper 7"}, "2028-06-01"),
        ({"residence": "US", "until": date(2036, 12, 31), "release": "paper 7"}, "2030-01-04"),
        ({"residence": "GB", "until": UNTIL, "born": date(2009, 6, 1), "guardian": "her mother"}, "2027-05-31"),
        ({"residence": "GB", "until": UNTIL, "born": date(2009, 1, 4)}, "2028-01-04"),
        ({"residence": "GB", "until": UNTIL, "born": date(2009, 1, 5), "guardian": "g"}, "2027-01-04"),
        ({"residence": "GB", "until": date(2033, 1, 4), "born": date(2012, 2, 29), "guardian": "g"}, "2030-02-28"),
    ],
    ids=[
        "long",
        "Illinois ends after three years",
        "Illinois may be shorter",
        "a state that was not named may be Illinois",
        "a minor's ends the day before majority",
        "of age today",
        "of age tomorrow",
        "born on 29 February",
    ],
)
def test_a_permission_ends_when_the_law_says(galleries: Galleries, given: dict[str, object], last_day: str) -> None:
    receipt = galleries.new().permit("anna", purposes=["event-photos"], **given)  # type: ignore[arg-type]
    assert receipt.record.until == last_day
    following = date.fromisoformat(last_day) + timedelta(days=1)
    assert receipt.record.valid_until_utc == f"{following.isoformat()}T00:00:00Z"


@pytest.mark.parametrize(
    "given",
    [
        {"born": date(2015, 1, 1)},
        {"born": date(2030, 1, 1)},
        {"until": date(2027, 1, 3)},
        {"until": date(2037, 1, 5)},
        {"purposes": []},
        {"purposes": ["Event Photos"]},
        {"residence": "UK of GB"},
        {"residence": "gb"},
        {"residence": "US-IL"},
        {"residence": "US-IL", "release": " "},
        {"residence": "US"},
        {"guardian": "her mother"},
        {"returning": "she asked for it on 4 January"},
    ],
    ids=[
        "a minor without a guardian",
        "born in the future",
        "ended before it began",
        "longer than ten years",
        "without a purpose",
        "with a purpose that is none",
        "with a residence that is none",
        "with a residence in small letters",
        "from Illinois without a written release",
        "from Illinois with an empty release",
        "from a state that was not named, without a release",
        "by a guardian for somebody of no age",
        "returning from an erasure that never was",
    ],
)
def test_a_permission_that_cannot_stand_leaves_nothing_behind(
    galleries: Galleries, given: dict[str, object]
) -> None:
    gallery = galleries.new()
    asked: dict[str, object] = {"purposes": ["event-photos"], "residence": "GB", "until": UNTIL, **given}
    with pytest.raises(PermissionInvalid):
        gallery.permit("anna", **asked)  # type: ignore[arg-type]
    assert gallery.status().subjects == 0
    assert (galleries.keys / "slots.bin").stat().st_size == 0


def test_a_minor_stays_one_until_majority_whatever_a_renewal_leaves_out(galleries: Galleries) -> None:
    gallery = galleries.new()
    terms: dict[str, object] = {"purposes": ["event-photos"], "residence": "GB"}
    born, until = date(2010, 3, 1), date(2033, 1, 4)
    gallery.permit("anna", **terms, until=until, born=born, guardian="her mother")  # type: ignore[arg-type]
    with pytest.raises(PermissionInvalid, match="guardian"):
        gallery.permit("anna", **terms, until=until)  # type: ignore[arg-type]
    with pytest.raises(PermissionInvalid, match="guardian"):
        gallery.enrol_templates([row("anna", ANNA)])
    again = gallery.permit("anna", **terms, until=until, guardian="her father")  # type: ignore[arg-type]
    assert again.record.until == "2028-02-29"
    third = gallery.permit("anna", **terms, until=until, guardian="her father")  # type: ignore[arg-type]
    assert third.record.until == "2028-02-29", "what the first one said is carried on by every later one"
    galleries.clock.step(date(2028, 3, 1) - galleries.clock.now().date())
    assert len(gallery.expire()) == 1, "at majority what was held under a guardian's word goes"
    gallery.permit("anna", **terms, until=until, returning="she came herself")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "-rf", "x" * 201, "\u202eanna"], ids=repr)
def test_a_name_that_cannot_be_shown_safely_is_refused(galleries: Galleries, name: str) -> None:
    with pytest.raises(SubjectNameInvalid):
        permit(galleries.new(), name)


def test_one_name_written_in_two_ways_is_one_subject(galleries: Galleries) -> None:
    gallery = galleries.new()
    permit(gallery, "Ren\u00e9e")
    permit(gallery, " Rene\u0301e ")
    assert gallery.status().subjects == 1
    assert gallery.withdraw("Rene\u0301e").subject == "Ren\u00e9e"


def test_nobody_is_enrolled_whose_permission_is_not_in_force(
    galleries: Galleries, portrait_photographs: list[bytes]
) -> None:
    gallery = galleries.new()
    permit(gallery, "anna")
    galleries.clock.step(timedelta(days=-1))  # the clock was set back: it has not begun
    with pytest.raises(PermissionRefused):
        gallery.enrol("anna", portrait_photographs[:1])
