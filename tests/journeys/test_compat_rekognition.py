"""The whole story of a Rekognition client, told by the real boto3; and forged, replayed and late requests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import httpx2
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from countenance import Countenance
from countenance.http.compat.rekognition.asked import IMAGE_BYTES
from countenance.http.compat.rekognition.operations import OPERATIONS
from countenance.oversight.credentials import Issued, KeyKind
from countenance.oversight.parties import MACHINE, Role
from countenance.oversight.policy import Verb
from countenance.settings import ServiceSettings
from tests import photographs
from tests.galleries import Galleries
from tests.peers import Firm, MovedClock, doors, everything_on_disk, firm, new_gallery, without
from tests.served import assert_ends
from tests.servers.postgres import Server

pytestmark = pytest.mark.usefixtures("quick_passwords")

NOBODY = "00000000-0000-0000-0000-000000000000"


@dataclass
class Client:
    """A customer's program."""

    firm: Firm
    key: Issued
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/compat/rekognition"

    def sdk(self, secret: str | None = None) -> Any:
        return boto3.client(
            "rekognition",
            endpoint_url=self.url,
            region_name="eu-west-2",
            aws_access_key_id=self.key.key_id,
            aws_secret_access_key=secret or self.key.secret,
            config=Config(retries={"total_max_attempts": 1}, parameter_validation=False),
        )

    def signed(self, operation: str, body: dict[str, object], *, path: str = "/") -> httpx2.Request:
        """A request as botocore signs it."""
        data = json.dumps(body).encode()
        headers = {
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": f"RekognitionService.{operation}",
            "Host": f"127.0.0.1:{self.port}",
        }
        request = AWSRequest("POST", self.url + path, headers=headers, data=data)
        SigV4Auth(Credentials(self.key.key_id, self.key.secret), "rekognition", "eu-west-2").add_auth(request)
        return httpx2.Request("POST", self.url + path, headers=dict(request.headers.items()), content=data)


def send(request: httpx2.Request) -> httpx2.Response:
    with httpx2.Client() as client:
        return client.send(request)


def kind_of(answer: httpx2.Response) -> str:
    assert answer.headers["x-amzn-requestid"]
    return str(answer.json()["__type"])


@pytest.fixture
def held(galleries: Galleries) -> tuple[Countenance, MovedClock]:
    return new_gallery(galleries)


@pytest.fixture
def client(held: tuple[Countenance, MovedClock]) -> Iterator[Client]:
    there = firm(held[0])
    there.compartment("default")
    with doors(held[0]) as port:
        yield Client(there, there.key(KeyKind.SIGNING), port)


def indexed(sdk: Any, picture: bytes, collection: str = "staff", **rest: object) -> str:
    """The id of the face of a picture with one."""
    [record] = sdk.index_faces(CollectionId=collection, Image={"Bytes": picture}, **rest)["FaceRecords"]
    return str(record["Face"]["FaceId"])


def refused(call: Any, **rest: object) -> str:
    """The code with which a call is refused."""
    with pytest.raises(ClientError) as error:
        call(**rest)
    assert error.value.response["ResponseMetadata"]["RequestId"]
    assert error.value.response["Error"]["Message"]
    return str(error.value.response["Error"]["Code"])


def outcome(call: Any, **rest: object) -> str:
    """``answered``, or the code with which a call is refused."""
    try:
        call(**rest)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "answered"


def test_the_story_of_a_client(
    client: Client, portrait_photographs: list[bytes], couple: photographs.Couple, galleries: Galleries
) -> None:
    whole_story(client, portrait_photographs, couple, galleries)


@pytest.mark.postgres
@pytest.mark.xdist_group("postgres")
def test_the_story_of_a_client_on_postgresql(
    galleries: Galleries,
    postgres_server: Server,
    portrait_photographs: list[bytes],
    couple: photographs.Couple,
) -> None:
    galleries.new_database = postgres_server.new_database
    there = firm(new_gallery(galleries)[0])
    there.compartment("default")
    with doors(there.gallery) as port:
        whole_story(Client(there, there.key(KeyKind.SIGNING), port), portrait_photographs, couple, galleries)


