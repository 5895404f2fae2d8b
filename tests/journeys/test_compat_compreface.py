"""The whole story of a CompreFace client, told by the real SDK and, where it is too polite, by plain HTTP."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import httpx2
import pytest
from compreface import CompreFace

from countenance import Countenance
from countenance.http.compat.compreface.asked import PICTURE_BYTES
from countenance.oversight.credentials import KeyKind
from countenance.oversight.parties import MACHINE, Role
from countenance.settings import ServiceSettings
from tests import photographs
from tests.galleries import Galleries
from tests.peers import Firm, MovedClock, doors, everything_on_disk, firm, new_gallery, without
from tests.served import assert_ends
from tests.servers.postgres import Server

pytestmark = pytest.mark.usefixtures("quick_passwords")

ROOT = "/compat/compreface/api/v1"


@dataclass
class Client:
    """A customer's program."""

    firm: Firm
    key: str
    port: int

    @property
    def gallery(self) -> Countenance:
        return self.firm.gallery

    def sdk(self) -> CompreFace:
        return CompreFace("http://127.0.0.1", f"{self.port}/compat/compreface")

    @property
    def recognition(self):  # type: ignore[no-untyped-def]
        return self.sdk().init_face_recognition(self.key)

    def ask(self, method: str, path: str, **rest: object) -> httpx2.Response:
        headers = {"x-api-key": self.key} | dict(rest.pop("headers", {}))  # type: ignore[call-overload]
        return httpx2.request(method, f"http://127.0.0.1:{self.port}{ROOT}{path}", headers=headers, **rest)  # type: ignore[arg-type]


@pytest.fixture
def held(galleries: Galleries) -> tuple[Countenance, MovedClock]:
    return new_gallery(galleries)


@pytest.fixture
def client(held: tuple[Countenance, MovedClock]) -> Iterator[Client]:
    gallery, _ = held
    there = firm(gallery)
    there.compartment("staff")
    key = there.key(KeyKind.BEARER, collection="staff")
    with doors(gallery) as port:
        yield Client(there, key.secret, port)


def test_the_story_of_a_client(client: Client, portrait_photographs: list[bytes]) -> None:
    whole_story(client, portrait_photographs)


@pytest.mark.postgres
@pytest.mark.xdist_group("postgres")
def test_the_story_of_a_client_on_postgresql(
    galleries: Galleries, postgres_server: Server, portrait_photographs: list[bytes]
) -> None:
    galleries.new_database = postgres_server.new_database
    gallery, _ = new_gallery(galleries)
    there = firm(gallery)
    there.compartment("staff")
    key = there.key(KeyKind.BEARER, collection="staff")
    with doors(gallery) as port:
        whole_story(Client(there, key.secret, port), portrait_photographs)


