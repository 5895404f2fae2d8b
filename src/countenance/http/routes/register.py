"""The public register, as JSON and as a plain page; the tamper-evident log as C2SP lays it out."""

from __future__ import annotations

import base64
from hashlib import sha256
from html import escape

from fastapi import APIRouter, Response
from fastapi.responses import HTMLResponse, PlainTextResponse

from countenance.http.asker import Engine, Who, open_to_all, policed
from countenance.http.documents import Answer, Field
from countenance.oversight.policy import Verb

router = APIRouter(prefix="/register", tags=["register"])
log = APIRouter(prefix="/log", tags=["log"])


class RegisterLine(Answer):
    """Customers alike. Null stands for fewer than five."""

    customer_class: str = Field(alias="class")
    jurisdiction: str
    legal_basis: str
    customers: int | None
    searches: int | None
    releases: int | None
    refusals: int | None


class Register(Answer):
    """Who has been using the data, in counts."""

    at: str
    suppressed_below: int
    customers: list[RegisterLine]
    orders: dict[str, int]


@router.get("", **open_to_all(Verb.REGISTER_READ))
def register(gallery: Engine) -> Register:
    """Customers by class, jurisdiction and legal basis, what they did, and orders by how they stand."""
    return Register.of(gallery.oversight.register())


@router.get("/page", response_class=HTMLResponse, **open_to_all(Verb.REGISTER_READ))
def register_page(gallery: Engine) -> HTMLResponse:
    """The same for people."""
    return HTMLResponse(
        page(Register.of(gallery.oversight.register())), headers={"Content-Security-Policy": _POLICY}
    )


_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid #8886; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding-bottom: .4rem; }
"""


_HASH = base64.b64encode(sha256(_STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; frame-ancestors 'none'"
"""The page may use the style that is in it, and nothing else."""


def page(register: Register) -> str:
    """The register as a page that needs nothing else."""
    few = f"fewer than {register.suppressed_below}"

    def cell(count: int | None) -> str:
        return f'<td class="n">{few if count is None else count}</td>'

    lines = "".join(
        f"<tr><td>{escape(one.customer_class)}</td><td>{escape(one.jurisdiction)}</td>"
        f"<td>{escape(one.legal_basis)}</td>{cell(one.customers)}{cell(one.searches)}{cell(one.releases)}"
        f"{cell(one.refusals)}</tr>"
        for one in register.customers
    )
    orders = "".join(
        f'<tr><td>{escape(state)}</td><td class="n">{count}</td></tr>' for state, count in register.orders.items()
    )
    empty = '<tr><td colspan="7">No customer is registered.</td></tr>'
    none = '<tr><td colspan="2">No order was served.</td></tr>'
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Public register</title><style>{_STYLE}</style></head><body>
<h1>Public register</h1>
<p>Who may search the faces held here, and how much they did, as of <time>{escape(register.at)}</time>. Counts below
{register.suppressed_below} are not published. Nobody is named here; a subject sees in her own ledger who
searched.</p> <table><caption>Customers</caption><thead><tr><th>class</th><th>jurisdiction</th><th>legal basis</th>
<th class="n">customers</th><th class="n">searches</th><th class="n">releases</th><th class="n">refusals</th></tr>
</thead><tbody>{lines or empty}</tbody></table>
<table><caption>Orders of authorities</caption><thead><tr><th>state</th><th class="n">orders</th></tr></thead>
<tbody>{orders or none}</tbody></table>
</body></html>
"""


# -- the log ------------------------------------------------------------------------------------------------


@log.get("/checkpoint", response_class=PlainTextResponse, **open_to_all(Verb.LOG_READ))
def checkpoint(gallery: Engine) -> PlainTextResponse:
    """The newest checkpoint, a signed note (C2SP tlog-checkpoint)."""
    return PlainTextResponse(gallery.log.checkpoint(), headers={"Cache-Control": "no-cache"})


@log.get("/keys", response_class=PlainTextResponse, **open_to_all(Verb.LOG_READ))
def keys(gallery: Engine) -> PlainTextResponse:
    """The public keys that check checkpoints and certificates."""
    return PlainTextResponse(gallery.log.keys())


@log.get("/tile/{path:path}", response_class=Response, **open_to_all(Verb.LOG_READ))
def tile(path: str, gallery: Engine) -> Response:
    """A tile of the tree's hashes (C2SP tlog-tiles); what a tile holds never changes."""
    data = gallery.log.tile(f"tile/{path}")
    return Response(
        data,
        media_type="application/octet-stream",
        headers={"Cache-Control": "public, max-age=31536000, immutable"},
    )


@log.get("/entries/{path:path}", response_class=Response, **policed(Verb.LOG_AUDIT))
def entries(path: str, who: Who, gallery: Engine) -> Response:
    """A bundle of raw entries (C2SP tlog-tiles, below ``tile/entries``), for those who supervise."""
    data = gallery.log.entries(f"tile/entries/{path}")
    return Response(data, media_type="application/octet-stream", headers={"Cache-Control": "no-store"})


@log.get("/proofs/inclusion/{entry}", response_class=PlainTextResponse, **open_to_all(Verb.LOG_READ))
def inclusion(entry: int, gallery: Engine) -> PlainTextResponse:
    """A proof that an entry is in the log (C2SP tlog-proof)."""
    return PlainTextResponse(gallery.log.prove(entry))


@log.get("/proofs/consistency/{size}", response_class=PlainTextResponse, **open_to_all(Verb.LOG_READ))
def consistency(size: int, gallery: Engine) -> PlainTextResponse:
    """A proof that the log of so many entries is the beginning of the present one."""
    return PlainTextResponse(gallery.log.prove_consistency(size))