def whole_story(
    client: Client, portrait_photographs: list[bytes], couple: photographs.Couple, galleries: Galleries
) -> None:
    """From the first collection to its deletion."""
    sdk, here = client.sdk(), {"CollectionId": "staff"}
    first, second, probe, *_ = portrait_photographs
    # create
    made = sdk.create_collection(**here)
    assert made["StatusCode"] == 200
    assert made["CollectionArn"].endswith(":collection/staff")
    assert refused(sdk.create_collection, **here, Tags={"again": "1"}) == "ResourceAlreadyExistsException"
    with pytest.raises(sdk.exceptions.ResourceAlreadyExistsException):
        sdk.create_collection(**here, Tags={"again": "2"})
    assert sdk.list_collections()["CollectionIds"] == ["default", "staff"]
    paged = sdk.list_collections(MaxResults=1)
    assert sdk.list_collections(MaxResults=1, NextToken=paged["NextToken"])["CollectionIds"] == ["staff"]
    # index
    done = sdk.index_faces(
        **here, Image={"Bytes": first}, ExternalImageId="eileen:1.jpg", DetectionAttributes=["ALL"]
    )
    [record] = done["FaceRecords"]
    a = record["Face"]["FaceId"]
    assert record["Face"]["ExternalImageId"] == "eileen:1.jpg"
    assert record["Face"]["IndexFacesModelVersion"] == done["FaceModelVersion"] == made["FaceModelVersion"]
    assert 0 < record["Face"]["BoundingBox"]["Left"] < 1
    assert {"AgeRange", "Gender", "Emotions", "Smile"}.isdisjoint(record["FaceDetail"]), "nothing is guessed"
    assert len(record["FaceDetail"]["Landmarks"]) == 5
    b = indexed(sdk, second)
    group = sdk.index_faces(**here, Image={"Bytes": couple.data}, MaxFaces=1)
    assert [one["Reasons"] for one in group["UnindexedFaces"]] == [["EXCEEDS_MAX_FACES"]]
    c = group["FaceRecords"][0]["Face"]["FaceId"]
    described = sdk.describe_collection(**here)
    assert (described["FaceCount"], described["UserCount"]) == (3, 0)
    assert described["CreationTimestamp"].year >= 2026
    # search
    found = sdk.search_faces_by_image(**here, Image={"Bytes": probe})
    assert {one["Face"]["FaceId"] for one in found["FaceMatches"]} == {a, b, c}
    similarities = [one["Similarity"] for one in found["FaceMatches"]]
    assert similarities == sorted(similarities, reverse=True)
    assert similarities[-1] >= 80
    assert found["SearchedFaceConfidence"] > 60
    assert len(sdk.search_faces_by_image(**here, Image={"Bytes": probe}, MaxFaces=1)["FaceMatches"]) == 1
    like = sdk.search_faces(**here, FaceId=a, FaceMatchThreshold=70)
    assert {one["Face"]["FaceId"] for one in like["FaceMatches"]} == {b, c}
    # users
    sdk.create_user(**here, UserId="collins")
    assert refused(sdk.create_user, **here, UserId="collins") == "ConflictException"
    joined = sdk.associate_faces(**here, UserId="collins", FaceIds=[a, b, NOBODY])
    assert [one["FaceId"] for one in joined["AssociatedFaces"]] == [a, b]
    assert joined["UnsuccessfulFaceAssociations"] == [{"FaceId": NOBODY, "Reasons": ["FACE_NOT_FOUND"]}]
    assert joined["UserStatus"] == "ACTIVE"
    [match] = sdk.search_users_by_image(**here, Image={"Bytes": probe})["UserMatches"]
    assert match["User"]["UserId"] == "collins"
    assert match["Similarity"] > 90
    near = sdk.search_users(**here, FaceId=c, UserMatchThreshold=70)
    assert near["SearchedFace"] == {"FaceId": c}
    assert [one["User"]["UserId"] for one in near["UserMatches"]] == ["collins"], "faces of nobody are no users"
    assert sdk.list_users(**here)["Users"] == [{"UserId": "collins", "UserStatus": "ACTIVE"}]
    # list: ids outlive being given to a user
    assert {one["FaceId"] for one in sdk.list_faces(**here, UserId="collins")["Faces"]} == {a, b}
    pages = list(sdk.get_paginator("list_faces").paginate(**here, PaginationConfig={"PageSize": 2}))
    assert [[one["FaceId"] for one in page["Faces"]] for page in pages] == [[a, b], [c]]
    assert [one["FaceId"] for one in sdk.list_faces(**here, FaceIds=[b, NOBODY])["Faces"]] == [b]
    # delete
    gone = sdk.delete_faces(**here, FaceIds=[a, c, NOBODY])
    assert gone["DeletedFaces"] == [c]
    assert {one["FaceId"]: one["Reasons"] for one in gone["UnsuccessfulFaceDeletions"]} == {
        a: ["ASSOCIATED_TO_AN_EXISTING_USER"],
        NOBODY: ["FACE_NOT_FOUND"],
    }
    parted = sdk.disassociate_faces(**here, UserId="collins", FaceIds=[a, NOBODY])
    assert [one["FaceId"] for one in parted["DisassociatedFaces"]] == [a]
    sdk.delete_user(**here, UserId="collins")
    assert refused(sdk.delete_user, **here, UserId="collins") == "ResourceNotFoundException"
    assert {one["FaceId"] for one in sdk.list_faces(**here)["Faces"]} == {a, b}, "the faces stay"
    assert indexed(sdk, couple.data, MaxFaces=1), "what was deleted may be indexed again"
    assert sdk.delete_collection(**here)["StatusCode"] == 200
    assert refused(sdk.describe_collection, **here) == "ResourceNotFoundException"
    assert everything_on_disk(galleries.folder / "blobs") == b""


