"""One error tree. Each class has a stable ``code``, a plain sentence and a remedy; doors translate by code alone.

Rules kept here: errors carry ids, counts and file names given by the caller, never pixels, templates or keys.
A refusal of permission is a value (see custody.permission); it becomes an error only at the engine's edge.
"""

from __future__ import annotations

from typing import ClassVar


class CountenanceError(Exception):
    """The root of everything that Countenance raises on purpose.

    ``code`` never changes once released. ``str(error)`` is one sentence about what happened; ``remedy`` is
    one sentence about what to do, empty when nothing can be done.
    """

    code: ClassVar[str] = "error"
    remedy: str = ""

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        if remedy is not None:
            self.remedy = remedy


# -- images -------------------------------------------------------------------------------------------------


class ImageError(CountenanceError):
    """A file could not be turned into pixels that may be trusted."""

    code = "image_unreadable"
    remedy = "Give a JPEG, PNG, WebP, HEIC or TIFF photograph that opens in an image viewer."


class ImageMissing(ImageError):
    """There is no such file, or it may not be read."""

    code = "image_missing"
    remedy = "Check the path and that the file may be read."


class ImageEmpty(ImageError):
    """The file has no bytes."""

    code = "image_empty"
    remedy = "The file has no content; copy it again from where it came."


class ImageFormatUnknown(ImageError):
    """The bytes are of none of the accepted formats, whatever the file's name says."""

    code = "image_format"


class ImageTruncated(ImageError):
    """The file ends before the picture does, or its data is damaged."""

    code = "image_truncated"
    remedy = "The file is incomplete or damaged; copy it again from where it came."


class ImageTooLarge(ImageError):
    """The header announces more bytes or pixels than the limits allow; nothing was decoded."""

    code = "image_too_large"
    remedy = "Scale the photograph down; the limits are in docs/limits.md."


# -- faces and templates ------------------------------------------------------------------------------------


class FaceError(CountenanceError):
    """The picture is fine, the face in it is not."""

    code = "face"


class NoFace(FaceError):
    """No face was found."""

    code = "no_face"
    remedy = "Use a photograph in which the face is visible and at least about 20 pixels wide."


class SeveralFaces(FaceError):
    """More than one face at enrolment, and nobody said which."""

    code = "several_faces"
    remedy = "Say which one with --face N (numbered from 1, largest first)."


class FaceChoiceUnknown(FaceError):
    """The chosen face number is not in the picture."""

    code = "face_choice"
    remedy = "Choose a number between 1 and the number of faces found."


class QualityTooLow(FaceError):
    """The face is too poor to enrol; the message names the component."""

    code = "quality_too_low"
    remedy = "Use a larger, sharper, evenly lit, frontal photograph."


class ModelError(CountenanceError):
    """A model package cannot be used."""

    code = "model"


class ModelMissing(ModelError):
    """A model file or a package of that name is not there."""

    code = "model_missing"
    remedy = "See which models are there with: countenance model list"


class ModelDigestWrong(ModelError):
    """A model file's SHA-256 is not the one its manifest states."""

    code = "model_digest"
    remedy = "Get the file again from its publisher, or correct the manifest."


class ModelUnsuitable(ModelError):
    """The file is not a 112x112 face model that this engine can run, or its manifest does not fit it."""

    code = "model_unsuitable"


class ModelsDiffer(ModelError):
    """Templates of two models were about to be compared."""

    code = "models_differ"
    remedy = "Bring the gallery to one model with: countenance model migrate"


# -- permission ---------------------------------------------------------------------------------------------


class ConsentError(CountenanceError):
    """Nothing is held, and nothing returned, without a permission on record."""

    code = "permission"


class PermissionRefused(ConsentError):
    """No permission in force covers this; ``str`` gives the reason."""

    code = "permission_refused"
    remedy = "Record a permission with: countenance permit SUBJECT --purpose PURPOSE --residence CC --until DATE"


class PermissionInvalid(ConsentError):
    """The permission as given cannot be recorded."""

    code = "permission_invalid"


class PurposeUnknown(ConsentError):
    """No permission on record names this purpose."""

    code = "purpose_unknown"
    remedy = "See the purposes on record with: countenance status"


class SubjectUnknown(CountenanceError):
    """Nobody of that name is on record."""

    code = "subject_unknown"
    remedy = "See who is on record with: countenance status --subjects"


class SubjectNameInvalid(CountenanceError):
    """A subject's name must be 1 to 200 printable characters."""

    code = "subject_name"


# -- keepers ------------------------------------------------------------------------------------------------


