"""What a CompreFace client is answered: boxes, similarities, landmarks, in its words and its rounding."""

from __future__ import annotations

from collections.abc import Sequence

from countenance.engine.legacy import Comparison, Likeness, Looked, SeenFace
from countenance.http.compat.compreface.asked import Parameters

_DIGITS = 5


def chosen(faces: Sequence[SeenFace], asked: Parameters) -> list[int]:
    """Places of the faces that an answer has: sure enough, the largest ``limit`` of them."""
    sure = [place for place, face in enumerate(faces) if face.confidence >= asked.least_confidence]
    return sure[: asked.limit] if asked.limit else sure


def face(one: SeenFace, looked: Looked, asked: Parameters) -> dict[str, object]:
    """One face: its box in whole pixels, and its landmarks when they were asked for."""
    box = one.box
    answer: dict[str, object] = {
        "box": {
            "probability": round(one.confidence, _DIGITS),
            "x_min": min(max(round(box.x), 0), looked.width),
            "y_min": min(max(round(box.y), 0), looked.height),
            "x_max": min(max(round(box.x + box.width), 0), looked.width),
            "y_max": min(max(round(box.y + box.height), 0), looked.height),
        }
    }
    if asked.landmarks:
        answer["landmarks"] = [[round(x), round(y)] for x, y in one.landmarks]
    return answer


def predictions(found: Sequence[Likeness]) -> list[dict[str, object]]:
    """The subjects that a face resembles, best first."""
    return [{"subject": one.subject, "similarity": similarity(one.similarity)} for one in found]


def similarity(value: float) -> float:
    """As it is shown."""
    return round(value, _DIGITS)


def versions(model: str, asked: Parameters) -> dict[str, object]:
    """``plugins_versions``, when the status was asked for."""
    if not asked.status:
        return {}
    named = {"detector": "countenance.YuNet", "calculator": f"countenance.{model[:16]}"}
    if asked.landmarks:
        named["landmarks"] = "countenance.YuNet"
    return {"plugins_versions": named}


def timed(milliseconds: float, asked: Parameters) -> dict[str, object]:
    """``execution_time`` of one picture, when the status was asked for: one measurement for all steps."""
    return {"execution_time": {"total": round(milliseconds, 1)}} if asked.status else {}


def matches(compared: Comparison, places: Sequence[int], asked: Parameters) -> list[dict[str, object]]:
    """The faces of the second picture, each with its similarity to the one of the first."""
    return [
        face(compared.second.faces[at], compared.second, asked)
        | {"similarity": similarity(compared.similarities[at])}
        for at in places
    ]
