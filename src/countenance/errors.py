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


class ModelUncalibrated(ModelError):
    """No calibration of this model is on record, and the caller gave no threshold."""

    code = "model_uncalibrated"
    remedy = "Give --threshold, or measure the model on labelled pictures with: countenance calibrate FOLDER"


# -- permission ---------------------------------------------------------------------------------------------


class ConsentError(CountenanceError):
    """Nothing is held, and nothing returned, without a permission on record."""

    code = "permission"


class PermissionRefused(ConsentError):
    """No permission in force covers this; ``str`` gives the reason."""

    code = "permission_refused"
    remedy = "Record a permission with: countenance permit SUBJECT --purpose PURPOSE --residence CC --until DATE"


class SuppressedImage(ConsentError):
    """The photograph, or a near copy of it, was erased for somebody else or by an order."""

    code = "image_suppressed"
    remedy = "Only the person it was erased for can bring it back; what an order erased, nobody."


class AccountSuppressed(ConsentError):
    """An account of this name was erased here; only a new permission by the subject herself brings it back."""

    code = "account_suppressed"
    remedy = (
        "If she herself permits anew, say with --returning what shows it; that goes on record and into the log. "
        "Somebody else of the same name: say that, or use another name."
    )


class PermissionInvalid(ConsentError):
    """The permission as given cannot be recorded."""

    code = "permission_invalid"


class PermissionUnknown(ConsentError):
    """The subject has no permission of that id on record."""

    code = "permission_unknown"


class PurposeUnknown(ConsentError):
    """No permission on record names this purpose."""

    code = "purpose_unknown"
    remedy = "See the purposes on record with: countenance status"


class SubjectUnknown(CountenanceError):
    """Nobody of that name is on record."""

    code = "subject_unknown"
    remedy = "See who is on record with: countenance status --subjects"


class SubjectExists(CountenanceError):
    """Somebody of that name is on record already."""

    code = "subject_exists"
    remedy = "Choose another name."


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


class DatabaseUnavailable(GalleryError):
    """The database server is not there, or went away in the middle; what was not committed did not happen."""

    code = "database_unavailable"
    remedy = "Try again when it is back; running the same command again goes on where it stopped."


class SchemaOlder(GalleryError):
    """The database has an older schema, and nobody asked for its migration. Nothing was changed."""

    code = "schema_older"
    remedy = "Take a backup, then run countenance migrate; --dry-run shows what it would do."


class KeysMissing(GalleryError):
    """The key folder, or a key in it, is not there."""

    code = "keys_missing"
    remedy = "Name the key folder with --keys or COUNTENANCE_KEYS; without it the gallery cannot be opened."


class KeysForeign(GalleryError):
    """The key folder belongs to another gallery."""

    code = "keys_foreign"
    remedy = "Name the key folder that was made together with this gallery."


class KeyServiceError(GalleryError):
    """The service that wraps this gallery's key ring."""

    code = "key_service"


class KeyServiceDriverMissing(KeyServiceError):
    """The library that speaks to the key service is not installed."""

    code = "key_service_driver"
    remedy = "Install it: pip install 'countenance[transit]'."


class KeyServiceUnavailable(KeyServiceError):
    """The key service is sealed, absent or slow; the gallery cannot be opened until it answers."""

    code = "key_service_unavailable"
    remedy = "Unseal or start it (VAULT_ADDR) and try again; a gallery that is open already works on."


class KeyServiceRefused(KeyServiceError):
    """The key service does not let these credentials use the key, or the wrapped key is not one of its own."""

    code = "key_service_refused"
    remedy = "Check VAULT_ADDR, the token (VAULT_TOKEN or COUNTENANCE_KEYS_TOKEN_FILE) and its policy."


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


class BlobsError(GalleryError):
    """The object storage with the gallery's images."""

    code = "blobs"


class BlobsDriverMissing(BlobsError):
    """The library that speaks to object storage is not installed."""

    code = "blobs_driver"
    remedy = "Install it: pip install 'countenance[s3]'."


class BlobsUnavailable(BlobsError):
    """The object storage did not answer in time, or failed. Nothing half enrolled remains."""

    code = "blobs_unavailable"
    remedy = "Try again when it answers; searches go on without it, and what was begun is finished or undone."


class BlobsRefused(BlobsError):
    """The object storage knows no such bucket, or refuses these credentials."""

    code = "blobs_refused"
    remedy = (
        "Check bucket, endpoint, region, credentials and their rights; docs/running-in-production.md lists them."
    )