def test_pictures_without_a_collection(
    client: Client, portrait_photographs: list[bytes], couple: photographs.Couple
) -> None:
    sdk = client.sdk()
    assert len(sdk.detect_faces(Image={"Bytes": couple.data}, Attributes=["ALL"])["FaceDetails"]) == 2
    compared = sdk.compare_faces(SourceImage={"Bytes": portrait_photographs[0]}, TargetImage={"Bytes": couple.data})
    assert len(compared["FaceMatches"]) + len(compared["UnmatchedFaces"]) == 2
    assert compared["FaceMatches"][0]["Similarity"] > 90
    assert compared["SourceImageFace"]["Confidence"] > 60
    strict = sdk.compare_faces(
        SourceImage={"Bytes": portrait_photographs[0]}, TargetImage={"Bytes": couple.data}, SimilarityThreshold=100
    )
    assert strict["FaceMatches"] == []
    assert len(strict["UnmatchedFaces"]) == 2


def test_a_user_gets_only_faces_that_resemble_the_ones_there_are(
    client: Client, portrait_photographs: list[bytes], orl_folder
) -> None:  # type: ignore[no-untyped-def]
    sdk, here = client.sdk(), {"CollectionId": "staff"}
    sdk.create_collection(**here)
    people = sorted(path for path in orl_folder.rglob("*") if path.suffix in {".pgm", ".png", ".jpg"})
    picture = photographs.jpeg(photographs.Image.open(people[0]).convert("RGB").resize((276, 336)))
    stranger, own = indexed(sdk, picture), indexed(sdk, portrait_photographs[0])
    for user in ("collins", "other"):
        sdk.create_user(**here, UserId=user)
    sdk.associate_faces(**here, UserId="collins", FaceIds=[own])
    [failed] = sdk.associate_faces(**here, UserId="collins", FaceIds=[stranger])["UnsuccessfulFaceAssociations"]
    assert failed["Reasons"] == ["LOW_MATCH_CONFIDENCE"]
    assert failed["Confidence"] < 75
    [failed] = sdk.associate_faces(**here, UserId="other", FaceIds=[own])["UnsuccessfulFaceAssociations"]
    assert failed == {"FaceId": own, "UserId": "collins", "Reasons": ["ASSOCIATED_TO_A_DIFFERENT_USER"]}
    twin = indexed(sdk, portrait_photographs[1])
    sdk.associate_faces(**here, UserId="other", FaceIds=[twin])
    alike = sdk.search_users(**here, UserId="collins")
    assert alike["SearchedUser"] == {"UserId": "collins"}
    assert [one["User"]["UserId"] for one in alike["UserMatches"]] == ["other"], "and she herself is left out"
    assert alike["UserMatches"][0]["Similarity"] > 90
    assert sdk.search_users(**here, FaceId=stranger, UserMatchThreshold=0)["UserMatches"] == []
    sdk.create_user(**here, UserId="faceless")
    assert sdk.search_users(**here, UserId="faceless")["UserMatches"] == []
    assert refused(sdk.search_users, **here, UserId="nobody") == "ResourceNotFoundException"
    assert refused(sdk.search_users, **here, UserId="collins", FaceId=own) == "InvalidParameterException"
    assert refused(sdk.search_users, **here) == "InvalidParameterException"
    found = sdk.search_faces_by_image(**here, Image={"Bytes": picture}, FaceMatchThreshold=0)
    assert own not in {one["Face"]["FaceId"] for one in found["FaceMatches"]}, "a threshold of 0 shows no strangers"


