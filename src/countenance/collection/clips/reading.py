"""Frames of a recorded clip, one at a time, however it is packed. Pictures live only until the next one.

Rules kept here:

* Only an ordinary file is opened, or bytes at hand, and only its video: no address, no device, no pipe, no
  playlist, and no protocol but ``file``, for bytes none at all; there is no live input.
* The size a clip announces is held against the limits before anything is decoded; a frame of another size, too.
* A clip that ends early, or is damaged, gives the frames before the damage, and says so.
* Frames that no other frame is built on are left undecoded while enough others remain (``ENOUGH_S``): a look is
  taken four times a second at most, and what is decoded is decoded in full.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from countenance.errors import ClipDecoderMissing, ClipTooLarge, ClipUnreadable, LiveInputRefused
from countenance.settings import ImageLimits
from countenance.terms import Pixels

ENDINGS = frozenset({".mp4", ".mov", ".m4v", ".mkv", ".avi", ".webm", ".3gp", ".mts", ".m2ts", ".ts"})
ENDINGS |= {".mpg", ".mpeg", ".wmv", ".flv", ".mjpeg", ".mjpg", ".vob", ".asf", ".dav", ".h264", ".h265", ".264"}
_GREY_FIRST = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "gray"})
"""Formats whose first plane is the grey picture, one byte a pixel."""
_DAMAGED = "the clip is damaged or ends early; what could be decoded was searched"
_ADDRESS = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:/")
_PLAYLISTS = (b"#EXTM3U", b"<?xml", b"<MPD", b"ffconcat", b"v=0\r", b"v=0\n", b"[playlist]")
_CLIP_STARTS = (b"\x1aE\xdf\xa3", b"FLV\x01", b"\x00\x00\x01\xba", b"\x00\x00\x01\xb3", b"0&\xb2u\x8ef\xcf\x11")
"""Matroska and WebM, FLV, MPEG programme stream and video, ASF."""
_OLD_BOXES = frozenset({b"moov", b"mdat", b"wide", b"pnot"})
_STILL_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"hevc", b"hevx", b"avif", b"avis"}
)
MOST_DAMAGED = 500
"""Packets in a row that cannot be decoded, after which the clip is taken to be over."""
ENOUGH_S = 0.11
"""Seconds between frames with which the sampler is content; with fewer of them every frame is decoded."""
SKIPPED_FROM = 18.0
"""Frames a second from which some are left undecoded."""

Luma = np.ndarray[tuple[int, int], np.dtype[np.uint8]]
"""A small grey picture, shape (h, w)."""


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What a clip announces. ``duration_s`` is None when it does not say."""

    width: int
    height: int
    codec: str
    rate: float | None
    duration_s: float | None


class Frame:
    """A decoded frame as it is meant to be seen: a telephone held upright says by how much to turn the picture.

    ``at_s`` is its time in seconds from the clip's beginning; ``width`` and ``height`` are those after turning.
    """

    __slots__ = ("_frame", "_quarters", "_side", "at_s", "height", "width")

    def __init__(self, at_s: float, frame: Any, luma_side: int) -> None:
        self.at_s = at_s
        self._frame = frame
        self._side = luma_side
        self._quarters = round(frame.rotation / 90) % 4
        self.width, self.height = (frame.height, frame.width) if self._quarters % 2 else (frame.width, frame.height)

    def pixels(self) -> Pixels:
        """The whole picture, shape (height, width, 3) RGB. May be asked for in another thread."""
        pixels = np.asarray(self._frame.to_ndarray(format="rgb24"), np.uint8)
        return np.ascontiguousarray(np.rot90(pixels, self._quarters)) if self._quarters else pixels

    def luma(self) -> Luma:
        """A small grey copy, for deciding whether the frame is worth a look."""
        frame = self._frame
        scale = min(1.0, self._side / max(frame.width, frame.height))
        size = max(2, round(frame.width * scale)), max(2, round(frame.height * scale))
        if frame.format.name in _GREY_FIRST:
            plane = frame.planes[0]
            rows = np.frombuffer(plane, np.uint8)[: plane.height * plane.line_size].reshape(plane.height, -1)
            grey = cv2.resize(rows[:, : plane.width], size, interpolation=cv2.INTER_AREA)
        else:
            grey = frame.reformat(*size, "gray").to_ndarray()
        return np.asarray(np.rot90(grey, self._quarters), np.uint8)


def is_clip(name: str) -> bool:
    """Whether something is meant as a clip (or a stream, to be refused) by what it is called."""
    return bool(_ADDRESS.match(name)) or name.startswith("/dev/") or Path(name).suffix.lower() in ENDINGS


def looks_like_clip(data: bytes) -> bool:
    """Whether bytes begin as recorded video does. Says nothing of whether they can be decoded."""
    if data[4:8] == b"ftyp":
        return not _STILL_BRANDS & {data[8:12], data[16:20]}
    return (
        data.startswith(_CLIP_STARTS)
        or (data.startswith(b"RIFF") and data[8:11] == b"AVI")
        or data[4:8] in _OLD_BOXES
        or (data[:1] == b"G" and data[188:189] == b"G")  # packets of a transport stream
    )