class BlobsForeign(BlobsError):
    """The place in the bucket does not carry this gallery's number. Nothing was read, written or deleted there."""

    code = "blobs_foreign"
    remedy = "Check the endpoint and the account: this is another bucket, or another gallery's place in it."


class BlobsUnsuitable(BlobsError):
    """The bucket keeps objects that it is told to delete; a gallery that cannot erase is not made."""

    code = "blobs_unsuitable"
    remedy = "Name a bucket without a default retention (object lock)."


class ErasureIncomplete(GalleryError):
    """An erasure could not be confirmed by every keeper; it goes on at the next start."""

    code = "erasure_incomplete"
    remedy = "Run the same command again; the subject is already out of every search."


class BackupUnusable(GalleryError):
    """The file is no backup, or was altered or cut short. Nothing was restored."""

    code = "backup_unusable"
    remedy = "Take another copy of the backup; nothing was made."


class BackupElsewhere(GalleryError):
    """The records of this gallery are kept by a database server, which is backed up by its own tools."""

    code = "backup_elsewhere"
    remedy = "Use pg_dump for the database and copy blobs/, certificates/ and log/ after it; never the key folder."


class ErasureHeld(GalleryError):
    """The subject is out of every search, and is kept, sealed, because of a duty to keep evidence."""

    code = "erasure_held"
    remedy = "When the hold is lifted, the erasure is carried out: countenance hold lift, then countenance expire."


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


class EngineError(SearchIndexError):
    """The distributed engine cannot do what was asked."""

    code = "engine"


class EngineDriverMissing(EngineError):
    """The client library of the distributed engine is not installed."""

    code = "engine_driver"
    remedy = "Install it with: pip install 'countenance[milvus]'"


class EngineUnavailable(EngineError):
    """The engine's server does not answer at its address, or went away and did not come back in time."""

    code = "engine_unavailable"
    remedy = "Check that the server runs and that its address and port are right; then run the same command again."


class EngineSlow(EngineError):
    """The engine's server took the call and did not answer in time."""

    code = "engine_slow"
    remedy = "Try again later, or give it more time with a longer timeout."


class EngineBusy(EngineError):
    """The engine's server refuses more work for now (back-pressure), and went on refusing."""

    code = "engine_busy"
    remedy = "Try again later; what was finished is kept."


class EngineRefused(EngineError):
    """The engine's server answered with an error of its own; the message carries it."""

    code = "engine_refused"


class EngineVersionUnknown(EngineError):
    """The server is of a version whose behaviour is not known."""

    code = "engine_version"
    remedy = "Use one of the versions in docs/running-on-milvus.md."


class EngineForeign(EngineError):
    """A collection of that name is there and was not made by this gallery for this model and this key."""

    code = "engine_foreign"
    remedy = "Nothing was changed; use another server, database or collection name."


class MoveUnusable(SearchIndexError):
    """The checkpoint of a move is damaged, or is of another move."""

    code = "move_unusable"
    remedy = "Remove the checkpoint to start the move again; the source was not changed."


class MoveDisagrees(SearchIndexError):
    """After the copy, the two indexes did not give the same answers; searches stay with the old one."""

    code = "move_disagrees"
    remedy = "Start the move again; if it disagrees again, keep the old index and report it."


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


# -- log and proof ------------------------------------------------------------------------------------------


class LogError(CountenanceError):
    """The tamper-evident log refuses."""

    code = "log"


class LogMissing(LogError):
    """There is no log in that folder."""

    code = "log_missing"
    remedy = "Restore the log's folder from a backup; without it nothing can be proven."


class LogExists(LogError):
    """A log was to be created where there already is one."""

    code = "log_exists"


class LogReadOnly(LogError):
    """The log was opened without its signing key, so nothing can be appended."""

    code = "log_read_only"


class LogDamaged(LogError):
    """A file of the log is missing, cut short or altered."""

    code = "log_damaged"
    remedy = "See exactly what is damaged with: countenance log fsck"


class CheckpointInvalid(LogError):
    """A checkpoint is malformed, of another log, or its signature is wrong."""

    code = "checkpoint_invalid"
    remedy = "Do not rely on it. Get the checkpoint again from the log, and the key from someone you trust."


class LogKeyWrong(LogError):
    """A key or its name cannot be used for a log."""

    code = "log_key"


class EntryInvalid(LogError):
    """An entry has a form that may not be written: free text, a fraction, an unknown type, or too long."""

    code = "log_entry"


