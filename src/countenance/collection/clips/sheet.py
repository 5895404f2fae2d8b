"""The contact sheet: a page for the people who look, with every track, its faces, its quality and its candidates.

Rules kept here: one file, no scripts, nothing fetched; what is written comes escaped. What a score is worth on a
dark, small or blurred face stands beside it.
"""

from __future__ import annotations

from html import escape

from countenance.collection.clips.search import ClipIdentification, TrackAnswer, data_address

_STYLE = (
    "body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:64rem;padding:0 1rem;color:#1c1c1c}"
    "article{display:grid;grid-template-columns:auto 1fr;gap:1rem;border-top:1px solid #ccc;padding:1rem 0}"
    "img{width:112px;height:112px;margin-right:4px}table{border-collapse:collapse}td,th{padding:2px 12px 2px 0;"
    "text-align:left}.poor{color:#8a3b00}h2{margin:0 0 .3rem;font-size:1.05rem}.faces{max-width:240px}"
)


def contact_sheet(answer: ClipIdentification) -> str:
    """The page, HTML."""
    notes = "".join(f"<p>{escape(note)}</p>" for note in answer.notes)
    tracks = "".join(_track(track, answer.threshold) for track in answer.tracks)
    return (
        "<!DOCTYPE html><html lang=en><head><meta charset=utf-8>"
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; img-src data:; style-src "
        "'unsafe-inline'\">"
        f"<title>{escape(answer.clip)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(answer.clip)}</h1><p>Case {escape(answer.case)}, purpose {escape(answer.purpose)}. "
        f"{answer.seconds_of_clip:.0f} seconds, {answer.looked_at:,} of {answer.frames:,} frames looked at, "
        f"{len(answer.tracks):,} tracks. A candidate is a hint for a person who looks, not an answer; threshold "
        f"{answer.threshold:.2f}.</p>{notes}{tracks}</body></html>"
    )


def _track(track: TrackAnswer, threshold: float) -> str:
    faces = "".join(f'<img alt="" src="{data_address(chip)}">' for chip in track.chips)
    rows = "".join(
        f"<tr><td>{escape(str(one['subject']))}<td>{one['score']:.3f}<td>{_strangers(one)}"
        for one in track.candidates
    )
    listed = (
        f"<table><tr><th>candidate<th>score<th>strangers expected at this score{rows}</table>"
        if rows
        else f"<p>Nobody on record resembles this face above {threshold:.2f}.</p>"
    )
    said = " ".join(track.reasons)
    poor = f"<p class=poor>Quality {track.quality} of 100. {escape(said)}</p>" if said else ""
    plain = "" if said else f"<p>Quality {track.quality} of 100.</p>"
    return (
        f"<article><div class=faces>{faces}</div><div><h2>Track {track.number}: {_clock(track.first_s)} to "
        f"{_clock(track.last_s)}</h2>{poor}{plain}{listed}</div></article>"
    )


def _strangers(candidate: dict[str, object]) -> str:
    value = candidate.get("expected_false_positives")
    return "not known" if value is None else escape(str(value))


def _clock(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"
