"""The certificate as a page for people: printable, self-contained, and no more certain than the file beside it.

Rules kept here:

* One HTML file without scripts, pictures or addresses: it can be printed, archived and opened in thirty years.
* Everything that comes from the certificate is escaped; the page says nothing that is not in the certificate.
* The page proves nothing, and says so in its first lines: the JSON beside it and the verifier do.
* What is proven and what is only asserted stand apart, in plain words, in that order.
* What is longer than a line (digests, keys, checkpoints) is broken where the paper ends and never cut off.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
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
_DIGEST = re.compile(r"[0-9a-f]{8}|[0-9A-Za-z+/]{40,}={0,2}|.*SHA-256 [0-9a-f]{64}")
"""What is set as code: ids of keys, digests, signatures."""
_LISTED = 200
"""So many commitments and keys are printed; the rest is in the file. Ten thousand would be two hundred pages."""

_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Certificate of erasure $request</title>
<style>
body { font: 11pt/1.45 Georgia, "Times New Roman", serif; max-width: 46em; margin: 2em auto; padding: 0 1em; color: #111; }
h1 { font-size: 1.7em; margin: 0; } h2 { font-size: 1.15em; border-bottom: 1px solid #888; margin: 1.6em 0 .5em; break-after: avoid; }
h1 + p { margin-top: .3em; } li { margin: .15em 0; } ul { padding-left: 1.3em; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top; padding: .25em .8em .25em 0; }
th { font-weight: normal; font-style: italic; color: #444; border-bottom: 1px solid #ccc; } tr { break-inside: avoid; }
td { overflow-wrap: break-word; hyphens: manual; } td:first-child { min-width: 5em; }
td.number, th.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
code, pre { font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; } code { font-size: .78em; overflow-wrap: anywhere; }
pre { font-size: .72em; white-space: pre-wrap; overflow-wrap: anywhere; margin: .3em 0 1em; break-inside: avoid; }
.box { border: 1px solid #888; padding: .5em 1em; } .asserted { border-style: dashed; } p.box, .box > p { break-inside: avoid; }
.list { columns: 1; line-height: 1.35; }
@media print { body { max-width: none; margin: 0; padding: 0; font-size: 10pt; } }
@page { size: A4; margin: 2cm 2cm 2.2cm; @bottom-right { content: counter(page) " / " counter(pages); font: 8pt Georgia, serif; } }
</style>
</head>
<body>
<h1>Certificate of erasure</h1>
<p>Issued on $issued by <code>$gallery</code>, because of $cause.<br>Erasure <code>$request</code></p>
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
$artefacts

<h2>What the keepers answered when asked whether anything is left</h2>
$holders

<h2>Who had received something, and was told</h2>
$recipients

<h2>What was kept, and why</h2>
$retained

<h2>Backups</h2>
<p>$backup</p>

<h2>The log</h2>
<p>Each step is an entry of the log <code>$log</code>, written when the step was done.</p>
$steps
<p>Checkpoint before:</p><pre>$before</pre>
<p>Checkpoint after:</p><pre>$after</pre>

<h2>Subjects</h2>
<p>Each line stands for one person, whom it does not name. It can be recognised only with that person's own key.</p>
<p>$subjects</p>

<h2>Destroyed keys</h2>
<p>$keys</p>

<h2>Signatures</h2>
$signatures
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
        issued=escape(_moment(said["issued_at"])),
        cause=escape(_CAUSES.get(said["kind"], said["kind"])),
        digest=sha256(certificate).hexdigest(),
        facts=_facts(said),
        proven="".join(
            f"<li>{escape(one['text'])} <em>({_numbers(one['checks'])})</em></li>" for one in said["proven"]
        ),
        asserted="".join(f"<li>{escape(one['text'])}</li>" for one in said["asserted"]),
        artefacts=_erased(said["artefacts"]),
        holders=_table(
            ("keeper", "answer", "how it looked", "what it cannot know"),
            [(one["holder"], _answer(one), one["checked"], one["unconfirmed"] or "") for one in said["holders"]],
            "No keeper is named.",
        ),
        recipients=_table(
            ("recipient", "told", "answer", "answered"),
            [
                (
                    one["recipient"],
                    _moment(one["told_at"]) or "not yet",
                    one["answer"] or "none",
                    _moment(one["answered_at"]),
                )
                for one in said["recipients"]
            ],
            "Nobody, by the gallery's records.",
        ),
        retained=_table(
            ("what", "ground", "how many", "until"),
            [
                (one["what"], one["ground"], one["count"], _moment(one["until"]) or "no end is set")
                for one in said["retained"]
            ],
            "Nothing, by the gallery's statement.",
        ),
        backup=_backup(said["backup"]),
        log=escape(said["log"]),
        steps=_table(
            ("step", "logged at", "entry"),
            [(*_step(one["entry"]), one["index"]) for one in log["entries"]],
            "No step is shown.",
        ),
        before=escape(log["before"]),
        after=escape(log["after"]),
        subjects=_listed(said["subjects"]["commitments"]),
        keys=_listed(said["keys"]["ids"]),
        signatures=_table(
            ("as", "name", "key", "signature"),
            [(one["role"], one["name"], one["key"], one["signature"]) for one in parsed["signatures"]],
            "It bears no signature.",
        ),
    )


def _erased(artefacts: Sequence[dict[str, Any]]) -> str:
    """What was held, and in a sentence what was looked for and not held."""
    held = [(one["holder"], one["what"], one["count"]) for one in artefacts if one["count"]]
    without = ", ".join(f"{one['what']} ({one['holder']})" for one in artefacts if not one["count"])
    table = _table(("keeper", "what", "how many"), held, "Nothing was held when the erasure began.")
    return table + (f"<p>Looked for, and nothing was held: {escape(without)}.</p>" if without else "")


def _facts(said: dict[str, Any]) -> str:
    subjects = said["subjects"]
    rows: list[tuple[object, ...]] = [
        ("Subjects", f"{_number(subjects['count'])}, of whom {_number(subjects['by_doubt_alone'])} by doubt alone"),
        ("Keys destroyed", _number(said["keys"]["count"])),
        ("Method", said["method"]),
    ]
    if said["scope_sha256"] is not None:
        rows.append(("The order’s scope", f"SHA-256 {said['scope_sha256']}"))
    rows += [
        ("Search index" if one["index"] == "index" else f"Index “{one['index']}”", _epochs(one))
        for one in said["epochs"]
    ]
    return _rows(rows)


def _epochs(one: dict[str, Any]) -> str:
    return f"epoch {one['before']} before, epoch {one['after']} after"


def _answer(one: dict[str, Any]) -> str:
    return "nothing is left" if one["absent"] else f"{_number(one['remaining'])} left"


def _backup(backup: dict[str, Any]) -> str:
    ends = _moment(backup["horizon"])
    return escape(backup["note"] + (f" The last backup that could hold them ends on {ends}." if ends else ""))


def _step(entry: str) -> tuple[str, str]:
    """Name and time of a logged step, cut out of its JSON without believing that it is well formed."""
    event, at = (entry.partition(f'"{member}":"')[2].partition('"')[0] for member in ("event", "at"))
    return event.removeprefix("erasure.").replace("_", " "), _moment(at)


def _moment(text: str | None) -> str:
    """A time as people write it, in UTC; what is no time stays as it is, and none is nothing."""
    try:
        at = datetime.fromisoformat(text or "")
    except ValueError:
        return text or ""
    return f"{at.day} {at:%B %Y, %H:%M:%S} {at.tzname() or ''}".strip()


def _number(count: object) -> str:
    return f"{count:,}" if isinstance(count, int) else str(count)


def _numbers(checks: Sequence[int]) -> str:
    return ("check " if len(checks) == 1 else "checks ") + ", ".join(str(number) for number in checks)


def _rows(rows: Iterable[Sequence[object]]) -> str:
    return "".join("<tr>" + "".join(map(_cell, row)) + "</tr>" for row in rows)


def _cell(cell: object) -> str:
    if isinstance(cell, int):
        return f'<td class="number">{_number(cell)}</td>'
    text = escape(str(cell))
    return f"<td><code>{text}</code></td>" if _DIGEST.fullmatch(str(cell)) else f"<td>{text}</td>"


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]], otherwise: str) -> str:
    if not rows:
        return f"<p>{escape(otherwise)}</p>"
    kinds = [' class="number"' if isinstance(cell, int) else "" for cell in rows[0]]
    head = "".join(f"<th{kind}>{escape(text)}</th>" for kind, text in zip(kinds, heads, strict=True))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{_rows(rows)}</tbody></table>"


def _listed(names: Sequence[str]) -> str:
    shown = "<br>".join(f"<code>{escape(name)}</code>" for name in names[:_LISTED])
    more = len(names) - _LISTED
    return shown + (f"<br>and {_number(more)} more, all in the file." if more > 0 else "")
