"""The certificate as a page for people: printable, self-contained, and no more certain than the file beside it.

Rules kept here:

* One HTML file without scripts, pictures or addresses: it can be printed, archived and opened in thirty years.
* Everything that comes from the certificate is escaped; the page says nothing that is not in the certificate.
* The page proves nothing, and says so in its first lines: the JSON beside it and the verifier do.
* What is proven and what is only asserted stand apart, in plain words, in that order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from html import escape
from string import Template
from typing import Any

from countenance.custody.proof import verifier
from countenance.errors import CertificateInvalid

_CAUSES = {
    "order": "an authority's order",
    "withdrawal": "a withdrawn permission",
    "expiry": "an expired permission",
    "retention": "the end of retention",
}
_LISTED = 200
"""So many commitments and keys are printed; the rest is in the file. Ten thousand would be two hundred pages."""

_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Certificate of erasure $request</title>
<style>
body { font: 11pt/1.5 Georgia, serif; max-width: 46em; margin: 2em auto; padding: 0 1em; color: #111; }
h1 { font-size: 1.6em; margin-bottom: 0; } h2 { font-size: 1.15em; border-bottom: 1px solid #888; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top; padding: .2em .6em .2em 0; }
th { font-weight: normal; font-style: italic; } tr { break-inside: avoid; }
code { font-size: .8em; overflow-wrap: anywhere; } pre { font-size: .75em; white-space: pre-wrap; overflow-wrap: anywhere; }
.box { border: 1px solid #888; padding: .5em 1em; break-inside: avoid; } .asserted { border-style: dashed; }
@page { margin: 2cm; }
</style>
</head>
<body>
<h1>Certificate of erasure</h1>
<p>$request, issued by $gallery on $issued, because of $cause.</p>
<p class="box"><strong>This page proves nothing by itself.</strong> It is a reading of the file whose SHA-256 is
<code>$digest</code>. Check that file with the verifier and the public keys that you received on another way.</p>

<h2>What was done</h2>
<table>$facts</table>

<h2>What is proven</h2>
<div class="box"><p>Anyone can check these without believing the gallery. The numbers are those of the verifier's checks.</p>
<ul>$proven</ul></div>

<h2>What is only asserted</h2>
<div class="box asserted"><p>No document can prove these. The gallery states them under its signature, and answers for them.</p>
<ul>$asserted</ul></div>

<h2>What was erased</h2>
<table><tr><th>keeper</th><th>what</th><th>how many</th></tr>$artefacts</table>

<h2>What the keepers answered when asked whether anything is left</h2>
<table><tr><th>keeper</th><th>answer</th><th>how it looked</th><th>what it cannot know</th></tr>$holders</table>

<h2>Who had received something, and was told</h2>
$recipients

<h2>What was kept, and why</h2>
$retained

<h2>Backups</h2>
<p>$backup</p>

<h2>The log</h2>
<p>Steps, with their numbers in the log $log: $steps.</p>
<p>Checkpoint before:</p><pre>$before</pre>
<p>Checkpoint after:</p><pre>$after</pre>

<h2>Subjects</h2>
<p>Each line stands for one person, whom it does not name. It can be recognised only with that person's own key.</p>
<p>$subjects</p>

<h2>Destroyed keys</h2>
<p>$keys</p>

<h2>Signatures</h2>
<table><tr><th>as</th><th>name</th><th>key</th><th>signature</th></tr>$signatures</table>
</body>
</html>
""")  # fmt: skip  # noqa: E501


def render(certificate: bytes) -> str:
    """The page for ``certificate``. Raises CertificateInvalid for bytes that are not a certificate.

    Only the form is looked at here; whether the certificate stands is the verifier's to say.
    """
    try:
        parsed = verifier.parse(certificate)
    except verifier.Failed as error:
        raise CertificateInvalid("that is not a certificate of an erasure") from error
    said, log = parsed["statement"], parsed["log"]
    return _PAGE.substitute(
        request=escape(said["request"]),
        gallery=escape(said["gallery"]),
        issued=escape(said["issued_at"]),
        cause=escape(_CAUSES.get(said["kind"], said["kind"])),
        digest=sha256(certificate).hexdigest(),
        facts=_facts(said),
        proven="".join(
            f"<li>{escape(one['text'])} <em>({_numbers(one['checks'])})</em></li>" for one in said["proven"]
        ),
        asserted="".join(f"<li>{escape(one['text'])}</li>" for one in said["asserted"]),
        artefacts=_rows((one["holder"], one["what"], one["count"]) for one in said["artefacts"]),
        holders=_rows(
            (one["holder"], _answer(one), one["checked"], one["unconfirmed"] or "") for one in said["holders"]
        ),
        recipients=_table(
            ("recipient", "told", "answer", "answered"),
            [
                (one["recipient"], one["told_at"] or "not yet", one["answer"] or "none", one["answered_at"] or "")
                for one in said["recipients"]
            ],
            "Nobody, by the gallery's records.",
        ),
        retained=_table(
            ("what", "ground", "how many", "until"),
            [
                (one["what"], one["ground"], one["count"], one["until"] or "no end is set")
                for one in said["retained"]
            ],
            "Nothing, by the gallery's statement.",
        ),
        backup=_backup(said["backup"]),
        log=escape(said["log"]),
        steps=escape(", ".join(_step(one) for one in log["entries"])),
        before=escape(log["before"]),
        after=escape(log["after"]),
        subjects=_listed(said["subjects"]["commitments"]),
        keys=_listed(said["keys"]["ids"]),
        signatures=_rows((one["role"], one["name"], one["key"], one["signature"]) for one in parsed["signatures"]),
    )


def _facts(said: dict[str, Any]) -> str:
    subjects = said["subjects"]
    rows: list[tuple[object, ...]] = [
        ("Subjects", f"{subjects['count']}, of whom {subjects['by_doubt_alone']} by doubt alone"),
        ("Keys destroyed", said["keys"]["count"]),
        ("Method", said["method"]),
    ]
    if said["scope_sha256"] is not None:
        rows.append(("SHA-256 of the order's scope", said["scope_sha256"]))
    rows += [
        (f"Index {one['index']}", f"epoch {one['before']} before, {one['after']} after") for one in said["epochs"]
    ]
    return _rows(rows)


def _answer(one: dict[str, Any]) -> str:
    return "nothing is left" if one["absent"] else f"{one['remaining']} are left"


def _backup(backup: dict[str, Any]) -> str:
    until = (
        "" if backup["horizon"] is None else f" The last backup that could hold them ends on {backup['horizon']}."
    )
    return escape(backup["note"] + until)


def _step(one: dict[str, Any]) -> str:
    """The event of a logged step, cut out of its JSON without believing that it is well formed."""
    _, _, rest = one["entry"].partition('"event":"')
    return f"{rest.partition(chr(34))[0]} {one['index']}"


def _numbers(checks: Sequence[int]) -> str:
    return ("check " if len(checks) == 1 else "checks ") + ", ".join(str(number) for number in checks)


def _rows(rows: Iterable[Sequence[object]]) -> str:
    return "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]], otherwise: str) -> str:
    if not rows:
        return f"<p>{escape(otherwise)}</p>"
    return f"<table><tr>{''.join(f'<th>{escape(head)}</th>' for head in heads)}</tr>{_rows(rows)}</table>"


def _listed(names: Sequence[str]) -> str:
    shown = "<br>".join(f"<code>{escape(name)}</code>" for name in names[:_LISTED])
    more = len(names) - _LISTED
    return shown + (f"<br>and {more} more, all in the file." if more > 0 else "")