def whole_story(client: Client, portrait_photographs: list[bytes]) -> None:
    """From the first subject to the deletion of all."""
    first, second, probe, other, *_ = portrait_photographs
    recognition = client.recognition
    subjects, faces = recognition.get_subjects(), recognition.get_face_collection()
    # create
    assert subjects.add("Eileen Collins") == {"subject": "Eileen Collins"}
    assert subjects.add("Eileen Collins")["code"] == 43
    # add
    added = faces.add(first, "Eileen Collins")
    assert added["subject"] == "Eileen Collins"
    again = faces.add(first, "Eileen Collins")
    assert again == added, "the same bytes are the same face"
    faces.add(second, "Eileen Collins")
    # list
    assert subjects.list() == {"subjects": ["Eileen Collins"]}
    listed = faces.list()
    assert (listed["page_number"], listed["page_size"], listed["total_pages"]) == (0, 20, 1)
    assert listed["total_elements"] == 2
    assert listed["faces"][0] == added
    page = client.ask("GET", "/recognition/faces?page=1&size=1").json()
    assert page["faces"] == listed["faces"][1:]
    assert page["total_pages"] == 2
    # recognise
    asked = {
        "limit": 0,
        "prediction_count": 1,
        "face_plugins": "landmarks,age,gender,mask,calculator",
        "status": True,
    }
    [face] = recognition.recognize(probe, asked)["result"]
    assert [one["subject"] for one in face["subjects"]] == ["Eileen Collins"]
    assert face["subjects"][0]["similarity"] > 0.95
    assert face["box"]["probability"] > 0.6
    assert face["box"]["x_min"] < face["box"]["x_max"]
    assert len(face["landmarks"]) == 5
    assert {"age", "gender", "mask", "pose", "embedding"}.isdisjoint(face), "nothing is guessed, no template leaves"
    assert face["execution_time"]["total"] > 0
    # verify
    [verified] = faces.verify(probe, added["image_id"])["result"]
    assert verified["similarity"] > 0.95
    # rename; into an existing name is a merge
    assert subjects.update("Eileen Collins", "Collins") == {"updated": True}
    faces.add(other, "E. Collins")
    assert subjects.update("E. Collins", "Collins") == {"updated": True}
    assert subjects.list() == {"subjects": ["Collins"]}
    assert faces.list()["total_elements"] == 3
    assert added | {"subject": "Collins"} in faces.list()["faces"], "ids outlive a merge"
    [face] = recognition.recognize(probe, {"prediction_count": 5})["result"]
    assert [one["subject"] for one in face["subjects"]] == ["Collins"]
    # delete
    assert faces.delete(added["image_id"]) == added | {"subject": "Collins"}
    assert faces.delete(added["image_id"])["code"] == 44
    assert faces.delete_all("Collins") == {"deleted": 2}
    assert subjects.list() == {"subjects": ["Collins"]}
    assert recognition.recognize(probe)["result"][0]["subjects"] == []
    assert subjects.delete("Collins") == {"subject": "Collins"}
    assert subjects.delete("Collins")["code"] == 42
    faces.add(first, "Anna")
    faces.add(first, "Berta")
    assert subjects.delete_all() == {"deleted": 2}
    assert subjects.list() == {"subjects": []}


def test_detection_and_verification_of_two_pictures(
    client: Client, portrait_photographs: list[bytes], couple: photographs.Couple
) -> None:
    detection = client.sdk().init_face_detection(client.key)
    boxes = [one["box"] for one in detection.detect(couple.data)["result"]]
    assert len(boxes) == 2
    widths = [box["x_max"] - box["x_min"] for box in boxes]
    assert widths == sorted(widths, reverse=True), "the largest first"
    assert len(detection.detect(couple.data, {"limit": 1})["result"]) == 1
    assert detection.detect(couple.data, {"det_prob_threshold": 0.999})["code"] == 28
    verification = client.sdk().init_face_verification(client.key)
    [answer] = verification.verify(portrait_photographs[0], couple.data)["result"]
    assert len(answer["face_matches"]) == 2
    assert answer["face_matches"][0]["similarity"] > 0.9
    assert answer["source_image_face"]["box"]["probability"] > 0.6
    assert verification.verify(couple.data, portrait_photographs[0])["code"] == 31
    assert verification.verify(photographs.landscape(), portrait_photographs[0])["code"] == 28
    as_text = {
        name: base64.b64encode(portrait_photographs[0]).decode() for name in ("source_image", "target_image")
    }
    answer = client.ask("POST", "/verification/verify", json=as_text).json()["result"][0]
    assert answer["face_matches"][0]["similarity"] > 0.99


def test_pictures_in_base64_are_taken_like_files(client: Client, portrait_photographs: list[bytes]) -> None:
    document = {"file": base64.b64encode(portrait_photographs[0]).decode()}
    added = client.ask("POST", "/recognition/faces?subject=Anna", json=document)
    assert added.status_code == 201
    document = {"file": base64.b64encode(portrait_photographs[2]).decode()}
    found = client.ask("POST", "/recognition/recognize?prediction_count=-1", json=document).json()
    assert found["result"][0]["subjects"][0]["subject"] == "Anna"
    path = f"/recognition/faces/{added.json()['image_id']}/verify"
    assert client.ask("POST", path, json=document).json()["result"][0]["similarity"] > 0.9