def test_what_clients_rely_on_when_there_is_no_face(client: Client) -> None:
    sdk, here = client.sdk(), {"CollectionId": "staff"}
    sdk.create_collection(**here)
    nobody = {"Bytes": photographs.landscape()}
    assert refused(sdk.search_faces_by_image, **here, Image=nobody) == "InvalidParameterException"
    assert sdk.search_users_by_image(**here, Image=nobody)["UserMatches"] == []
    assert refused(sdk.compare_faces, SourceImage=nobody, TargetImage=nobody) == "InvalidParameterException"
    done = sdk.index_faces(**here, Image=nobody)
    assert (done["FaceRecords"], done["UnindexedFaces"]) == ([], [])
    assert sdk.detect_faces(Image=nobody)["FaceDetails"] == []


def test_every_refusal_has_the_peers_exception(client: Client, portrait_photographs: list[bytes]) -> None:
    sdk, here, image = client.sdk(), {"CollectionId": "staff"}, {"Bytes": portrait_photographs[0]}
    sdk.create_collection(**here)
    stored = {"S3Object": {"Bucket": "bucket", "Name": "name"}}
    for call, rest, kind in (
        (sdk.create_collection, {"CollectionId": "no spaces"}, "InvalidParameterException"),
        (sdk.create_collection, {"CollectionId": "x" * 256}, "InvalidParameterException"),
        (sdk.describe_collection, {}, "InvalidParameterException"),
        (sdk.describe_collection, {"CollectionId": "other"}, "ResourceNotFoundException"),
        (sdk.delete_collection, {"CollectionId": "other"}, "ResourceNotFoundException"),
        (sdk.list_collections, {"NextToken": "guessed"}, "InvalidPaginationTokenException"),
        (sdk.list_collections, {"MaxResults": 4097}, "InvalidParameterException"),
        (sdk.index_faces, {**here, "Image": stored}, "InvalidS3ObjectException"),
        (sdk.index_faces, {**here, "Image": {"Bytes": b"no picture"}}, "InvalidImageFormatException"),
        (sdk.index_faces, {**here, "Image": {"Bytes": bytes(IMAGE_BYTES + 1)}}, "ImageTooLargeException"),
        (sdk.index_faces, {**here, "Image": image, "ExternalImageId": "a b"}, "InvalidParameterException"),
        (sdk.index_faces, {**here, "Image": image, "MaxFaces": 0}, "InvalidParameterException"),
        (sdk.index_faces, {**here, "Image": image, "QualityFilter": "BEST"}, "InvalidParameterException"),
        (sdk.search_faces_by_image, {**here, "Image": image, "MaxFaces": 4097}, "InvalidParameterException"),
        (
            sdk.search_faces_by_image,
            {**here, "Image": image, "FaceMatchThreshold": 101.0},
            "InvalidParameterException",
        ),
        (sdk.search_faces, {**here, "FaceId": NOBODY}, "InvalidParameterException"),
        (sdk.search_faces, {**here, "FaceId": "one"}, "InvalidParameterException"),
        (sdk.list_faces, {**here, "NextToken": NOBODY}, "InvalidPaginationTokenException"),
        (sdk.list_faces, {**here, "UserId": "nobody"}, "ResourceNotFoundException"),
        (sdk.delete_faces, {**here, "FaceIds": []}, "InvalidParameterException"),
        (sdk.associate_faces, {**here, "UserId": "nobody", "FaceIds": [NOBODY]}, "ResourceNotFoundException"),
        (sdk.detect_labels, {"Image": image}, "UnknownOperationException"),
    ):
        assert refused(call, **rest) == kind, (call.__name__, kind)


