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
:root { color-scheme: light dark; --line: #8885; --quiet: light-dark(#555, #aaa); }
* { box-sizing: border-box; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 { font-size: 1.15rem; margin: 2rem 0 .25rem; }
p { margin: .25rem 0 .75rem; max-width: 46rem; }
.quiet { color: var(--quiet); font-size: .9rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1rem; }
th, td { text-align: left; padding: .45rem .9rem .45rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; }
.n { text-align: right; font-variant-numeric: tabular-nums; padding-right: 0; padding-left: .9rem; }
.few { color: var(--quiet); }
@media (max-width: 44rem) {
  .cards thead { display: none; }
  .cards tr { display: block; padding: .5rem 0; border-bottom: 1px solid var(--line); }
  .cards td { display: flex; justify-content: space-between; gap: 1rem; border: 0; padding: .1rem 0; }
  .cards td::before { content: attr(data-of); color: var(--quiet); }
  .cards td:first-child { font-weight: 600; }
  .cards td.none { display: block; font-weight: 400; }
}
@media print { body { margin: 0; max-width: none; } }
"""


_HASH = base64.b64encode(sha256(_STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; frame-ancestors 'none'"
"""The page may use the style that is in it, and nothing else."""


_COUNTED = ("customers", "searches", "releases", "refusals")


def page(register: Register) -> str:
    """The register as a page that needs nothing else."""
    few = register.suppressed_below
    lines = "".join(_line(one, few) for one in register.customers)
    orders = "".join(
        f'<tr><td>{_words(state)}</td><td class="n">{count:,}</td></tr>' for state, count in register.orders.items()
    )
    empty = '<tr><td colspan="7" class="none">No customer is registered yet.</td></tr>'
    none = '<tr><td colspan="2">No order was served.</td></tr>'
    heads = "".join(f'<th class="n">{name}</th>' for name in _COUNTED)
    at = escape(register.at)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Public register</title><style>{_STYLE}</style></head><body><main>
<h1>Public register</h1>
<p>Who may search the faces that are held here, and how much they did.</p>
<p class="quiet">As of <time datetime="{at}">{at[:16].replace("T", " ")} UTC</time>. Nobody is named. Who is held
here finds in her own ledger who searched, when and what for.</p>
<h2>Customers</h2>
<p class="quiet">A line is all customers of one class, in one jurisdiction, on one legal basis. A search was made
under a case; a release is a candidate that two reviewers confirmed and that was given out; a refusal is a request
that the rules did not allow. <b>fewer than {few}</b> stands for any smaller number, zero included, so that what
changes from one day to the next tells of nobody.</p>
<table class="cards"><thead><tr><th>class</th><th>jurisdiction</th><th>legal basis</th>{heads}</tr></thead>
<tbody>{lines or empty}</tbody></table>
<h2>Orders of authorities</h2>
<p class="quiet">Orders that were served on the operator, by how they stand. These are acts of authorities, and are
counted as they are.</p>
<table><thead><tr><th>state</th><th class="n">orders</th></tr></thead><tbody>{orders or none}</tbody></table>
<p class="quiet">The same as JSON: <code>/v1/register</code>. The tamper-evident log that these acts are written in:
<code>/v1/log/checkpoint</code>.</p>
</main></body></html>
"""


def _line(one: RegisterLine, few: int) -> str:
    told = {"class": _words(one.customer_class), "jurisdiction": escape(one.jurisdiction)}
    told["legal basis"] = _words(one.legal_basis)
    cells = "".join(f'<td data-of="{name}">{text}</td>' for name, text in told.items())
    for name, count in zip(_COUNTED, (one.customers, one.searches, one.releases, one.refusals), strict=True):
        shown = f'<span class="few">fewer than {few}</span>' if count is None else f"{count:,}"
        cells += f'<td class="n" data-of="{name}">{shown}</td>'
    return f"<tr>{cells}</tr>"


def _words(code: str) -> str:
    return escape(code.replace("_", " "))


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