class GalleryError(CountenanceError):
    """The data folder, its keys or its database are not as they should be."""

    code = "gallery"


class GalleryMissing(GalleryError):
    """There is no gallery in that folder."""

    code = "gallery_missing"
    remedy = "Make one with: countenance init FOLDER, or name it with --gallery or COUNTENANCE_GALLERY."


class GalleryExists(GalleryError):
    """The folder to initialise is not empty."""

    code = "gallery_exists"
    remedy = "Choose an empty folder; nothing was changed."


class GalleryNewer(GalleryError):
    """The data folder was written by a newer version."""

    code = "gallery_newer"
    remedy = "Install the newer version of Countenance; nothing was changed."


class GalleryBusy(GalleryError):
    """Another process is writing and did not finish in time."""

    code = "gallery_busy"
    remedy = "Try again when the other command has finished."


class KeysMissing(GalleryError):
    """The key folder, or a key in it, is not there."""

    code = "keys_missing"
    remedy = "Name the key folder with --keys or COUNTENANCE_KEYS; without it the gallery cannot be opened."


class KeysForeign(GalleryError):
    """The key folder belongs to another gallery."""

    code = "keys_foreign"
    remedy = "Name the key folder that was made together with this gallery."


class KeyDestroyed(GalleryError):
    """What was asked for was sealed under a key that has been destroyed. It cannot be brought back."""

    code = "key_destroyed"


class SealBroken(GalleryError):
    """Sealed data does not open under its key: it was altered, moved or cut short."""

    code = "seal_broken"
    remedy = "Restore the data folder from a backup; what is damaged was not used."


class DiskFull(GalleryError):
    """There was no room to write; nothing half written remains."""

    code = "disk_full"
    remedy = "Make room and run the same command again; what was finished is kept."


class ErasureIncomplete(GalleryError):
    """An erasure could not be confirmed by every keeper; it goes on at the next start."""

    code = "erasure_incomplete"
    remedy = "Run the same command again; the subject is already out of every search."


# -- index --------------------------------------------------------------------------------------------------


class SearchIndexError(CountenanceError):
    """The vector index refuses."""

    code = "index"


class VectorsInvalid(SearchIndexError):
    """Templates of the wrong length, not finite or not of unit length."""

    code = "vectors_invalid"


class FilterInvalid(SearchIndexError):
    """A filter names something the index cannot know."""

    code = "filter_invalid"


class SnapshotUnusable(SearchIndexError):
    """A snapshot is damaged, of another gallery, another model or another epoch. The index is rebuilt instead."""

    code = "snapshot_unusable"
    remedy = "Nothing to do: the index is rebuilt from the sealed templates."


class InputInvalid(CountenanceError):
    """An argument has a value that cannot be used."""

    code = "input_invalid"


# -- calibration and evaluation -----------------------------------------------------------------------------


class CalibrationError(CountenanceError):
    """The meaning of a score is not known well enough for what was asked."""

    code = "calibration"


class CalibrationMissing(CalibrationError):
    """Nobody has measured how this model's scores are spread, so no threshold can be derived."""

    code = "calibration_missing"
    remedy = "Measure it on labelled pictures with: countenance calibrate FOLDER, or give a threshold yourself."


class CalibrationUnfit(CalibrationError):
    """The labelled pictures are too few, or too much alike, to fit a calibration."""

    code = "calibration_unfit"
    remedy = "Give labelled pictures of more people; 40 people with several pictures each are a beginning."


class CalibrationUnreadable(CalibrationError):
    """A stored calibration is damaged or was written by a newer version."""

    code = "calibration_unreadable"
    remedy = "Measure it again with: countenance calibrate FOLDER"


class BeyondValidated(CalibrationError):
    """The answer would go beyond what the calibration's sample can speak for, and strictness was asked for."""

    code = "beyond_validated"
    remedy = "Calibrate on more people, ask for a higher rate, or leave out --strict."


class EvaluationError(CountenanceError):
    """The labelled pictures cannot be evaluated."""

    code = "evaluation"


class LabelsInvalid(EvaluationError):
    """The folder, pairs file or table with the labels does not say who is in which picture."""

    code = "labels_invalid"
    remedy = "Give one folder a person, an LFW pairs file, or a CSV with the columns path and subject."


class SampleTooSmall(EvaluationError):
    """The sample cannot support the figure that was asked for."""

    code = "sample_too_small"
    remedy = "Label more people; the message says how many comparisons the figure needs."


class ReportUnavailable(EvaluationError):
    """The report draws its curves with a library that is not installed."""

    code = "report_unavailable"
    remedy = "Install it with: pip install 'countenance[report]'; the figures themselves need nothing more."