def test_strangers_are_nobody(client: Client, portrait_photographs: list[bytes], orl_folder) -> None:  # type: ignore[no-untyped-def]
    client.recognition.get_face_collection().add(portrait_photographs[0], "Eileen Collins")
    people = sorted(path for path in orl_folder.rglob("*") if path.suffix in {".pgm", ".png", ".jpg"})[::60]
    verification = client.sdk().init_face_verification(client.key)
    for stranger in people[:5]:
        picture = photographs.jpeg(photographs.Image.open(stranger).convert("RGB"))
        for face in client.recognition.recognize(picture)["result"]:
            assert face["subjects"] == []
        [answer] = verification.verify(portrait_photographs[0], picture)["result"]
        assert all(one["similarity"] < 0.75 for one in answer["face_matches"])


_REFUSED = {
    "no key": ("GET", "/recognition/subjects", {"headers": {"x-api-key": None}}, 400, 20),
    "a wrong key": ("GET", "/recognition/subjects", {"headers": {"x-api-key": "00000000-0000"}}, 404, 10),
    "a key in the query": ("GET", "/recognition/subjects?api_key=1", {}, 400, 26),
    "no subject": ("POST", "/recognition/faces", {"files": {"file": b"1"}}, 400, 33),
    "a blank subject": ("POST", "/recognition/subjects", {"json": {"subject": " "}}, 400, 26),
    "an empty field": ("POST", "/recognition/subjects", {"json": {}}, 400, 5),
    "a subject that is a number": ("POST", "/recognition/subjects", {"json": {"subject": 1}}, 400, 26),
    "no JSON": ("POST", "/recognition/subjects", {"content": b"{"}, 400, 26),
    "no file": ("POST", "/recognition/recognize", {"files": {"other": b"1"}}, 400, 33),
    "no picture": ("POST", "/recognition/recognize", {"files": {"file": b"no picture at all"}}, 400, 21),
    "an empty file": ("POST", "/recognition/recognize", {"files": {"file": b""}}, 400, 21),
    "more than 5 MB": ("POST", "/recognition/recognize", {"files": {"file": bytes(PICTURE_BYTES + 1)}}, 400, 26),
    "a form that is none": (
        "POST",
        "/recognition/recognize",
        {"content": b"x", "headers": {"content-type": "multipart/form-data; boundary=b"}},
        400,
        26,
    ),
    "no base64": ("POST", "/recognition/recognize", {"json": {"file": "=%"}}, 400, 26),
    "a negative limit": ("POST", "/recognition/recognize?limit=-1", {"files": {"file": b"1"}}, 400, 26),
    "no predictions": ("POST", "/recognition/recognize?prediction_count=0", {"files": {"file": b"1"}}, 400, 26),
    "a threshold of 2": ("POST", "/detection/detect?det_prob_threshold=2", {"files": {"file": b"1"}}, 400, 26),
    "another kind of body": ("POST", "/detection/detect", {"content": b"1"}, 415, 26),
    "a page of nothing": ("GET", "/recognition/faces?size=0", {}, 400, 26),
    "an unknown face": ("DELETE", "/recognition/faces/00000000-0000-0000-0000-000000000000", {}, 404, 44),
    "a face that is no id": ("DELETE", "/recognition/faces/1", {}, 404, 44),
    "an unknown subject": ("PUT", "/recognition/subjects/Nobody", {"json": {"subject": "New"}}, 404, 42),
    "a stored picture": ("GET", "/recognition/faces/00000000-0000-0000-0000-000000000000/img", {}, 404, 11),
    "a picture by a key in its path": ("GET", "/static/KEY/images/1", {}, 404, 0),
    "an unknown call": ("GET", "/recognition/everything", {}, 404, 0),
}


def test_every_refusal_has_the_peers_form(client: Client) -> None:
    for case, (method, path, rest, status, code) in _REFUSED.items():
        headers = dict(rest.get("headers", {}))  # type: ignore[call-overload]
        url = f"http://127.0.0.1:{client.port}{ROOT}{path}"
        shown = {"x-api-key": client.key} | headers
        shown = {name: value for name, value in shown.items() if value is not None}
        rest = {name: value for name, value in rest.items() if name != "headers"}
        answer = httpx2.request(method, url, headers=shown, **rest)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["code"]) == (status, code), f"{case}: {answer.text}"
        assert answer.json()["message"]
        assert set(answer.json()) == {"message", "code"}


