"""What the demonstration leaves to look at: a picture of probes and candidates, a page, and the figures.

Rules kept here: the page is one file that needs no network and runs no script; every text in it is escaped.
"""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from countenance.cli.demo.story import Seen, Story

INK, PALE, GOOD, BAD = (38, 50, 62), (120, 132, 144), (38, 122, 79), (179, 64, 47)
ROW_PIXELS, WIDTH_PIXELS = 200, 1120

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #26323e; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 1rem 0 }
td { padding: .25rem .8rem .25rem 0; border-bottom: 1px solid #dde }
img { max-width: 100%; border: 1px solid #dde }
.note { color: #667 }
"""


def verdict(seen: Seen) -> str:
    """One line about one search; it begins with ``!`` where it is not as it should be."""
    mark = "" if seen.as_it_should else "! "
    if seen.box is None:
        return f"{mark}no face found  ({seen.milliseconds:.0f} ms)"
    if not seen.candidates:
        return f"{mark}nobody above the threshold {seen.threshold:.2f}  ({seen.milliseconds:.0f} ms)"
    first = seen.candidates[0]
    others = len(seen.candidates) - 1
    more = f", {others} more" if others else ", nobody else"
    return f"{mark}rank 1: {first['subject']}  score {first['score']:.3f}{more}  ({seen.milliseconds:.0f} ms)"


def write(out: Path, story: Story, frames: Mapping[str, bytes]) -> None:
    """Write ``demo.json``, ``candidates.png``, ``demo.html`` and each probe as a file into ``out``."""
    for name, data in frames.items():
        with Image.open(BytesIO(data)) as picture:
            picture.convert("RGB").save(out / f"{name}.png")
    sheet = _sheet(story, frames)
    sheet.save(out / "candidates.png")
    document = json.dumps(story.as_dict(), indent=2, ensure_ascii=False)
    (out / "demo.json").write_text(document + "\n", "utf-8")
    (out / "demo.html").write_text(_page(story, sheet), "utf-8")


def _sheet(story: Story, frames: Mapping[str, bytes]) -> Image.Image:
    searches = [*story.probes, *story.after]
    sheet = Image.new("RGB", (WIDTH_PIXELS, ROW_PIXELS * len(searches) + 60), "white")
    draw = ImageDraw.Draw(sheet)
    draw.text(
        (20, 18),
        f"Probes, and whom a search among {story.simulated_subjects:,} [simulated] subjects returned",
        INK,
        _font(22),
    )
    for row, seen in enumerate(searches):
        top = 60 + row * ROW_PIXELS
        draw.line((0, top, WIDTH_PIXELS, top), (225, 228, 232))
        _as_seen(sheet, frames[seen.name], top, whole=True, seen=seen)
        _as_seen(sheet, frames[seen.name], top, whole=False, seen=seen)
        draw.text((430, top + 24), seen.what, INK, _font(18))
        _candidates(draw, seen, top)
    return sheet


def _as_seen(sheet: Image.Image, data: bytes, top: int, *, whole: bool, seen: Seen) -> None:
    """The frame with its face's box (left), or the face alone, enlarged without smoothing (right of it)."""
    with Image.open(BytesIO(data)) as opened:
        picture = opened.convert("RGB")
    if not whole:
        if seen.box is None:
            return
        x, y, width, height = seen.box
        side = max(width, height) * 1.2
        left, upper = x + width / 2 - side / 2, y + height / 2 - side / 2
        face = picture.crop((round(left), round(upper), round(left + side), round(upper + side)))
        sheet.paste(face.resize((180, 180), Image.Resampling.NEAREST), (220, top + 10))
        return
    scale = 180 / max(picture.size)
    small = picture.resize((round(picture.width * scale), round(picture.height * scale)))
    if seen.box is not None:
        x, y, width, height = (v * scale for v in seen.box)
        ImageDraw.Draw(small).rectangle((x, y, x + width, y + height), outline=(255, 196, 0), width=2)
    sheet.paste(small, (20, top + 10))


def _candidates(draw: ImageDraw.ImageDraw, seen: Seen, top: int) -> None:
    lines = [f"{c['rank']}.  {c['subject']}   score {c['score']:.3f}" for c in seen.candidates]
    if seen.box is None:
        lines = ["no face found"]
    elif not lines:
        lines = ["nobody on record resembles this face"]
    for place, line in enumerate(lines):
        draw.text((430, top + 60 + 28 * place), line, GOOD if seen.as_it_should else BAD, _font(20))
    note = f"threshold {seen.threshold:.2f}"
    if seen.quality is not None:
        note += f"   quality {seen.quality} of 100"
    draw.text((430, top + 160), f"{note}   {seen.milliseconds:.0f} ms", PALE, _font(15))


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _page(story: Story, sheet: Image.Image) -> str:
    written = BytesIO()
    sheet.save(written, "PNG", optimize=True)
    picture = base64.b64encode(written.getvalue()).decode()
    searches = "".join(_row(seen.what, verdict(seen)) for seen in [*story.probes, *story.after])
    checks = "".join(
        _row(
            check["holder"],
            "nothing left" if check["absent"] else "SOMETHING LEFT",
            check["checked"],
            f"Cannot be confirmed: {check['unconfirmed']}." if check["unconfirmed"] else "",
        )
        for check in story.withdrawn.get("confirmations", [])
    )
    after = story.traces["after"]
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Countenance: a demonstration</title>
<style>{STYLE}</style>
<h1>Countenance: a demonstration</h1>
<p>Every figure was measured in the run that wrote this page. {story.simulated_subjects:,} subjects of the
gallery are <b>simulated</b>: templates of nobody, drawn by a generator. So are all permissions.
<p class="note">{"<br>".join(_e(credit) for credit in story.credits)}
<br>Neither has anything to do with this project.
<h2>Searches</h2><p>{_e(story.as_dict()["caveat"])}<table>{searches}</table>
<img alt="Each probe, its face, and the candidates that the search returned" src="data:image/png;base64,{picture}">
<h2>Withdrawal</h2><p>Destroyed:<table>{_rows(story.withdrawn.get("destroyed", {}))}</table>
<p>Checked afterwards, each keeper looking for itself:<table>{checks}</table>
<p>Looked through {after["files"]} files ({after["size_bytes"] / 1e6:.0f} MB) of the data folder for raw bytes:
<table>{_rows(after["found"])}</table>
<h2>Seconds</h2><table>{_rows(story.seconds)}</table>
</html>
"""


def _rows(values: Mapping[str, Any]) -> str:
    return "".join(_row(name, value) for name, value in values.items())


def _row(*cells: object) -> str:
    return "<tr>" + "".join(f"<td>{_e(cell)}" for cell in cells)


def _e(value: object) -> str:
    return html.escape(f"{value:,}" if isinstance(value, int) else str(value))
