"""The output of a call, in the service's shapes.

Rules kept here: boxes are shares of the picture's sides, similarities and confidences percentages. Of a face is
said where it is, how it is turned, how sharp it is, and nothing that would have to be guessed about the person.
"""

from __future__ import annotations

from countenance.engine.legacy import HeldFace, Likeness, Looked, SeenFace, Unkept

Answer = dict[str, object]

_LANDMARKS = ("eyeLeft", "eyeRight", "nose", "mouthLeft", "mouthRight")
REASONS = {
    "size": "SMALL_BOUNDING_BOX",
    "sharpness": "LOW_SHARPNESS",
    "exposure": "LOW_BRIGHTNESS",
    "contrast": "LOW_BRIGHTNESS",
    "yaw": "EXTREME_POSE",
    "pitch": "EXTREME_POSE",
    "roll": "EXTREME_POSE",
    "detector_confidence": "LOW_CONFIDENCE",
    "completeness": "LOW_FACE_QUALITY",
    "most": "EXCEEDS_MAX_FACES",
    "quality": "LOW_FACE_QUALITY",
    "not_permitted": "NOT_PERMITTED",
}
"""Why a face was not indexed. ``NOT_PERMITTED`` is not one of Amazon's: no permission covers the face, or it was
erased; clients take reasons that they do not know as text."""


def model_version(model: str) -> str:
    """FaceModelVersion: digits and dots, another one for another model."""
    return f"1.{int(model[:8], 16)}"


def percent(share: float) -> float:
    """A share as a percentage."""
    return round(100 * share, 4)


def box(one: SeenFace, looked: Looked) -> Answer:
    """A BoundingBox."""
    return {
        "Width": one.box.width / looked.width,
        "Height": one.box.height / looked.height,
        "Left": one.box.x / looked.width,
        "Top": one.box.y / looked.height,
    }


def detail(one: SeenFace, looked: Looked) -> Answer:
    """A FaceDetail."""
    landmarks = [
        {"Type": name, "X": x / looked.width, "Y": y / looked.height}
        for name, (x, y) in zip(_LANDMARKS, one.landmarks, strict=True)
    ]
    answer: Answer = {
        "BoundingBox": box(one, looked),
        "Landmarks": landmarks,
        "Confidence": percent(one.confidence),
    }
    parts = {part.name: part for part in one.quality.components}
    if "sharpness" in parts:
        answer["Quality"] = {"Sharpness": float(parts["sharpness"].score)}
    if {"yaw", "pitch", "roll"} <= parts.keys():
        answer["Pose"] = {name.capitalize(): parts[name].value for name in ("roll", "yaw", "pitch")}
    return answer


def held(one: HeldFace, model: str) -> Answer:
    """A Face."""
    answer: Answer = {
        "FaceId": one.face_id,
        "ImageId": one.image_id,
        "IndexFacesModelVersion": model_version(model),
    }
    if one.box is not None:
        left, top, width, height = one.box
        answer["BoundingBox"] = {"Width": width, "Height": height, "Left": left, "Top": top}
    if one.confidence is not None:
        answer["Confidence"] = percent(one.confidence)
    if one.label:
        answer["ExternalImageId"] = one.label
    if one.subject is not None:
        answer["UserId"] = one.subject
    return answer


def match(one: Likeness, model: str) -> Answer:
    """A FaceMatch."""
    return {"Similarity": percent(one.similarity), "Face": held(one.face, model)}


def unkept(one: Unkept, looked: Looked) -> Answer:
    """An UnindexedFace."""
    reasons = list(dict.fromkeys(REASONS.get(reason, "LOW_FACE_QUALITY") for reason in one.reasons))
    return {"Reasons": reasons, "FaceDetail": detail(one.face, looked)}
