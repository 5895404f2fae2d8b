"""Several customers share one gallery, and none can see, search, count or infer another's subjects.

Two customers, "here" and "there", and the gallery's own subjects; whatever one tries on the other's is answered as
if there were nothing, in the words for what does not exist.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import select

from countenance import Countenance
from countenance.custody.permission.record import Asked
from countenance.errors import (
    AccessRefused,
    CompartmentUnknown,
    CountenanceError,
    ErasureHeld,
    ImageNotHeld,
    InputInvalid,
    PartyExists,
    SubjectUnknown,
    SuppressedImage,
)
from countenance.oversight.compartments import Compartment
from countenance.oversight.parties import MACHINE, CustomerClass, LegalBasis, Principal, Role
from countenance.oversight.policy import Code
from countenance.oversight.standing import StandingTerms
from countenance.recognition.faces.face import Face
from countenance.recognition.faces.quality import Quality
from countenance.recognition.gallery.enrol import Outcome, Prepared
from countenance.recognition.images import Picture
from countenance.recognition.templates.recogniser import RecognisedFace
from countenance.store import compartments, oversight_tables, suppression
from countenance.terms import Box, Vectors
from tests.galleries import START, UNTIL, Galleries, row, search, template
from tests.offices import PURPOSE, Office, hire, office, protection_officer

FACE = template(1)
"""One person, of whom everybody holds a picture."""
TERMS = StandingTerms((PURPOSE,), "GB", UNTIL, 30, controller="Harbour Ltd")


@dataclass
class Side:
    """One customer with a compartment called "staff" and people who may do everything in it."""

    office: Office
    compartment: Compartment
    enroller: Principal
    key: Principal


@pytest.fixture
def gallery(galleries: Galleries) -> Countenance:
    return galleries.new()


@pytest.fixture
def officer(gallery: Countenance) -> Principal:
    return protection_officer(gallery)


def side(gallery: Countenance, officer: Principal, name: str) -> Side:
    there = office(gallery, officer, name, kind=CustomerClass.BUSINESS, basis=LegalBasis.CONSENT)
    oversight = gallery.oversight
    made = oversight.compartments.open(MACHINE, "staff", customer_id=there.customer_id, terms=TERMS)
    enroller = hire(gallery, f"enroller at {name}", Role.ENROLLER, customer_id=there.customer_id)
    issued = oversight.keys.issue(
        MACHINE,
        there.customer_id,
        roles=[Role.ENROLLER, Role.INVESTIGATOR],
        expires=START + timedelta(days=60),
        case_id=there.case(quota=50),
        collection="staff",
    )
    return Side(there, made, enroller, oversight.authenticate(issued.secret))


@pytest.fixture
def here(gallery: Countenance, officer: Principal) -> Side:
    return side(gallery, officer, "Harbour Ltd")


@pytest.fixture
def there(gallery: Countenance, officer: Principal) -> Side:
    return side(gallery, officer, "Docklands Ltd")


def sees(gallery: Countenance, probe: Vectors) -> None:
    """Let every photograph that is searched with be the face of ``probe``."""
    face = Face(Box(10, 10, 80, 80), np.zeros((5, 2), np.float32), 1.0)
    found = RecognisedFace(face, np.zeros((112, 112, 3), np.uint8), Quality(100, ()), probe)
    prepared = Prepared("probe", b"", Picture(np.zeros((120, 120, 3), np.uint8), "image/png", 1, ()), (found,))
    subjects = gallery.oversight.subjects
    subjects._parts = replace(subjects._parts, prepare=lambda name, image: prepared)


def filled(gallery: Countenance, here: Side, there: Side) -> None:
    """Anna is held by everybody, each time as another subject; "there" holds a hundred more."""
    gallery.enrol_templates([row("anna", FACE)])
    gallery.enrol_templates(
        [row("anna", template(2, near=FACE)), row("ben", template(3))], compartment=here.compartment.number
    )
    many = [row("anna", template(4, near=FACE))] + [row(f"clara-{n}", template(100 + n)) for n in range(100)]
    gallery.enrol_templates(many, compartment=there.compartment.number)


def words(call: Callable[[], object]) -> tuple[type, str]:
    """How something is refused, as the asker can tell."""
    with pytest.raises(CountenanceError) as caught:
        call()
    return type(caught.value), str(caught.value)


# -- who sees whom -------------------------------------------------------------------------------------------------


def test_one_name_in_three_compartments_is_three_subjects(gallery: Countenance, here: Side, there: Side) -> None:
    filled(gallery, here, there)
    ledger = gallery._ledger
    numbers = {ledger.find("anna", n).subject_id for n in (0, here.compartment.number, there.compartment.number)}
    assert len(numbers) == 3
    gallery.withdraw("anna", compartment=here.compartment.number)
    with pytest.raises(SubjectUnknown):
        ledger.find("anna", here.compartment.number)
    assert ledger.find("anna").subject_id in numbers
    assert ledger.find("anna", there.compartment.number).subject_id in numbers


def test_the_gallerys_own_search_sees_its_own_subjects_and_counts_only_them(
    gallery: Countenance, here: Side, there: Side
) -> None:
    filled(gallery, here, there)
    found = search(gallery, FACE)
    assert [one.subject_id for one in found.faces[0].candidates] == [gallery._ledger.find("anna").subject_id]
    assert (found.gallery_size, found.references) == (1, 1)


def test_a_direct_search_answers_as_if_nobody_else_shared_the_gallery(
    gallery: Countenance, here: Side, there: Side
) -> None:
    sees(gallery, FACE)
    gallery.enrol_templates(
        [row("anna", template(2, near=FACE)), row("ben", template(3))], compartment=here.compartment.number
    )

    def asked() -> dict[str, object]:
        told = gallery.oversight.subjects.identify(here.key, None, b"").as_dict()
        del told["search"]
        return told

    alone = asked()
    filled_by_others = [row(f"clara-{n}", template(100 + n, near=FACE)) for n in range(100)]
    gallery.enrol_templates(filled_by_others, compartment=there.compartment.number)
    gallery.enrol_templates([row("anna", FACE)])
    assert asked() == alone
    assert (alone["subjects"], alone["references"]) == (2, 2)


def test_a_search_under_a_case_sees_the_gallerys_own_and_the_customers_never_anothers(
    gallery: Countenance, here: Side, there: Side
) -> None:
    filled(gallery, here, there)
    made = here.office.search(here.office.case(), FACE)
    ledger, sought = gallery._ledger, {}
    for name, number in (("own", 0), ("here", here.compartment.number), ("there", there.compartment.number)):
        subject_id = ledger.find("anna", number).subject_id
        lines = gallery.oversight._search_ledger.of(subject_id)
        sought[name] = [line.search_id for line in lines if line.what == "returned"]
    assert sought == {"own": [made.search_id], "here": [made.search_id], "there": []}
    items = oversight_tables.review_items
    with gallery._database.read() as connection:
        shown = set(connection.scalars(select(items.c.subject_id).where(items.c.case_id == made.case_id)))
    own = {ledger.find("anna", 0).subject_id}
    own |= {ledger.find(name, here.compartment.number).subject_id for name in ("anna", "ben")}
    assert shown <= own, "known non-mates too come from what the customer may see"


def test_a_purpose_that_only_others_use_is_searched_like_any_other(
    gallery: Countenance, here: Side, there: Side
) -> None:
    sees(gallery, FACE)
    never_used = gallery.oversight.subjects.identify(here.key, None, b"").as_dict()
    gallery.enrol_templates([row("clara", FACE)], compartment=there.compartment.number)
    used_by_others = gallery.oversight.subjects.identify(here.key, None, b"").as_dict()
    del never_used["search"], used_by_others["search"]
    assert never_used == used_by_others


# -- everything tried on another's ---------------------------------------------------------------------------------


def test_whatever_is_tried_on_anothers_is_answered_as_for_what_does_not_exist(
    gallery: Countenance, here: Side, there: Side, portrait_photographs: list[bytes]
) -> None:
    subjects, compartments = gallery.oversight.subjects, gallery.oversight.compartments
    subjects.permit(there.key, "clara", None)
    enrolled = subjects.enrol(there.key, "clara", None, [portrait_photographs[0]])
    image, held = enrolled[0].image_id, subjects.find(there.key, None, name="clara")
    assert enrolled[0].outcome is Outcome.ENROLLED
    assert image is not None
    compartments.open(MACHINE, "visitors", customer_id=there.office.customer_id)
    nothing, nobody, none = "0" * 32, "0" * 64, "no such compartment"
    one = here.enroller
    asked = Asked("clara", [PURPOSE], "GB", UNTIL)
    tries: list[tuple[Callable[[str], object], str, str]] = [
        (lambda name: subjects.find(one, "staff", name=name), "clara", "dora"),
        (lambda number: subjects.find(one, "staff", subject_id=number), held.subject_id, nobody),
        (lambda name: subjects.enrol(one, name, "staff", []), "clara", "dora"),
        (lambda name: subjects.withdraw(one, "staff", name), "clara", "dora"),
        (lambda name: subjects.images(one, "staff", subject=name), "clara", "dora"),
        (lambda name: subjects.held(one, "staff", subject=name), "clara", "dora"),
        (lambda number: subjects.remove_image(one, "staff", number), image, nothing),
        (lambda number: subjects.compare(here.key, None, number, b""), image, nothing),
        (lambda name: subjects.permit(one, "clara", name, asked), "visitors", none),
        (lambda name: subjects.listed(one, name), "visitors", none),
        (lambda name: subjects.identify(here.key, name, b""), "visitors", none),
        (lambda name: subjects.identify(here.office["investigator"], name, b""), "visitors", none),
        (lambda name: compartments.find(one, name), "visitors", none),
        (lambda name: compartments.rename(one, name, "guests"), "visitors", none),
        (lambda name: compartments.set_terms(one, name, None), "visitors", none),
        (lambda name: compartments.close(one, name), "visitors", none),
    ]
    for number, (call, theirs, missing) in enumerate(tries):
        kind, said = words(lambda call=call, it=theirs: call(it))  # type: ignore[misc]
        other = words(lambda call=call, it=missing: call(it))  # type: ignore[misc]
        assert (kind, said.replace(theirs, "")) == (other[0], other[1].replace(missing, "")), number
    assert subjects.listed(one, "staff").subjects == ()
    assert subjects.images(one, "staff").images == ()
    assert subjects.held(one, "staff") == replace(subjects.held(one, "staff"), subjects=0, images=0)
    assert [made.name for made in compartments.listed(one)] == ["staff"]
    assert subjects.find(there.key, None, name="clara") == held, "and nothing has changed there"


def test_a_customer_opens_a_compartment_of_a_name_that_another_uses(
    gallery: Countenance, here: Side, there: Side
) -> None:
    compartments = gallery.oversight.compartments
    compartments.open(there.enroller, "visitors")
    made = compartments.open(here.enroller, "visitors")
    assert made.customer_id == here.office.customer_id
    with pytest.raises(PartyExists):
        compartments.open(here.enroller, "visitors")
    with pytest.raises(AccessRefused, match="nothing of that id"):
        compartments.open(here.enroller, "other", customer_id=there.office.customer_id)
    with pytest.raises(InputInvalid, match="Several customers"):
        compartments.find(MACHINE, "visitors")


def test_a_key_bound_to_a_compartment_reaches_that_one_only(gallery: Countenance, here: Side) -> None:
    oversight = gallery.oversight
    oversight.compartments.open(here.enroller, "visitors")
    assert here.key.collection == "staff"
    assert [one.name for one in oversight.compartments.listed(here.key)] == ["staff"]
    assert oversight.compartments.seen_by(here.key) == {here.compartment.number}
    with pytest.raises(CompartmentUnknown):
        oversight.subjects.listed(here.key, "visitors")
    with pytest.raises(AccessRefused) as caught:
        oversight.compartments.open(here.key, "more")
    assert caught.value.reason == Code.KEY_BOUND
    oversight.compartments.rename(here.enroller, "staff", "crew")
    assert oversight.principal(str(here.key.credential)).collection == "crew"
    oversight.compartments.close(here.enroller, "crew")
    with pytest.raises(CountenanceError):
        oversight.principal(str(here.key.credential))


# -- no case, no search; the subject sees it -----------------------------------------------------------------------


def test_no_case_no_search(gallery: Countenance, here: Side) -> None:
    sees(gallery, FACE)
    oversight, investigator = gallery.oversight, here.office["investigator"]
    with pytest.raises(AccessRefused) as caught:
        oversight.subjects.identify(investigator, "staff", b"")
    assert caught.value.reason == Code.NO_CASE
    waiting = here.office.case(authorised=False)
    oversight.compartments.set_terms(here.enroller, "staff", replace(TERMS, case_id=waiting))
    with pytest.raises(AccessRefused) as caught:
        oversight.subjects.identify(investigator, "staff", b"")
    assert caught.value.reason == Code.CASE_STATE
    oversight.cases.authorise(here.office["authoriser"], waiting)
    assert oversight.subjects.identify(investigator, "staff", b"").case_id == waiting


def test_a_direct_search_is_in_the_subjects_ledger_with_the_customers_name(
    gallery: Countenance, here: Side
) -> None:
    sees(gallery, FACE)
    gallery.enrol_templates([row("anna", FACE)], compartment=here.compartment.number)
    made = gallery.oversight.subjects.identify(here.key, None, b"")
    assert [match.subject for match in made.faces[0].matches] == ["anna"]
    anna = gallery._ledger.find("anna", here.compartment.number).subject_id
    lines = gallery.oversight._search_ledger.of(anna)
    assert [(line.customer, line.purpose, line.search_id) for line in lines] == [
        ("Harbour Ltd", PURPOSE, made.search_id)
    ]


# -- holding and letting go ----------------------------------------------------------------------------------------


def test_standing_terms_permit_what_a_call_cannot_say_and_guess_nothing(gallery: Countenance, here: Side) -> None:
    subjects, compartments = gallery.oversight.subjects, gallery.oversight.compartments
    record = subjects.permit(here.key, "anna", None).record
    assert (record.purposes, record.residence, record.controller) == ((PURPOSE,), "GB", "Harbour Ltd")
    assert subjects.find(here.key, None, name="anna").until == (START + timedelta(days=30)).date().isoformat()
    for terms in (None, replace(TERMS, residence=None), replace(TERMS, until=None, retention_days=None)):
        compartments.set_terms(here.enroller, "staff", terms)
        with pytest.raises(InputInvalid):
            subjects.permit(here.key, "ben", None)
    with pytest.raises(InputInvalid, match="not registered"):
        compartments.set_terms(here.enroller, "staff", replace(TERMS, purposes=("marketing",)))
    with pytest.raises(AccessRefused) as caught:
        subjects.permit(here.key, "ben", None, Asked("ben", ["marketing"], "GB", UNTIL))
    assert caught.value.reason == Code.PURPOSE_NOT_ALLOWED


def test_pages_hold_everybody_once(gallery: Countenance, here: Side, there: Side) -> None:
    filled(gallery, here, there)
    seen, after = [], None
    while True:
        page = gallery.oversight.subjects.listed(there.key, None, after=after, limit=17)
        seen += [one.name for one in page.subjects]
        after = page.next
        if after is None:
            break
    assert sorted(seen) == sorted(["anna", *(f"clara-{n}" for n in range(100))])


def test_one_image_goes_and_its_subject_stays(
    gallery: Countenance, here: Side, portrait_photographs: list[bytes]
) -> None:
    subjects = gallery.oversight.subjects
    subjects.permit(here.key, "anna", None)
    first, second = subjects.enrol(here.key, "anna", None, portrait_photographs[:2])
    assert first.image_id is not None
    assert second.image_id is not None
    same = subjects.compare(here.key, None, first.image_id, portrait_photographs[2])
    assert same[0].score > 0.5
    gone = subjects.remove_image(here.key, None, first.image_id)
    assert gone.destroyed == {"images": 1, "templates": 1}
    assert [one.image_id for one in subjects.images(here.key, None).images] == [second.image_id]
    assert subjects.held(here.key, None).images == 1
    found = subjects.identify(here.key, None, portrait_photographs[2])
    assert [match.image_id for match in found.faces[0].matches] == [second.image_id]
    with pytest.raises(ImageNotHeld):
        subjects.remove_image(here.key, None, first.image_id)


def test_what_one_customer_erased_another_may_take_in_but_not_what_an_order_erased(
    gallery: Countenance, here: Side, there: Side, portrait_photographs: list[bytes]
) -> None:
    subjects = gallery.oversight.subjects
    picture = portrait_photographs[0]
    subjects.permit(here.key, "anna", None)
    subjects.enrol(here.key, "anna", None, [picture])
    subjects.withdraw(here.key, None, "anna")
    for one in (here, there):
        subjects.permit(one.key, "ben", None)
    assert subjects.enrol(here.key, "ben", None, [picture])[0].code == SuppressedImage.code
    assert subjects.enrol(there.key, "ben", None, [picture])[0].outcome is Outcome.ENROLLED
    subjects.withdraw(there.key, None, "ben")
    with gallery._database.write() as connection:
        images = suppression._i
        connection.execute(images.update().values(ground=suppression.ORDER))
    subjects.permit(there.key, "clara", None)
    assert subjects.enrol(there.key, "clara", None, [picture])[0].code == SuppressedImage.code


def test_closing_withdraws_everybody_in_it_and_nobody_else(
    galleries: Galleries, gallery: Countenance, here: Side, there: Side
) -> None:
    filled(gallery, here, there)
    compartments, closing = gallery.oversight.compartments, gallery.oversight.compartments._withdraw

    def killed(some: object) -> int:
        raise KeyboardInterrupt

    compartments._withdraw = killed
    with pytest.raises(KeyboardInterrupt):
        compartments.close(there.enroller, "staff")
    compartments._withdraw = closing
    with pytest.raises(CompartmentUnknown):
        gallery.oversight.subjects.listed(there.enroller, "staff")
    again = galleries.open()  # goes on by itself
    assert again.oversight.compartments.listed(there.enroller) == ()
    assert again.status().subjects == 3
    made = again.oversight.compartments.open(there.enroller, "staff")
    assert made.number not in (here.compartment.number, there.compartment.number), "no number comes twice"
    assert made.subjects == 0


def test_a_held_subject_keeps_her_compartment_open_for_erasure_only(
    gallery: Countenance, here: Side, there: Side
) -> None:
    filled(gallery, here, there)
    compartments = gallery.oversight.compartments
    compartments._withdraw = lambda some: 1
    with pytest.raises(ErasureHeld):
        compartments.close(here.enroller, "staff")
    assert [one.closing for one in compartments.listed(here.enroller)] == [True]


def test_a_closed_compartment_that_an_old_copy_brings_back_is_closed_again(
    galleries: Galleries, gallery: Countenance, here: Side
) -> None:
    with gallery._database.read() as connection:
        row = compartments.get(connection, here.compartment.number)
    assert row is not None
    gallery.oversight.compartments.close(here.enroller, "staff")
    with gallery._database.write() as connection:
        compartments.add(connection, row)
    again = galleries.open()
    assert again.oversight.compartments.listed(MACHINE) == ()
