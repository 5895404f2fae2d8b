"""The operations. Each parses its input, calls one method of ``gallery.legacy`` and renders the output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from countenance import clock
from countenance.engine.legacy import Legacy
from countenance.errors import ImageNotHeld, NoFace
from countenance.http.compat.rekognition import answers
from countenance.http.compat.rekognition.answers import Answer
from countenance.http.compat.rekognition.asked import EXTERNAL, FACE, USER, Asked, bad_token
from countenance.http.compat.rekognition.failures import INVALID, Failure
from countenance.oversight.parties import Principal

NO_ACCOUNT = "000000000000"
MOST_INDEXED = 100
MOST_MATCHES = 4096
MOST_USERS = 500
MINIMUM = {"NONE": 0, "AUTO": 40, "LOW": 40, "MEDIUM": 60, "HIGH": 80}
"""Quality (0 to 100, docs/quality.md) that a QualityFilter asks for. Nothing below 40 is indexed in any case."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call: who asks, what, and where it was signed for."""

    legacy: Legacy
    who: Principal
    asked: Asked
    region: str


def create_collection(call: Call) -> Answer:
    """A new, empty collection."""
    made = call.legacy.create_collection(call.who, call.asked.collection())
    return {
        "StatusCode": 200,
        "CollectionArn": f"aws:rekognition:{call.region}:{NO_ACCOUNT}:collection/{made.name}",
        "FaceModelVersion": answers.model_version(made.model),
    }


def describe_collection(call: Call) -> Answer:
    """What a collection holds, in numbers."""
    found = call.legacy.collection(call.who, call.asked.collection())
    return {
        "FaceCount": found.faces,
        "UserCount": found.users,
        "FaceModelVersion": answers.model_version(found.model),
        "CollectionARN": f"arn:aws:rekognition:{call.region}:{NO_ACCOUNT}:collection/{found.name}",
        "CreationTimestamp": clock.from_text(found.created_utc).timestamp(),
    }


def list_collections(call: Call) -> Answer:
    """The customer's collections, a page at a time."""
    most = call.asked.number("MaxResults", 0, 4096, 1000) or 1000
    found = call.legacy.collections(call.who)
    start = _place(call.asked.token(), [one.name for one in found])
    page = found[start : start + most]
    answer: Answer = {
        "CollectionIds": [one.name for one in page],
        "FaceModelVersions": [answers.model_version(one.model) for one in page],
    }
    if start + most < len(found):
        answer["NextToken"] = page[-1].name
    return answer


def _place(token: str | None, names: list[str]) -> int:
    if token is None:
        return 0
    if token not in names:
        raise bad_token()
    return names.index(token) + 1


def delete_collection(call: Call) -> Answer:
    """Erase a collection and everybody in it."""
    call.legacy.delete_collection(call.who, call.asked.collection())
    return {"StatusCode": 200}


def index_faces(call: Call) -> Answer:
    """Every face of an image becomes a face of the collection, or is said not to."""
    collection, asked = call.asked.collection(), call.asked
    most = asked.whole("MaxFaces", 1, MOST_MATCHES, None)
    done = call.legacy.index_faces(
        call.who,
        collection,
        asked.image("Image"),
        label=asked.maybe("ExternalImageId", EXTERNAL) or "",
        most=min(MOST_INDEXED, most or MOST_INDEXED),
        quality=MINIMUM[asked.filter("AUTO")],
    )
    return {
        "FaceRecords": [
            {"Face": answers.held(held, done.looked.model), "FaceDetail": answers.detail(face, done.looked)}
            for held, face in done.kept
        ],
        "UnindexedFaces": [answers.unkept(one, done.looked) for one in done.unkept],
        "FaceModelVersion": answers.model_version(done.looked.model),
    }


def search_faces_by_image(call: Call) -> Answer:
    """Faces of the collection that resemble the largest face of an image."""
    collection, asked = call.asked.collection(), call.asked
    threshold, most = asked.share("FaceMatchThreshold", 80), asked.number("MaxFaces", 1, MOST_MATCHES, 80)
    quality = MINIMUM[asked.filter("NONE")]
    found = call.legacy.search_faces(
        call.who, collection, asked.image("Image"), similarity=threshold, most=most, quality=quality
    )
    if not found.looked.faces or not found.likenesses:
        raise Failure(INVALID, "There are no faces in the image. Should be at least 1.")
    largest = found.looked.faces[0]
    return {
        "SearchedFaceBoundingBox": answers.box(largest, found.looked),
        "SearchedFaceConfidence": answers.percent(largest.confidence),
        "FaceMatches": [answers.match(one, found.looked.model) for one in found.likenesses[0]],
        "FaceModelVersion": answers.model_version(found.looked.model),
    }