class Clip:
    """A clip, opened: a file, or its bytes. Use as a context manager.

    Raises LiveInputRefused, ClipUnreadable, ClipTooLarge, ClipDecoderMissing.
    """

    def __init__(self, clip: str | Path | bytes, limits: ImageLimits, *, luma_side: int = 160) -> None:
        self._av = _decoder()
        self.notes: list[str] = []
        self.frames_passed = 0
        self._limits = limits
        self._luma_side = luma_side
        name = "The clip" if isinstance(clip, bytes) else Path(clip).name
        if isinstance(clip, bytes):
            _no_playlist("The clip", clip)
        else:
            _only_a_file(str(clip))
        try:
            self._container = self._av.open(
                BytesIO(clip) if isinstance(clip, bytes) else str(clip),
                options={"protocol_whitelist": "none" if isinstance(clip, bytes) else "file"},
                metadata_errors="replace",
            )
        except (self._av.FFmpegError, ValueError, OSError) as error:
            raise ClipUnreadable(f"{name} is no video that can be decoded.") from error
        try:
            self._stream = self._first_video(name)
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
        """The decoded frames in order. Where the clip is damaged the rest is tried, and ``notes`` says so.

        ``frames_passed`` counts all frames up to there, those that were left undecoded included.
        """
        decoded, damaged, rate, last = 0, 0, self.facts.rate or 25.0, 0.0
        context, base = self._stream.codec_context, self._stream.time_base
        start = float(self._stream.start_time * base) if self._stream.start_time is not None and base else 0.0
        all_whole = bool(context.codec.intra_only)
        context.skip_frame = "NONREF" if rate >= SKIPPED_FROM else "DEFAULT"
        packets = iter(self._container.demux(self._stream))
        while damaged < MOST_DAMAGED:
            try:
                packet = next(packets, None)
                if packet is None:
                    break
                self.frames_passed += bool(packet.size)
                if packet.pts is None:  # then the frames themselves are the clock
                    context.skip_frame = "DEFAULT"
                if all_whole and decoded and rate >= SKIPPED_FROM and _early(packet, last + start):
                    continue
                frames = packet.decode()
                damaged = 0
            except (self._av.FFmpegError, ValueError):
                damaged += 1
                self._note(_DAMAGED)
                continue
            for frame in frames:
                self._check_size(frame.width, frame.height)
                at = None if frame.time is None else float(frame.time) - start
                # Without times of its own, or with ones that stand still, a frame comes one rate after the last.
                if not decoded:
                    at_s = max(0.0, at or 0.0)
                else:
                    at_s = at if at is not None and at > last else last + 1 / rate
                if at_s - last > ENOUGH_S:
                    context.skip_frame = "DEFAULT"
                if frame.is_corrupt:
                    self._note(_DAMAGED)
                last = at_s
                decoded += 1
                yield Frame(at_s, frame, self._luma_side)
        if not decoded:
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
        context.thread_count = 2
        return stream

    def _check_size(self, width: int, height: int) -> None:
        limits = self._limits
        if width * height > limits.pixels or max(width, height) > limits.side_pixels:
            raise ClipTooLarge(f"The clip announces frames of {width:,} x {height:,} pixels.")

    def _note(self, words: str) -> None:
        if words not in self.notes:
            self.notes.append(words)


def _early(packet: Any, last: float) -> bool:
    """Whether a packet of a codec without frames that build on others comes sooner than is of use."""
    if packet.pts is None or packet.time_base is None or not packet.size:
        return False
    return bool(0 < float(packet.pts * packet.time_base) - last < ENOUGH_S / 2)


def _only_a_file(name: str) -> None:
    if _ADDRESS.match(name) or name.startswith(("/dev/", "pipe:", "-")):
        raise LiveInputRefused(f"{name[:200]} is an address or a device.")
    path = Path(name)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise LiveInputRefused(f"{name[:200]} is not a recorded file.")
        with path.open("rb") as file:
            start = file.read(64)
    except OSError as error:
        raise ClipUnreadable(f"{name[:200]} cannot be read: {error.strerror or 'no such file'}.") from error
    if not status.st_size:
        raise ClipUnreadable(f"{name[:200]} is empty.")
    _no_playlist(name[:200], start)


def _no_playlist(name: str, data: bytes) -> None:
    if data[:64].lstrip().startswith(_PLAYLISTS):
        raise LiveInputRefused(f"{name} is a list of other places, not a recording.")


def _attached(av: Any) -> Any:
    return av.stream.Disposition.attached_pic


def _decoder() -> Any:
    try:
        import av
    except ImportError as error:
        raise ClipDecoderMissing("The package av is not installed.") from error
    av.logging.set_level(None)  # what FFmpeg says of damage goes to nobody's terminal
    return av