def test_a_face_that_may_not_be_kept_is_named(client: Client, portrait_photographs: list[bytes]) -> None:
    sdk, here, there = client.sdk(), {"CollectionId": "staff"}, client.firm
    sdk.create_collection(**here)
    there.compartment("no-terms", without(there.terms, purposes=()))
    there.compartment("no-case", without(there.terms, case_id=None))
    image = {"Bytes": portrait_photographs[0]}
    assert refused(sdk.index_faces, CollectionId="no-terms", Image=image) == "AccessDeniedException"
    assert indexed(sdk, portrait_photographs[0], "no-case")
    assert refused(sdk.search_faces_by_image, CollectionId="no-case", Image=image) == "AccessDeniedException"
    # somebody withdraws; her picture does not come back as somebody else's
    number = there.gallery.oversight.compartments.number_for(there.office.customer_id, "staff")
    sdk.create_user(**here, UserId="collins")
    sdk.associate_faces(**here, UserId="collins", FaceIds=[indexed(sdk, portrait_photographs[0])])
    assert there.gallery.withdraw("collins", compartment=number).absent
    assert sdk.search_faces_by_image(**here, Image={"Bytes": portrait_photographs[1]})["FaceMatches"] == []
    done = sdk.index_faces(**here, Image=image)
    assert done["FaceRecords"] == []
    assert [one["Reasons"] for one in done["UnindexedFaces"]] == [["NOT_PERMITTED"]]
    poor = photographs.jpeg(photographs.portrait().resize((64, 64)).resize((320, 320)))
    done = sdk.index_faces(**here, Image={"Bytes": poor})
    assert done["FaceRecords"] == []
    assert all(one["Reasons"] for one in done["UnindexedFaces"])


def test_an_expired_permission_takes_the_face_out_of_answers(
    client: Client, held: tuple[Countenance, MovedClock], portrait_photographs: list[bytes]
) -> None:
    sdk, there = client.sdk(), client.firm
    there.compartment("short", without(there.terms, until=None, retention_days=3))
    image = {"Bytes": portrait_photographs[1]}
    face = indexed(sdk, portrait_photographs[0], "short")
    assert sdk.search_faces_by_image(CollectionId="short", Image=image)["FaceMatches"]
    held[1].away = timedelta(days=5)
    assert sdk.search_faces_by_image(CollectionId="short", Image=image)["FaceMatches"] == []
    assert refused(sdk.search_faces, CollectionId="short", FaceId=face) == "AccessDeniedException"


