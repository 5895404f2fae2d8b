"""HTML of strangers, made so that the standard library's parser takes time by its length and no more.

Rules kept here: every step passes over the text once. What is no whole tag is no tag: Python 3.11's parser looks
for the end of each of them up to the end of the text. A hundred kilobytes of beginnings of tags take it a minute,
twice as many four; on some declarations it fails.
"""

from __future__ import annotations

import re

_TAG = re.compile(r"""<(?!/?[a-zA-Z](?:[^<>"']++|"[^"<]*+"|'[^'<]*+')*+>)""")
"""The beginning of what is no whole tag. No part of it reaches beyond the next ``<``, and none is tried twice."""


def without_comments(text: str) -> str:
    """``text`` without its comments; one that does not end reaches to the end of the text (HTML, 13.2.5.45)."""
    kept, at = [], 0
    while (begin := text.find("<!--", at)) >= 0:
        kept.append(text[at:begin])
        end = text.find("-->", begin + 2)  # ``<!-->`` is a whole comment
        if end < 0:
            return " ".join(kept)
        at = end + 3
    kept.append(text[at:])
    return " ".join(kept)


def tame(text: str) -> str:
    """``text`` without comments, and with whole tags only: every other ``<`` is a space."""
    return _TAG.sub(" ", without_comments(text))