def test_several_faces_or_none_are_not_enrolled(client: Client, couple: photographs.Couple) -> None:
    faces = client.recognition.get_face_collection()
    assert faces.add(couple.data, "Anna")["code"] == 31
    assert faces.add(photographs.landscape(), "Anna")["code"] == 28
    assert client.recognition.get_subjects().list() == {"subjects": []}


def test_without_standing_terms_nobody_is_enrolled_and_without_a_case_nobody_is_searched(
    client: Client, portrait_photographs: list[bytes]
) -> None:
    there = client.firm
    there.compartment("no terms", without(there.terms, purposes=()))
    bare = Client(there, there.key(KeyKind.BEARER, collection="no terms").secret, client.port)
    refused = bare.ask("POST", "/recognition/faces?subject=Anna", files={"file": portrait_photographs[0]})
    assert (refused.status_code, refused.json()["code"]) == (403, 0)
    there.compartment("no case", without(there.terms, case_id=None))
    caseless = Client(there, there.key(KeyKind.BEARER, collection="no case").secret, client.port)
    assert "image_id" in caseless.recognition.get_face_collection().add(portrait_photographs[0], "Anna")
    refused = caseless.ask("POST", "/recognition/recognize", files={"file": portrait_photographs[1]})
    assert refused.status_code == 403
    assert "case" in refused.json()["message"]


def test_a_key_does_what_it_is_issued_for_and_nothing_else(
    client: Client, portrait_photographs: list[bytes]
) -> None:
    there = client.firm
    for roles, method, path in (
        ((Role.INVESTIGATOR,), "POST", "/recognition/faces?subject=Anna"),
        ((Role.ENROLLER,), "POST", "/recognition/recognize"),
    ):
        other = Client(there, there.key(KeyKind.BEARER, collection="staff", roles=roles).secret, client.port)
        assert other.ask(method, path, files={"file": portrait_photographs[0]}).status_code == 403
    unbound = Client(there, there.key(KeyKind.BEARER).secret, client.port)
    assert unbound.ask("GET", "/recognition/subjects").status_code == 404, "a key without an application"
    signing = there.key(KeyKind.SIGNING)
    assert Client(there, signing.secret, client.port).ask("GET", "/recognition/subjects").json()["code"] == 10
    issued = there.key(KeyKind.BEARER, collection="staff")
    there.gallery.oversight.keys.revoke(MACHINE, issued.key_id)
    assert Client(there, issued.secret, client.port).ask("GET", "/recognition/subjects").json()["code"] == 10


def test_a_suspended_customers_client_deletes_and_neither_adds_nor_recognises(
    client: Client, portrait_photographs: list[bytes]
) -> None:
    first, probe, *_ = portrait_photographs
    subjects = client.recognition.get_subjects()
    client.recognition.get_face_collection().add(first, "Eileen Collins")
    customers = client.gallery.oversight.customers
    customers.suspend(MACHINE, client.firm.office.customer_id)
    for path in ("/recognition/faces?subject=Anna", "/recognition/recognize"):
        assert client.ask("POST", path, files={"file": probe}).status_code == 403
    assert subjects.list() == {"subjects": ["Eileen Collins"]}
    assert subjects.delete("Eileen Collins") == {"subject": "Eileen Collins"}
    assert subjects.list() == {"subjects": []}
    assert client.gallery.status().subjects == 0