def test_a_suspended_customers_client_deletes_users_with_their_faces_and_adds_nothing(
    client: Client, portrait_photographs: list[bytes], galleries: Galleries
) -> None:
    sdk, here = client.sdk(), {"CollectionId": "staff"}
    sdk.create_collection(**here)
    a, b, c = (indexed(sdk, picture) for picture in portrait_photographs[:3])
    for user, faces in (("collins", [a, b]), ("eileen", [c])):
        sdk.create_user(**here, UserId=user)
        assert len(sdk.associate_faces(**here, UserId=user, FaceIds=faces)["AssociatedFaces"]) == len(faces)
    deleter = client.firm.key(KeyKind.SIGNING, verbs=(Verb.SUBJECT_WITHDRAW,))
    Client(client.firm, deleter, client.port).sdk().delete_user(**here, UserId="eileen")
    assert {one["FaceId"] for one in sdk.list_faces(**here)["Faces"]} == {a, b}, "it may not permit hers anew"
    client.firm.gallery.oversight.customers.suspend(MACHINE, client.firm.office.customer_id)
    image = {"Bytes": portrait_photographs[3]}
    assert refused(sdk.index_faces, **here, Image=image) == "AccessDeniedException"
    assert refused(sdk.create_user, **here, UserId="new") == "AccessDeniedException"
    parted = sdk.disassociate_faces(**here, UserId="collins", FaceIds=[a])
    assert [one["FaceId"] for one in parted["DisassociatedFaces"]] == [a]
    assert [one["FaceId"] for one in sdk.list_faces(**here)["Faces"]] == [b], "nobody holds it any more"
    sdk.delete_user(**here, UserId="collins")
    assert sdk.list_users(**here)["Users"] == sdk.list_faces(**here)["Faces"] == []
    assert client.firm.gallery.status().subjects == 0
    assert everything_on_disk(galleries.folder / "blobs") == b""


def test_another_customers_collection_looks_as_if_it_were_not_there(
    client: Client, portrait_photographs: list[bytes]
) -> None:
    mine, here = client.sdk(), {"CollectionId": "staff"}
    mine.create_collection(**here)
    face = indexed(mine, portrait_photographs[0])
    there = firm(client.firm.gallery, "Hill Police")
    there.compartment("default")
    theirs = Client(there, there.key(KeyKind.SIGNING), client.port).sdk()
    assert theirs.list_collections()["CollectionIds"] == ["default"]
    answers = []
    for collection in ("staff", "nowhere"):
        with pytest.raises(ClientError) as error:
            theirs.describe_collection(CollectionId=collection)
        answers.append(error.value.response["Error"])
    assert answers[0] == answers[1]
    theirs.create_collection(**here)
    assert theirs.list_faces(**here)["Faces"] == []
    assert theirs.list_faces(**here, FaceIds=[face])["Faces"] == []
    assert theirs.delete_faces(**here, FaceIds=[face])["DeletedFaces"] == []
    assert refused(theirs.search_faces, **here, FaceId=face) == "InvalidParameterException"
    assert theirs.search_faces_by_image(**here, Image={"Bytes": portrait_photographs[1]})["FaceMatches"] == []
    assert mine.describe_collection(**here)["FaceCount"] == 1


def test_a_key_does_what_it_is_issued_for_and_nothing_else(
    client: Client, portrait_photographs: list[bytes]
) -> None:
    there, image = client.firm, {"Bytes": portrait_photographs[0]}
    client.sdk().create_collection(CollectionId="staff")
    bound = Client(there, there.key(KeyKind.SIGNING, collection="staff"), client.port).sdk()
    assert bound.list_collections()["CollectionIds"] == ["staff"]
    assert refused(bound.describe_collection, CollectionId="default") == "ResourceNotFoundException"
    assert refused(bound.create_collection, CollectionId="new") == "AccessDeniedException"
    looker = Client(there, there.key(KeyKind.SIGNING, roles=(Role.INVESTIGATOR,)), client.port).sdk()
    assert refused(looker.index_faces, CollectionId="staff", Image=image) == "AccessDeniedException"
    enroller = Client(there, there.key(KeyKind.SIGNING, roles=(Role.ENROLLER,)), client.port).sdk()
    assert refused(enroller.search_faces_by_image, CollectionId="staff", Image=image) == "AccessDeniedException"
    bearer = there.key(KeyKind.BEARER)
    assert refused(Client(there, bearer, client.port).sdk().list_collections) == "UnrecognizedClientException"
    there.gallery.oversight.keys.revoke(MACHINE, client.key.key_id)
    assert refused(client.sdk().list_collections) == "UnrecognizedClientException"