class CertificateInvalid(CountenanceError):
    """A certificate was to be issued for something that did not happen as it says."""

    code = "certificate_invalid"
    remedy = "Let the erasure finish first; a certificate is issued for what every keeper has confirmed."


# -- orders -------------------------------------------------------------------------------------------------


class OrderError(CountenanceError):
    """An order, or what was said about one, cannot be used. Nothing was changed."""

    code = "order"


class OrderUnreadable(OrderError):
    """The file is not one JSON object in UTF-8, is too large, or says a member twice."""

    code = "order_unreadable"
    remedy = "Ask the authority for the order again; docs/life-of-an-order.md describes the format."


class OrderMalformed(OrderError):
    """A member is missing, is not known or has the wrong form; the message says where."""

    code = "order_malformed"
    remedy = "Compare the order with custody/orders/order.schema.json."


class OrderUnsigned(OrderError):
    """The order carries no signature."""

    code = "order_unsigned"
    remedy = "Only an order that its authority has signed is carried out; ask the authority for the signed file."


class OrderSignatureWrong(OrderError):
    """The signature is not that of the authority's key over this document."""

    code = "order_signature"
    remedy = "The file was altered or signed with another key; ask the authority for it again."


class AuthorityKeyUnknown(OrderError):
    """No key of that id is registered for that authority."""

    code = "authority_key_unknown"
    remedy = "Check the key with the authority by another channel, then register it: countenance authority add."


class AuthorityKeyRevoked(OrderError):
    """The key was revoked; nothing signed with it is accepted any more."""

    code = "authority_key_revoked"
    remedy = "Ask the authority to sign the order with its present key."


class AuthorityKeyInvalid(OrderError):
    """The key to register is not an Ed25519 public key, or its id is taken by another."""

    code = "authority_key_invalid"


class PredicateUnknown(OrderError):
    """The scope uses a predicate that nobody can evaluate."""

    code = "predicate_unknown"
    remedy = "The predicates are listed in docs/life-of-an-order.md."


class VerbUnknown(OrderError):
    """An obligation's verb is not one that can be carried out or proven."""

    code = "verb_unknown"
    remedy = "The verbs are listed in docs/life-of-an-order.md."


class ScopeEmpty(OrderError):
    """The scope, or a branch of it, names nobody."""

    code = "scope_empty"
    remedy = "An order must say whom it protects; an empty branch would mean everyone or no one."


class ScopeMixed(OrderError):
    """A scope mixes customers with subjects, or an obligation has a scope of the wrong kind."""

    code = "scope_mixed"
    remedy = "Give the obligation about customers a scope of its own, made of customer_in only."


class ScopeMeansEveryone(OrderError):
    """The scope takes in the whole gallery, and nobody has said that this is meant."""

    code = "scope_everyone"
    remedy = "Read the plan; if it is meant, repeat the command with --confirm-count and the number of subjects."


class DeadlineBeforeService(OrderError):
    """A deadline ends before the order was served."""

    code = "deadline_before_service"


class DateImpossible(OrderError):
    """A date or time does not exist, has no time zone, or lies in the wrong order."""

    code = "date_impossible"
    remedy = "Write dates as 2022-05-18 and times as 2022-05-18T10:00:00Z."


class TimeZoneUnknown(OrderError):
    """The time zone is not in the IANA database."""

    code = "time_zone_unknown"
    remedy = "Use a name such as Europe/London."


class PlaceUnknown(OrderError):
    """The code is neither an ISO 3166-1 country nor a subdivision of one."""

    code = "place_unknown"
    remedy = "Use two letters such as GB, or a subdivision such as US-IL. The United Kingdom is GB."


class DependencyUnknown(OrderError):
    """An obligation depends on one that the order does not have."""

    code = "dependency_unknown"


class DependencyCycle(OrderError):
    """Obligations wait for each other in a circle."""

    code = "dependency_cycle"


class AmountInvalid(OrderError):
    """A penalty's amount or currency cannot be used."""

    code = "amount_invalid"
    remedy = "Write amounts as a string of digits such as 100000.00, with an ISO 4217 currency such as EUR."


class OrderUnknown(OrderError):
    """No order of that id is on record."""

    code = "order_unknown"
    remedy = "See which are with: countenance order list"


class ClockSetBack(OrderError):
    """The machine's clock stands before something that is already on record."""

    code = "clock_set_back"
    remedy = "Set the machine's clock right; nothing was changed."


