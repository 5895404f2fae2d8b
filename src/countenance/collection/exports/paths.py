"""Names of files inside archives: read in the encoding they were written in, and refused when they lead outside.

Rules kept here: a name is only ever a label. Nothing is unpacked to the disk, so no name becomes a path; a name
that would be dangerous elsewhere is refused all the same, because whoever wrote it meant something by it.
"""

from __future__ import annotations

import posixpath
import re
import unicodedata

LONGEST = 4_096
_DRIVE = re.compile(r"^[A-Za-z]:")
_MOJIBAKE = re.compile("[\u0080-\u00ff]")


def danger(name: str) -> str | None:
    """Why a file of this name is refused, in half a sentence, or None."""
    plain = name.replace("\\", "/")
    if not plain or len(plain) > LONGEST or "\0" in plain:
        return "its name is empty, too long or holds a zero byte"
    if plain.startswith("/") or _DRIVE.match(plain):
        return "its name is an absolute path"
    if ".." in plain.split("/"):
        return "its name leads out of the archive"
    return None


def normal(name: str) -> str:
    """The name with forward slashes, without ``.`` parts, in Unicode NFC (macOS writes NFD)."""
    return unicodedata.normalize("NFC", posixpath.normpath(name.replace("\\", "/")).removeprefix("./"))


def zip_name(name: str, *, marked_utf8: bool) -> str:
    """The name of a ZIP member. Many programs write UTF-8 without saying so; Python then reads code page 437."""
    if marked_utf8:
        return name
    try:
        return name.encode("cp437").decode("utf-8")
    except UnicodeError:
        return name


def mended(text: str) -> str:
    """Text in which each UTF-8 byte was written as a character of its own (Facebook, Instagram), put right.

    Text that is not so damaged comes back as it was.
    """
    if _MOJIBAKE.search(text) is None:
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text