def test_a_forged_request_is_refused(client: Client) -> None:
    assert refused(client.sdk("another secret").list_collections) == "InvalidSignatureException"
    good = client.signed("ListCollections", {})
    signed = {name: value for name, value in good.headers.items() if name != "content-length"}
    for name, changed in {
        "another body": httpx2.Request("POST", good.url, headers=signed, content=b'{"MaxResults":1}'),
        "an unsigned header that decides": httpx2.Request(
            "POST", good.url, headers=signed | {"x-amz-other": "1"}, content=good.content
        ),
        "a key in the query string": httpx2.Request(
            "POST", f"{good.url}?X-Amz-Credential=1", headers=signed, content=good.content
        ),
    }.items():
        assert kind_of(send(changed)) == "InvalidSignatureException", name
    bare = httpx2.Request("POST", good.url, content=b"{}")
    assert kind_of(send(bare)) == "MissingAuthenticationTokenException"
    assert send(good).status_code == 200, "and as it was signed it is taken"


def test_a_late_request_is_refused(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    import botocore.auth

    for minutes in (-16, 16):
        wrong = datetime.now(UTC) + timedelta(minutes=minutes)
        monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda wrong=wrong: wrong.replace(tzinfo=None))
        assert kind_of(send(client.signed("ListCollections", {}))) == "InvalidSignatureException"


def test_a_signature_changes_something_once(client: Client, held: tuple[Countenance, MovedClock]) -> None:
    request = client.signed("CreateCollection", {"CollectionId": "staff"})
    assert send(request).status_code == 200
    assert kind_of(send(request)) == "InvalidSignatureException"
    held[0].oversight.compartments.close(MACHINE, "staff", customer_id=client.firm.office.customer_id)
    assert kind_of(send(request)) == "InvalidSignatureException", "also when it would work again"
    # what only reads may be asked twice in one second, as boto3 does; and not a while later
    request = client.signed("ListCollections", {})
    assert [send(request).status_code for _ in range(2)] == [200, 200]
    held[1].away = timedelta(seconds=11)
    assert kind_of(send(request)) == "InvalidSignatureException"


def test_a_signature_is_remembered_by_all_processes(
    client: Client, held: tuple[Countenance, MovedClock], galleries: Galleries
) -> None:
    request = client.signed("CreateCollection", {"CollectionId": "staff"})
    assert send(request).status_code == 200
    presented = request.headers["authorization"].split("Signature=")[1]
    again = galleries.open(held[1])
    assert again.legacy.used(client.key.key_id, presented, timedelta(minutes=30)) is not None
    held[1].away = timedelta(minutes=31)
    assert again.legacy.used(client.key.key_id, presented, timedelta(minutes=30)) is None, "and then forgotten"


def test_a_key_that_asks_too_often_is_told_to_wait(galleries: Galleries) -> None:
    gallery, _ = new_gallery(galleries)
    there = firm(gallery)
    with doors(gallery, ServiceSettings(rate_a_minute=2, wrong_credentials_a_minute=1)) as port:
        client = Client(there, there.key(KeyKind.SIGNING), port)
        slow_down = "ProvisionedThroughputExceededException"
        asked = [outcome(client.sdk().list_collections, MaxResults=most) for most in range(1, 5)]
        assert_ends(asked, "answered", slow_down, limit=2)
        guessed = [outcome(client.sdk("a guess").list_collections, MaxResults=most) for most in range(1, 4)]
        assert_ends(guessed, "InvalidSignatureException", slow_down, limit=1)


def test_every_operation_has_a_name_of_the_services_model() -> None:
    model = boto3.client(
        "rekognition", region_name="eu-west-2", aws_access_key_id="none", aws_secret_access_key="none"
    ).meta.service_model
    assert set(OPERATIONS) <= set(model.operation_names)
