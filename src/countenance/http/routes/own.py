"""What a subject may ask of her own data: who searched for her, everything held, and to be forgotten."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from countenance.engine.answers import Withdrawal
from countenance.http.asker import Engine, Who, policed
from countenance.http.documents import Answer, Id
from countenance.http.paging import Cursor, Limit, Page, cut
from countenance.http.routes.permissions import PermissionHeld, PermissionWithReceipt
from countenance.oversight.policy import Verb

router = APIRouter(prefix="/own", tags=["own data"])


class LedgerLine(Answer):
    """One search that returned you, or one showing of you as a known non-mate."""

    at: str
    customer: str
    customer_class: str
    jurisdiction: str | None
    purpose: str
    what: str
    search: str | None


class Erasure(Answer):
    """A confirmed erasure: what was destroyed, and how each keeper looked again afterwards."""

    ground: str
    erasure: str
    destroyed: dict[str, int]
    absent: bool
    confirmations: list[dict[str, Any]]
    index_epoch: dict[str, int | None]
    finished: str | None
    recipients_silent: int


@router.get("/ledger", **policed(Verb.LEDGER_READ))
def ledger(who: Who, gallery: Engine, limit: Limit = 50, cursor: Cursor = None) -> Page[LedgerLine]:
    """Every search that returned you, with customer, purpose and time, oldest first."""
    lines = list(enumerate(gallery.oversight.own_ledger(who)))
    page, more = cut(lines, limit, cursor, lambda one: str(one[0]))
    return Page[LedgerLine](items=[_line(line.as_dict()) for _, line in page], next=more)


@router.get("/permissions", **policed(Verb.ACCESS_OWN))
def permissions(who: Who, gallery: Engine, limit: Limit = 50, cursor: Cursor = None) -> Page[PermissionHeld]:
    """Your permissions, oldest first."""
    held = gallery.oversight.own_permissions(who)
    page, more = cut(held, limit, cursor, lambda one: one.record.record_id)
    return Page[PermissionHeld](items=[PermissionHeld.of(one) for one in page], next=more)


@router.get("/permissions/{permission}", **policed(Verb.ACCESS_OWN))
def permission(permission: Id, who: Who, gallery: Engine) -> PermissionWithReceipt:
    """One of your permissions, with its receipt."""
    held = gallery.oversight.own_permission(who, permission)
    return PermissionWithReceipt.model_validate(held.with_receipt())


@router.get(
    "/archive",
    response_class=Response,
    responses={200: {"content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}}}},
    **policed(Verb.ACCESS_OWN),
)
def archive(who: Who, gallery: Engine) -> Response:
    """Everything held about you, and every search that returned you, as a ZIP with signed JSON."""
    data = gallery.oversight.own_archive(who)
    return Response(
        data,
        media_type="application/zip",
        headers={"Content-Disposition": 'attachment; filename="access.zip"', "Cache-Control": "no-store"},
    )


@router.delete("", **policed(Verb.WITHDRAW_OWN))
def withdraw(who: Who, gallery: Engine) -> Erasure:
    """Withdraw your permission. Everything of yours is destroyed, this account too; nothing is asked back."""
    return Erasure.of(Withdrawal("", gallery.oversight.withdraw_own(who)))


def _line(document: dict[str, object]) -> LedgerLine:
    return LedgerLine.model_validate({**document, "customer_class": document["class"]})