class OrderServed(OrderError):
    """An order of that id is on record; a variation comes as its next revision."""

    code = "order_served"
    remedy = "To vary it: countenance order vary ID --instrument REVISION.json"


class OrderForbids(OrderError):
    """An order in force forbids to collect anything of this subject."""

    code = "order_forbids"
    remedy = "See the orders with: countenance order list"


class OrderTransitionRefused(OrderError):
    """The order's state does not allow this; ``str`` gives the reason."""

    code = "order_transition"


class EvidenceInvalid(OrderError):
    """A piece of residency evidence has a form, tier or signal that is not allowed."""

    code = "evidence_invalid"
    remedy = "Tiers and signals are listed in docs/for-data-protection-officers.md. Nothing may derive from a face."


class GeographyMissing(OrderError):
    """The optional package that turns a position into a country is not installed."""

    code = "geography_missing"
    remedy = "Install it with: pip install 'countenance[geography]'"


# -- collection ---------------------------------------------------------------------------------------------


class CollectionError(CountenanceError):
    """Images cannot be taken in from there."""

    code = "collection"


class SourceMissing(CollectionError):
    """There is no archive or folder of that name, or there is nothing in it that could be taken in."""

    code = "source_missing"
    remedy = "Name the archive as it was downloaded, or the folder that holds the photographs."


class BucketClientMissing(CollectionError):
    """The optional package that reads buckets is not installed."""

    code = "bucket_client"
    remedy = "Install it with: pip install 'countenance[s3]'"


class BucketUnreachable(CollectionError):
    """A bucket, or an object in it, cannot be read now."""

    code = "bucket_unreachable"
    remedy = (
        "Endpoint, region and credentials come from the environment; see docs/importing.md. The same command goes "
        "on where it was interrupted."
    )


class ArchiveUnreadable(CollectionError):
    """The archive is damaged, incomplete or of a kind that is not read."""

    code = "archive_unreadable"
    remedy = "Download the export again; what could be read before the damage was taken in."


class ArchiveEncrypted(CollectionError):
    """The archive, or a file in it, can only be opened with a password."""

    code = "archive_encrypted"
    remedy = "Unpack it with its password, and import the folder."


class ArchiveBomb(CollectionError):
    """The archive would unpack to far more than it holds, or its files lie over each other."""

    code = "archive_bomb"
    remedy = "No platform makes such an archive; do not open it with anything."


class EntryUnsafe(CollectionError):
    """A file in the archive has a path that leads out of it, or is a link or a device."""

    code = "entry_unsafe"
    remedy = "The file was not opened; everything else was looked at."


class EntryTooLarge(CollectionError):
    """A file in the archive is larger than is read, or larger than the archive says."""

    code = "entry_too_large"
    remedy = "The limits are in docs/importing.md."


class ExportForeign(CollectionError):
    """The account's own pictures do not show the subject: it may be somebody else's export."""

    code = "export_foreign"
    remedy = "Ask whose export it is. If it is the subject's after all, repeat the command with --hers."


class ReferenceMissing(CollectionError):
    """Nothing is enrolled of the subject, so nobody can be recognised in the pictures."""

    code = "reference_missing"
    remedy = "Enrol a few photographs of the subject alone first: countenance enrol SUBJECT FILES..."


class PendingUnknown(CollectionError):
    """No face of that number waits for the subject's confirmation."""

    code = "pending_unknown"
    remedy = "See what waits with: countenance import pending SUBJECT"


class GrantError(CollectionError):
    """A page may not be read."""

    code = "grant"


class GrantMissing(GrantError):
    """The site has published no grant."""

    code = "grant_missing"
    remedy = "Ask the site's owner; docs/for-site-owners.md says how a grant is published."


class GrantInvalid(GrantError):
    """The site's grant cannot be read, is not signed, or its signature is wrong."""

    code = "grant_invalid"
    remedy = "Ask the site's owner to publish it again; docs/for-site-owners.md describes the format."


class GrantEnded(GrantError):
    """The grant has expired or was withdrawn."""

    code = "grant_ended"
    remedy = "Ask the site's owner for a new one; erase what came through it with: countenance grant withdraw URL"


class GrantUnknown(GrantError):
    """Nothing on record came through a grant of that site."""

    code = "grant_unknown"
    remedy = "See the grants on record with: countenance grant list"


class PageNotGranted(GrantError):
    """The grant does not list this page, or not for a purpose that anybody permits."""

    code = "page_not_granted"