def test_another_customers_faces_look_as_if_they_were_not_there(
    client: Client, portrait_photographs: list[bytes]
) -> None:
    added = client.recognition.get_face_collection().add(portrait_photographs[0], "Eileen Collins")
    there = firm(client.gallery, "Hill Police")
    there.compartment("staff")
    other = Client(there, there.key(KeyKind.BEARER, collection="staff").secret, client.port)
    assert other.recognition.get_subjects().list() == {"subjects": []}
    assert other.recognition.get_face_collection().list()["faces"] == []
    assert other.recognition.recognize(portrait_photographs[1])["result"][0]["subjects"] == []
    for answer in (
        other.recognition.get_face_collection().delete(added["image_id"]),
        other.recognition.get_face_collection().verify(portrait_photographs[1], added["image_id"]),
    ):
        unknown = other.recognition.get_face_collection().delete("00000000-0000-0000-0000-000000000000")
        assert answer == unknown
    assert other.recognition.get_subjects().delete("Eileen Collins")["code"] == 42
    assert "image_id" in other.recognition.get_face_collection().add(portrait_photographs[0], "Eileen Collins")


def test_an_ended_permission_takes_the_face_out_of_answers_and_deletion_erases(
    client: Client, held: tuple[Countenance, MovedClock], portrait_photographs: list[bytes], galleries: Galleries
) -> None:
    gallery, clock = held
    faces = client.recognition.get_face_collection()
    faces.add(portrait_photographs[0], "Eileen Collins")
    faces.add(portrait_photographs[1], "Eileen Collins")
    names = client.firm.gallery.oversight.compartments
    number = names.number_for(client.firm.office.customer_id, "staff")
    subject = gallery._ledger.find("Eileen Collins", number).subject_id
    with gallery._database.read() as connection:
        from countenance.store import references

        before = references.images_of(connection, [subject])[subject]
    sealed = [gallery._blobs.read(one.image_id) for one in before]
    # one of two pictures: its bytes are nowhere, hers are
    first = faces.list()["faces"][0]["image_id"]
    faces.delete(first)
    disk = everything_on_disk(galleries.folder / "blobs")
    assert [blob in disk for blob in sealed] == [False, True]
    # the permission ends
    [face] = client.recognition.recognize(portrait_photographs[2])["result"]
    assert face["subjects"]
    clock.away = timedelta(days=29)
    until = client.firm.terms.until
    assert until is not None
    withdrawn = gallery.withdraw("Eileen Collins", compartment=number)
    assert withdrawn.absent
    assert everything_on_disk(galleries.folder / "blobs") == b""
    assert client.recognition.recognize(portrait_photographs[2])["result"][0]["subjects"] == []
    assert client.recognition.get_subjects().list() == {"subjects": []}


def test_an_expired_permission_takes_the_face_out_of_answers(
    client: Client, held: tuple[Countenance, MovedClock], portrait_photographs: list[bytes]
) -> None:
    there = client.firm
    there.compartment("short", without(there.terms, until=None, retention_days=3))
    short = Client(there, there.key(KeyKind.BEARER, collection="short").secret, client.port)
    added = short.recognition.get_face_collection().add(portrait_photographs[0], "Eileen Collins")
    assert short.recognition.recognize(portrait_photographs[1])["result"][0]["subjects"]
    held[1].away = timedelta(days=5)
    assert short.recognition.recognize(portrait_photographs[1])["result"][0]["subjects"] == []
    refused = short.ask(
        "POST", f"/recognition/faces/{added['image_id']}/verify", files={"file": portrait_photographs[1]}
    )
    assert refused.status_code == 403


def test_a_key_that_asks_too_often_is_told_to_wait(galleries: Galleries) -> None:
    gallery, _ = new_gallery(galleries)
    there = firm(gallery)
    there.compartment("staff")
    key = there.key(KeyKind.BEARER, collection="staff").secret
    with doors(gallery, ServiceSettings(rate_a_minute=2, wrong_credentials_a_minute=2)) as port:
        client = Client(there, key, port)
        answers = [client.ask("GET", "/recognition/subjects") for _ in range(4)]
        assert_ends([one.status_code for one in answers], 200, 429, limit=2)
        assert int(answers[-1].headers["retry-after"]) >= 1
        guesser = Client(there, "a guess", port)
        guesses = [guesser.ask("GET", "/recognition/subjects").status_code for _ in range(4)]
        assert_ends(guesses, 404, 429, limit=2)
