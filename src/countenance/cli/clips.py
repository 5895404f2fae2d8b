"""``identify`` of a recorded clip."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from countenance.cli.door import Door
from countenance.cli.failure import printable

if TYPE_CHECKING:
    from rich.console import Console


def is_clip(name: str) -> bool:
    """Whether the argument is meant as a clip, or as a stream that has to be refused."""
    # Imported here: --help needs none of it.
    from countenance.collection.clips.reading import is_clip as called_like_one

    return called_like_one(name)


def identify(
    door: Door,
    file: Path,
    *,
    purpose: str | None,
    limit: int,
    threshold: float | None,
    case: str,
    sheet: Path | None,
) -> None:
    """Search a clip and show its tracks."""
    with door.open() as engine:
        document = engine.collecting.search_clip(
            file,
            purpose=purpose,
            case=case,
            limit=limit,
            threshold=threshold,
            sheet=sheet,
            progress=door.progress(),
        ).as_dict()
    door.answer(document, lambda console: _tracks(console, document))


def _tracks(console: Console, document: dict[str, Any]) -> None:
    # Imported here: --help needs none of it.
    from countenance.recognition.faces.quality import ACCEPTABLE

    for track in document["tracks"]:
        quality = track["quality"]
        when = f"{track['from']:.1f} s to {track['to']:.1f} s"
        console.print(f"Track {track['track']}: {when}, quality {quality['score']} of 100")
        for reason in quality["reasons"]:
            console.print(f"  warning: {printable(reason)}")
        for one in track["candidates"]:
            console.print(f"  {one['rank']}. {printable(one['subject'])}, score {one['score']:.3f}")
        if not track["candidates"]:
            console.print(f"  nobody on record resembles this face above {document['threshold']:.2f}")
        expected = track["expected_score"]
        if quality["score"] < ACCEPTABLE:
            console.print(
                f"  photographs of such quality scored {expected['lowest']:.2f} to {expected['highest']:.2f} "
                "with others of the same person"
            )
    for note in document["notes"]:
        console.print(f"note: {printable(note)}")
    console.print(
        f"{printable(document['clip'])}, case {printable(document['case'])}: {document['seconds']:.1f} s, "
        f"{document['frames_looked_at']:,} of {document['frames']:,} frames looked at, "
        f"{len(document['tracks']):,} tracks. Threshold {document['threshold']:.2f}."
    )
