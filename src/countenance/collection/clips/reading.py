"""Frames of a recorded clip, one at a time, however it is packed. Pictures live only until the next one.

Rules kept here:

* Only an ordinary file is opened, and only its video: no address, no device, no pipe, no playlist, and no protocol
  but ``file``; there is no live input.
* The size a clip announces is held against the limits before anything is decoded; a frame of another size, too.
* A clip that ends early, or is damaged, gives the frames before the damage, and says so.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from countenance.errors import ClipDecoderMissing, ClipTooLarge, ClipUnreadable, LiveInputRefused
from countenance.settings import ImageLimits
from countenance.terms import Pixels

ENDINGS = frozenset({".mp4", ".mov", ".m4v", ".mkv", ".avi", ".webm", ".3gp", ".mts", ".m2ts", ".ts"})
ENDINGS |= {".mpg", ".mpeg", ".wmv", ".flv", ".mjpeg", ".mjpg", ".vob", ".asf", ".dav", ".h264", ".h265", ".264"}
_ADDRESS = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:/")
_PLAYLISTS = (b"#EXTM3U", b"<?xml", b"<MPD", b"ffconcat", b"v=0\r", b"v=0\n", b"[playlist]")
MOST_DAMAGED = 500
"""Packets in a row that cannot be decoded, after which the clip is taken to be over."""


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What a clip announces. ``duration_s`` is None when it does not say."""

    width: int
    height: int
    codec: str
    rate: float | None
    duration_s: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """A frame: ``number`` counts decoded frames from 0, ``at_s`` is its time in the clip in seconds.

    ``luma`` is a small grey copy, shape (h, w) uint8, for deciding whether the frame is worth a look; ``pixels``
    makes the whole picture, shape (height, width, 3) RGB, and may be called until the next frame is asked for.
    """

    number: int
    at_s: float
    luma: np.ndarray[tuple[int, int], np.dtype[np.uint8]]
    _frame: Any

    def pixels(self) -> Pixels:
        """The whole picture."""
        return np.asarray(self._frame.to_ndarray(format="rgb24"), np.uint8)


def is_clip(name: str) -> bool:
    """Whether something is meant as a clip (or a stream, to be refused) by what it is called."""
    return bool(_ADDRESS.match(name)) or name.startswith("/dev/") or Path(name).suffix.lower() in ENDINGS


class Clip:
    """A clip, opened. Use as a context manager.

    Raises LiveInputRefused, ClipUnreadable, ClipTooLarge, ClipDecoderMissing.
    """

    def __init__(self, path: str | Path, limits: ImageLimits, *, luma_side: int = 160) -> None:
        self._av = _decoder()
        self.notes: list[str] = []
        self._limits = limits
        self._luma_side = luma_side
        _only_a_file(str(path))
        try:
            self._container = self._av.open(
                str(path), options={"protocol_whitelist": "file"}, metadata_errors="replace"
            )
        except (self._av.FFmpegError, ValueError, OSError) as error:
            raise ClipUnreadable(f"{Path(path).name} is no video that can be decoded.") from error
        try:
            self._stream = self._first_video(Path(path).name)
        except BaseException:
            self._container.close()
            raise

    def __enter__(self) -> Clip:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    @property
    def facts(self) -> ClipFacts:
        """What the clip announces."""
        context, stream = self._stream.codec_context, self._stream
        rate = float(stream.average_rate) if stream.average_rate else None
        duration = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else None
        if duration is None and self._container.duration:
            duration = self._container.duration / 1_000_000
        return ClipFacts(context.width, context.height, context.name, rate, duration)

    def frames(self) -> Iterator[Frame]:
        """Every frame in order. Where the clip is damaged the rest is tried, and ``notes`` says so."""
        number, damaged, rate, last = 0, 0, self.facts.rate or 25.0, -1.0
        packets = iter(self._container.demux(self._stream))
        while damaged < MOST_DAMAGED:
            try:
                packet = next(packets, None)
                if packet is None:
                    break
                decoded = packet.decode()
                damaged = 0
            except (self._av.FFmpegError, ValueError):
                damaged += 1
                self._note("the clip is damaged or ends early; what could be decoded was searched")
                continue
            for frame in decoded:
                self._check_size(frame.width, frame.height)
                at = frame.time
                # Without times of its own, or with ones that stand still, a frame comes one rate after the last.
                at_s = float(at) if at is not None and at > last else last + 1 / rate
                last = at_s
                yield Frame(number, max(0.0, at_s), self._small(frame), frame)
                number += 1
        if not number:
            raise ClipUnreadable("Not one frame of the clip can be decoded.")

    def _first_video(self, name: str) -> Any:
        streams = [s for s in self._container.streams.video if not s.disposition & _attached(self._av)]
        if not streams:
            raise ClipUnreadable(f"{name} has no video in it.")
        stream = streams[0]
        context = stream.codec_context
        if context is None or not context.width or not context.height:
            raise ClipUnreadable(f"{name} does not say how large its pictures are.")
        self._check_size(context.width, context.height)
        stream.thread_type = "AUTO"
        context.thread_count = 1  # the other processor looks for faces
        return stream

    def _check_size(self, width: int, height: int) -> None:
        limits = self._limits
        if width * height > limits.pixels or max(width, height) > limits.side_pixels:
            raise ClipTooLarge(f"The clip announces frames of {width:,} x {height:,} pixels.")

    def _small(self, frame: Any) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
        scale = min(1.0, self._luma_side / max(frame.width, frame.height))
        width, height = max(2, round(frame.width * scale)), max(2, round(frame.height * scale))
        return np.asarray(frame.reformat(width, height, "gray").to_ndarray(), np.uint8)

    def _note(self, words: str) -> None:
        if words not in self.notes:
            self.notes.append(words)


def _only_a_file(name: str) -> None:
    if _ADDRESS.match(name) or name.startswith(("/dev/", "pipe:", "-")):
        raise LiveInputRefused(f"{name[:200]} is an address or a device.")
    path = Path(name)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise LiveInputRefused(f"{name[:200]} is not a recorded file.")
        with path.open("rb") as file:
            start = file.read(64).lstrip()
    except OSError as error:
        raise ClipUnreadable(f"{name[:200]} cannot be read: {error.strerror or 'no such file'}.") from error
    if not status.st_size:
        raise ClipUnreadable(f"{name[:200]} is empty.")
    if start.startswith(_PLAYLISTS):
        raise LiveInputRefused(f"{name[:200]} is a list of other places, not a recording.")


def _attached(av: Any) -> Any:
    return av.stream.Disposition.attached_pic


def _decoder() -> Any:
    try:
        import av
    except ImportError as error:
        raise ClipDecoderMissing("The package av is not installed.") from error
    av.logging.set_level(None)  # what FFmpeg says of damage goes to nobody's terminal
    return av
