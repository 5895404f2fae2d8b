"""From error code to exit status: one table.

Rules kept here:

* Every class under ``CountenanceError`` has its own code and a row here (tests/unit/cli/test_cli_exits.py).
* A status says what kind of thing went wrong, so that a shell script can branch on it; the code says exactly
  what. Statuses stay below 126, which shells use for themselves, and are never given a new meaning.
"""

from __future__ import annotations

from countenance.errors import CountenanceError

OK = 0
PARTLY = 1
"""The command went through, and some of its items failed; each is named in the answer."""
USAGE = 2
ERROR = 3
IMAGE = 10
FACE = 20
MODEL = 30
PERMISSION = 40
SUBJECT = 41
GALLERY = 50
BUSY = 51
KEYS = 52
DAMAGED = 53
DISK = 54
ERASURE = 55
STORAGE = 56
INDEX = 60
SEARCH_ENGINE = 61
MOVE = 62
INPUT = 64
EVALUATION = 65
INTERNAL = 70
SYSTEM = 71
ORDER = 80
LOG = 81
CERTIFICATE = 82
COLLECTION = 85
GRANT = 86
CLIP = 87


OVERSIGHT = 90
CREDENTIAL = 91
INTERRUPTED = 130
BROKEN_PIPE = 141

EXIT_STATUS: dict[str, int] = {
    "error": ERROR,
    "usage": USAGE,
    "internal": INTERNAL,
    "system": SYSTEM,
    "interrupted": INTERRUPTED,
    "input_invalid": INPUT,
    # pictures
    "image_unreadable": IMAGE,
    "image_missing": IMAGE,
    "image_empty": IMAGE,
    "image_format": IMAGE,
    "image_truncated": IMAGE,
    "image_too_large": IMAGE,
    # faces
    "face": FACE,
    "no_face": FACE,
    "several_faces": FACE,
    "face_choice": FACE,
    "quality_too_low": FACE,
    # models
    "model": MODEL,
    "model_missing": MODEL,
    "model_digest": MODEL,
    "model_unsuitable": MODEL,
    "models_differ": MODEL,
    "model_uncalibrated": MODEL,
    # measuring how well it works
    "evaluation": EVALUATION,
    "labels_invalid": EVALUATION,
    "sample_too_small": EVALUATION,
    "calibration": EVALUATION,
    "calibration_missing": EVALUATION,
    "calibration_unreadable": EVALUATION,
    "calibration_unfit": EVALUATION,
    "beyond_validated": EVALUATION,
    "report_unavailable": EVALUATION,
    # permission
    "permission": PERMISSION,
    "permission_refused": PERMISSION,
    "image_suppressed": PERMISSION,
    "account_suppressed": PERMISSION,
    "permission_invalid": PERMISSION,
    "permission_unknown": PERMISSION,
    "purpose_unknown": PERMISSION,
    "subject_unknown": SUBJECT,
    "subject_name": SUBJECT,
    "subject_exists": SUBJECT,
    # keepers
    "gallery": GALLERY,
    "gallery_missing": GALLERY,
    "gallery_exists": GALLERY,
    "gallery_newer": GALLERY,
    "schema_older": GALLERY,
    "backup_elsewhere": GALLERY,
    "gallery_busy": BUSY,
    "database_unavailable": BUSY,
    "keys_missing": KEYS,
    "keys_foreign": KEYS,
    "key_service": KEYS,
    "key_service_driver": KEYS,
    "key_service_unavailable": KEYS,
    "key_service_refused": KEYS,
    "key_destroyed": KEYS,
    "seal_broken": DAMAGED,
    "backup_unusable": DAMAGED,
    "disk_full": DISK,
    "erasure_incomplete": ERASURE,
    "erasure_held": ERASURE,
    # images in object storage
    "blobs": STORAGE,
    "blobs_driver": STORAGE,
    "blobs_unavailable": STORAGE,
    "blobs_refused": STORAGE,
    "blobs_foreign": STORAGE,
    "blobs_unsuitable": STORAGE,
    # index
    "index": INDEX,
    "vectors_invalid": INDEX,
    "filter_invalid": INDEX,
    "snapshot_unusable": INDEX,
    # a search engine of its own, on this machine or another
    "engine": SEARCH_ENGINE,
    "engine_driver": SEARCH_ENGINE,
    "engine_unavailable": SEARCH_ENGINE,
    "engine_slow": SEARCH_ENGINE,
    "engine_busy": SEARCH_ENGINE,
    "engine_refused": SEARCH_ENGINE,
    "engine_version": SEARCH_ENGINE,
    "engine_foreign": SEARCH_ENGINE,
    "move_unusable": MOVE,
    "move_disagrees": MOVE,
    # a regulator's order, and where people live
    "order": ORDER,
    "order_unreadable": ORDER,
    "order_malformed": ORDER,
    "order_unsigned": ORDER,
    "order_signature": ORDER,
    "order_unknown": ORDER,
    "order_transition": ORDER,
    "clock_set_back": ORDER,
    "order_served": ORDER,
    "order_forbids": ORDER,
    "authority_key_unknown": ORDER,
    "authority_key_revoked": ORDER,
    "authority_key_invalid": ORDER,
    "predicate_unknown": ORDER,
    "verb_unknown": ORDER,
    "scope_empty": ORDER,
    "scope_mixed": ORDER,
    "scope_everyone": ORDER,
    "deadline_before_service": ORDER,
    "date_impossible": ORDER,
    "time_zone_unknown": ORDER,
    "place_unknown": ORDER,
    "dependency_unknown": ORDER,
    "dependency_cycle": ORDER,
    "amount_invalid": ORDER,
    "evidence_invalid": ORDER,
    "geography_missing": ORDER,
    # the log and what it proves
    "log": LOG,
    "log_missing": LOG,
    "log_exists": LOG,
    "log_read_only": LOG,
    "log_damaged": LOG,
    "log_key": LOG,
    "log_entry": LOG,
    "checkpoint_invalid": LOG,
    "certificate_invalid": CERTIFICATE,
    # albums, exports, granted pages and clips
    "collection": COLLECTION,
    "source_missing": COLLECTION,
    "bucket_client": COLLECTION,
    "bucket_unreachable": COLLECTION,
    "archive_unreadable": COLLECTION,
    "archive_encrypted": COLLECTION,
    "archive_bomb": COLLECTION,
    "entry_unsafe": COLLECTION,
    "entry_too_large": COLLECTION,
    "export_foreign": COLLECTION,
    "reference_missing": COLLECTION,
    "pending_unknown": COLLECTION,
    "grant": GRANT,
    "grant_missing": GRANT,
    "grant_invalid": GRANT,
    "grant_ended": GRANT,
    "grant_unknown": GRANT,
    "page_not_granted": GRANT,
    "page_reserved": GRANT,
    "address_forbidden": GRANT,
    "page_unreadable": GRANT,
    "clip": CLIP,
    "clip_unreadable": CLIP,
    "clip_too_large": CLIP,
    "live_input": CLIP,
    "case_missing": CLIP,
    "clip_decoder": CLIP,
    # who may look, and why
    "oversight": OVERSIGHT,
    "access_refused": OVERSIGHT,
    "customer_unknown": OVERSIGHT,
    "person_unknown": OVERSIGHT,
    "issuer_unknown": OVERSIGHT,
    "party_exists": OVERSIGHT,
    "compartment_unknown": OVERSIGHT,
    "image_not_held": OVERSIGHT,
    "case_unknown": OVERSIGHT,
    "review_unknown": OVERSIGHT,
    "idempotency_key_reused": OVERSIGHT,
    "request_under_way": BUSY,
    "answer_not_kept": OVERSIGHT,
    "job_unknown": OVERSIGHT,
    "jobs_full": BUSY,
    "credential_invalid": CREDENTIAL,
}
"""Code to exit status. The codes without a class are the door's own: usage, internal, system, interrupted."""


def exit_status(error: CountenanceError) -> int:
    """The exit status for ``error``; a code that has no row yet gets its nearest parent's."""
    for kind in type(error).__mro__:
        code = kind.__dict__.get("code")
        if code in EXIT_STATUS:
            return EXIT_STATUS[code]
    return ERROR
