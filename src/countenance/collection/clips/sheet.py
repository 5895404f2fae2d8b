"""The contact sheet: a page for the people who look, with every track, its faces, its quality and its candidates.

Rules kept here: one file, no scripts, nothing fetched; what is written comes escaped. The only pictures are the
clip's own faces: no picture of anybody on record. What a score is worth on a dark, small or blurred face stands
beside it.
"""

from __future__ import annotations

import base64
from html import escape

from countenance.collection.clips.answers import BestFace, ClipIdentification, TrackAnswer
from countenance.recognition.faces.quality import ACCEPTABLE

_STYLE = (
    ":root{color-scheme:light dark;--quiet:light-dark(#555,#aaa);--poor:light-dark(#8a3b00,#f0a060)}"
    "body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:66rem;padding:0 1rem}"
    "article{border-top:1px solid #8886;padding:1rem 0;break-inside:avoid}h1{margin-bottom:.2rem}"
    "h2{margin:0 0 .5rem;font-size:1.05rem}.faces{display:flex;gap:10px;flex-wrap:wrap;margin:0 0 .7rem}"
    "figure{margin:0;width:112px}img{width:112px;height:112px;display:block;border-radius:4px;background:#8883}"
    "figcaption{font-size:12px;color:var(--quiet)}table{border-collapse:collapse;margin:.3rem 0}"
    "td,th{padding:2px 18px 2px 0;text-align:left}th{font-weight:600;color:var(--quiet);font-size:13px}"
    "td.n{font-variant-numeric:tabular-nums}p{margin:.3rem 0}.poor{color:var(--poor)}.note{color:var(--quiet)}"
)


def contact_sheet(answer: ClipIdentification) -> str:
    """The page, HTML."""
    notes = "".join(f"<p class=poor>Note: {escape(note)}.</p>" for note in answer.notes)
    tracks = "".join(_track(track, answer.threshold) for track in answer.tracks)
    facts = answer.facts
    return (
        "<!DOCTYPE html><html lang=en><head><meta charset=utf-8>"
        "<meta name=viewport content='width=device-width'><meta name=robots content=noindex>"
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; img-src data:; style-src "
        "'unsafe-inline'\">"
        f"<title>{escape(answer.clip)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(answer.clip)}</h1><p>Case {escape(answer.case)}, purpose {escape(answer.purpose)}. "
        f"{facts.width} x {facts.height} pixels, {escape(facts.codec)}, {_clock(answer.seconds_of_clip)}; "
        f"{answer.looked_at:,} of {answer.frames:,} frames looked at; {len(answer.tracks):,} tracks; "
        f"{answer.gallery_size:,} references searched.</p>"
        f"<p class=note>A candidate is a hint for a person who looks, not an answer. Threshold "
        f"{answer.threshold:.2f}. Faces of the clip only; pictures of people on record are not shown.</p>"
        f"{notes}{tracks}</body></html>"
    )


def _track(track: TrackAnswer, threshold: float) -> str:
    quality = track.faces[0].quality
    rows = "".join(
        f"<tr><td>{escape(str(one['subject']))}<td class=n>{one['score']:.3f}<td class=n>{_strangers(one)}"
        for one in track.candidates
    )
    listed = (
        f"<table><tr><th>candidate<th>score<th>strangers expected at this score{rows}</table>"
        if rows
        else f"<p>Nobody on record resembles this face above {threshold:.2f}.</p>"
    )
    reasons = "; ".join(quality.reasons)
    said = f"Quality {quality.score} of 100" + (f": {reasons}." if reasons else ".")
    worth = track.expected.sentence(None if track.candidates else threshold)
    poor = " class=poor" if quality.score < ACCEPTABLE else ""
    return (
        f"<article><h2>Track {track.number}: {_clock(track.first_s)} to {_clock(track.last_s)}, seen "
        f"{track.looks:,} {'time' if track.looks == 1 else 'times'}</h2>"
        f"<div class=faces>{''.join(_face(face) for face in track.faces)}</div>"
        f"<p{poor}>{escape(said)}</p><p class=note>{escape(worth)}</p>{listed}</article>"
    )


def _face(face: BestFace) -> str:
    picture = "data:image/jpeg;base64," + base64.b64encode(face.jpeg).decode()
    x, y, width, height = (round(value) for value in face.box.as_list())
    where = f"{width}x{height} at {x}, {y}"
    return (
        f'<figure><img alt="A face of the clip" src="{picture}"><figcaption>{_clock(face.at_s)}<br>quality '
        f"{face.quality.score}<br>{where}</figcaption></figure>"
    )


def _strangers(candidate: dict[str, object]) -> str:
    value = candidate.get("expected_false_positives")
    return "not known" if value is None else escape(str(value))


def _clock(seconds: float) -> str:
    tenths = int(seconds * 10)
    return f"{tenths // 36000}:{tenths // 600 % 60:02d}:{tenths // 10 % 60:02d}.{tenths % 10}"