class PageReserved(GrantError):
    """The page, its site or the picture says that it is not to be taken, whatever the grant says."""

    code = "page_reserved"
    remedy = "Ask the site's owner to bring the grant and the reservation into agreement."


class AddressForbidden(GrantError):
    """The address is not one of the public internet, or the site sends the reader on to another place."""

    code = "address_forbidden"


class PageUnreadable(GrantError):
    """The site does not answer, or its answer cannot be used."""

    code = "page_unreadable"
    remedy = "Try again later; nothing was kept."


class ClipError(CollectionError):
    """A clip cannot be searched."""

    code = "clip"


class ClipUnreadable(ClipError):
    """The file is no video that can be decoded."""

    code = "clip_unreadable"
    remedy = "Give a recorded video file (MP4, MOV, MKV, AVI, MJPEG) that plays in a video player."


class ClipTooLarge(ClipError):
    """The clip announces frames larger than the limits allow; nothing was decoded."""

    code = "clip_too_large"
    remedy = "Scale the clip down; the limits are in docs/importing.md."


class LiveInputRefused(ClipError):
    """A stream, camera or pipe. There is no live input."""

    code = "live_input"
    remedy = "Only a recorded file is searched, after the fact and under a case."


class CaseMissing(ClipError):
    """A clip is searched under a case only."""

    code = "case_missing"
    remedy = "Name the case with --case."


class ClipDecoderMissing(ClipError):
    """The optional package that decodes video is not installed."""

    code = "clip_decoder"
    remedy = "Install it with: pip install 'countenance[clips]'"


# -- oversight ----------------------------------------------------------------------------------------------


class OversightError(CountenanceError):
    """Who may look, and why: something about a customer, a person, a key, a case or a review is not so."""

    code = "oversight"


class AccessRefused(OversightError):
    """The policy, a case or a review does not allow this; ``reason`` is its code and ``str`` the sentence."""

    code = "access_refused"
    remedy = "docs/policy.md says who may do what."

    def __init__(self, message: str, *, reason: str = "", remedy: str | None = None) -> None:
        super().__init__(message, remedy=remedy)
        self.reason = reason


class CredentialInvalid(OversightError):
    """The key, session, name or password is not one that is in force. Which of them is not said."""

    code = "credential_invalid"
    remedy = "Log in again, or ask the operator for a new key."


class CustomerUnknown(OversightError):
    """No customer of that name or id is registered."""

    code = "customer_unknown"
    remedy = "See who is registered with: countenance customer list"


class PersonUnknown(OversightError):
    """There is no account of that id."""

    code = "person_unknown"


class IssuerUnknown(OversightError):
    """No issuer of that id is registered."""

    code = "issuer_unknown"
    remedy = "See the issuers with: countenance issuer list"


class PartyExists(OversightError):
    """A customer or an account of that name is there already."""

    code = "party_exists"


class CompartmentUnknown(OversightError):
    """There is no compartment of that name here; another customer's is not told apart from none."""

    code = "compartment_unknown"
    remedy = "See the compartments with: countenance compartment list"


class ImageNotHeld(OversightError):
    """There is no image of that id in this compartment."""

    code = "image_not_held"


class CaseUnknown(OversightError):
    """There is no case of that id here."""

    code = "case_unknown"
    remedy = "See the cases with: countenance case list"


class ReviewUnknown(OversightError):
    """There is no review of that id for this person."""

    code = "review_unknown"
    remedy = "Ask for the next one with: countenance review next"


class IdempotencyKeyReused(OversightError):
    """Another request was sent under the same idempotency key."""

    code = "idempotency_key_reused"
    remedy = "Send a new request under a new key; repeat the old one exactly as it was."


class RequestUnderWay(OversightError):
    """The request with this idempotency key is being carried out by somebody."""

    code = "request_under_way"
    remedy = "Send it again in a moment, under the same key."
    retry_after_s = 1
    """Seconds after which it is worth asking again."""


class AnswerNotKept(OversightError):
    """The request was carried out, and its answer cannot be told again."""

    code = "answer_not_kept"
    remedy = "Of a key that was not received: revoke it and issue another. See what there is before asking anew."


class JobUnknown(OversightError):
    """There is no job of that id for whoever asks."""

    code = "job_unknown"


class JobsFull(OversightError):
    """As much long work waits as one process takes, or it is about to end."""

    code = "jobs_full"
    remedy = "Send it again later, under the same idempotency key."
    retry_after_s = 30
    """Seconds after which it is worth asking again."""