def search_faces(call: Call) -> Answer:
    """Faces of the collection that resemble one of them."""
    collection, asked = call.asked.collection(), call.asked
    face_id = asked.text("FaceId", FACE)
    threshold, most = asked.share("FaceMatchThreshold", 80), asked.number("MaxFaces", 1, MOST_MATCHES, 80)
    found, model = call.legacy.search_like(call.who, collection, face_id, similarity=threshold, most=most)
    return {
        "SearchedFaceId": face_id,
        "FaceMatches": [answers.match(one, model) for one in found],
        "FaceModelVersion": answers.model_version(model),
    }


def search_users(call: Call) -> Answer:
    """Users of the collection that resemble one of its faces, or one of its users."""
    collection, asked = call.asked.collection(), call.asked
    face_id, user = asked.maybe("FaceId", FACE), asked.maybe("UserId", USER)
    if (face_id is None) == (user is None):
        raise Failure(INVALID, "Give a FaceId or a UserId, and not both.")
    threshold, most = asked.share("UserMatchThreshold", 80), asked.number("MaxUsers", 1, MOST_USERS, 25)
    found, model = call.legacy.search_users(
        call.who, collection, face_id=face_id, user=user, similarity=threshold, most=most
    )
    answer: Answer = {
        "UserMatches": [_user_match(one.subject, one.similarity) for one in found],
        "FaceModelVersion": answers.model_version(model),
    }
    if face_id is None:
        return answer | {"SearchedUser": {"UserId": user}}
    return answer | {"SearchedFace": {"FaceId": face_id}}


def _user_match(user: str, similarity: float) -> Answer:
    return {"Similarity": answers.percent(similarity), "User": {"UserId": user, "UserStatus": "ACTIVE"}}


def search_users_by_image(call: Call) -> Answer:
    """Users of the collection that resemble the largest face of an image; an empty list when it shows none."""
    collection, asked = call.asked.collection(), call.asked
    threshold, most = asked.share("UserMatchThreshold", 80), asked.number("MaxUsers", 1, MOST_USERS, 25)
    quality = MINIMUM[asked.filter("NONE")]
    found = call.legacy.search_faces(
        call.who, collection, asked.image("Image"), similarity=threshold, most=MOST_MATCHES, quality=quality
    )
    answer: Answer = {"UserMatches": [], "FaceModelVersion": answers.model_version(found.looked.model)}
    if not found.looked.faces or not found.likenesses:
        return answer
    best: dict[str, float] = {}
    for one in found.likenesses[0]:
        if one.face.subject is not None:
            best.setdefault(one.face.subject, one.similarity)
    answer["UserMatches"] = [_user_match(user, similarity) for user, similarity in list(best.items())[:most]]
    first, *others = found.looked.faces
    answer["SearchedFace"] = {"FaceDetail": answers.detail(first, found.looked)}
    answer["UnsearchedFaces"] = [
        {"FaceDetails": answers.detail(one, found.looked), "Reasons": ["FACE_NOT_LARGEST"]} for one in others
    ]
    return answer


def list_faces(call: Call) -> Answer:
    """The faces of a collection, a page at a time."""
    collection, asked = call.asked.collection(), call.asked
    most = asked.number("MaxResults", 0, 4096, 1000) or 1000
    token = asked.token()
    if token is not None and FACE.fullmatch(token) is None:
        raise bad_token()
    user, only = asked.maybe("UserId", USER), asked.faces(4096, required=False)
    try:
        listed = call.legacy.faces(call.who, collection, subject=user, only=only, after=token, most=most)
    except ImageNotHeld as error:
        raise bad_token() from error
    answer: Answer = {
        "Faces": [answers.held(one, listed.model) for one in listed.faces],
        "FaceModelVersion": answers.model_version(listed.model),
    }
    if listed.more:
        answer["NextToken"] = listed.faces[-1].face_id
    return answer


def delete_faces(call: Call) -> Answer:
    """Erase faces. One that belongs to a user has to be taken from the user first, as there."""
    collection = call.asked.collection()
    wanted = call.asked.faces(4096) or ()
    done = call.legacy.delete_faces(call.who, collection, wanted)
    failed = [
        {"FaceId": face_id, "Reasons": ["FACE_NOT_FOUND"]}
        if user is None
        else {"FaceId": face_id, "UserId": user, "Reasons": ["ASSOCIATED_TO_AN_EXISTING_USER"]}
        for face_id, user in done.refused
    ]
    return {"DeletedFaces": list(done.removed), "UnsuccessfulFaceDeletions": failed}


def create_user(call: Call) -> Answer:
    """A user without faces."""
    call.legacy.add_subject(call.who, call.asked.collection(), call.asked.text("UserId", USER))
    return {}


def delete_user(call: Call) -> Answer:
    """A user is gone, the faces stay."""
    call.legacy.delete_user(call.who, call.asked.collection(), call.asked.text("UserId", USER))
    return {}


def list_users(call: Call) -> Answer:
    """The users of a collection, a page at a time."""
    most = call.asked.number("MaxResults", 1, 500, 500)
    found = call.legacy.users(call.who, call.asked.collection())
    start = _place(call.asked.token(), [user for user, _ in found])
    page = found[start : start + most]
    answer: Answer = {"Users": [{"UserId": user, "UserStatus": _status(faces)} for user, faces in page]}
    if start + most < len(found):
        answer["NextToken"] = page[-1][0]
    return answer


def _status(faces: int) -> str:
    return "ACTIVE" if faces else "CREATED"


def associate_faces(call: Call) -> Answer:
    """Faces become a user's."""
    asked = call.asked
    collection, user = asked.collection(), asked.text("UserId", USER)
    wanted, threshold = asked.faces(100) or (), asked.share("UserMatchThreshold", 75)
    done = call.legacy.associate(call.who, collection, user, wanted, similarity=threshold)
    failed: list[Answer] = []
    for one in done.refused:
        entry: Answer = {"FaceId": one.face_id, "Reasons": [one.reason]}
        if one.user is not None:
            entry["UserId"] = one.user
        if one.similarity is not None:
            entry["Confidence"] = answers.percent(one.similarity)
        failed.append(entry)
    return {
        "AssociatedFaces": [{"FaceId": face_id} for face_id in done.moved],
        "UnsuccessfulFaceAssociations": failed,
        "UserStatus": _status(done.faces),
    }


def disassociate_faces(call: Call) -> Answer:
    """Faces are no user's any more."""
    asked = call.asked
    collection, user = asked.collection(), asked.text("UserId", USER)
    done = call.legacy.disassociate(call.who, collection, user, asked.faces(100) or ())
    failed: list[Answer] = []
    for one in done.refused:
        entry: Answer = {"FaceId": one.face_id, "Reasons": [one.reason]}
        if one.user is not None:
            entry["UserId"] = one.user
        failed.append(entry)
    return {
        "DisassociatedFaces": [{"FaceId": face_id} for face_id in done.moved],
        "UnsuccessfulFaceDisassociations": failed,
        "UserStatus": _status(done.faces),
    }


def compare_faces(call: Call) -> Answer:
    """The largest face of one image against all of another."""
    threshold = call.asked.share("SimilarityThreshold", 80)
    minimum = MINIMUM[call.asked.filter("NONE")]
    source, target = call.asked.image("SourceImage"), call.asked.image("TargetImage")
    try:
        compared = call.legacy.compare(call.who, source, target)
    except NoFace as error:
        raise Failure(INVALID, "Request has invalid parameters: there is no face in the source image.") from error
    matched: list[Answer] = []
    unmatched: list[Answer] = []
    second = compared.second
    for face, similarity in zip(second.faces, compared.similarities, strict=True):
        if face.quality.score < minimum:
            continue
        shown = answers.detail(face, second)
        if similarity >= threshold:
            matched.append({"Similarity": answers.percent(similarity), "Face": shown})
        else:
            unmatched.append(shown)
    first = compared.first.faces[0]
    return {
        "SourceImageFace": {
            "BoundingBox": answers.box(first, compared.first),
            "Confidence": answers.percent(first.confidence),
        },
        "FaceMatches": sorted(matched, key=lambda one: -float(str(one["Similarity"]))),
        "UnmatchedFaces": unmatched,
    }


def detect_faces(call: Call) -> Answer:
    """The faces of an image. Attributes that would have to be guessed (age, gender, emotions, ...) are left out."""
    looked = call.legacy.look(call.who, call.asked.image("Image"))
    return {"FaceDetails": [answers.detail(one, looked) for one in looked.faces]}


OPERATIONS: dict[str, Callable[[Call], Answer]] = {
    "CreateCollection": create_collection,
    "DescribeCollection": describe_collection,
    "ListCollections": list_collections,
    "DeleteCollection": delete_collection,
    "IndexFaces": index_faces,
    "SearchFacesByImage": search_faces_by_image,
    "SearchFaces": search_faces,
    "CreateUser": create_user,
    "DeleteUser": delete_user,
    "ListUsers": list_users,
    "AssociateFaces": associate_faces,
    "DisassociateFaces": disassociate_faces,
    "SearchUsers": search_users,
    "SearchUsersByImage": search_users_by_image,
    "ListFaces": list_faces,
    "DeleteFaces": delete_faces,
    "CompareFaces": compare_faces,
    "DetectFaces": detect_faces,
}
READING = frozenset(
    name for name in OPERATIONS if name.startswith(("Describe", "List", "Search", "Compare", "Detect"))
)
"""Those that change nothing; a search is counted and recorded each time all the same."""
