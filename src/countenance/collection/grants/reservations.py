"""Everything besides the grant that may say no: robots.txt, headers, meta elements, the TDM reservation protocol.

Rules kept here: one "no" is enough, wherever it stands; a robots.txt that cannot be read says no to everything.

Sources: RFC 9309 (robots.txt), the ``X-Robots-Tag`` header and robots meta element as search engines document them
with the later ``noai`` and ``noimageai``, TDMRep (final report of the W3C community group, 10 May 2024:
w3.org/community/reports/tdmrep/CG-FINAL-tdmrep-20240510; section "TDM File on the Origin Server"). TDMRep lets a
header or an element of a page overrule the file; here it cannot take a "no" back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from urllib.parse import quote, unquote

from countenance.collection.grants.fetching import AGENT, Answer
from countenance.collection.markup import tame

ROBOTS_BYTES = 512 * 1024
"""RFC 9309, 2.5: at least 500 KiB are read."""
_META = re.compile(r"<meta\b", re.IGNORECASE)
_NO = frozenset({"none", "noindex", "noimageindex", "noai", "noimageai", "noarchive"})


@dataclass(frozen=True, slots=True)
class Robots:
    """The rules of one robots.txt for us: (allowed, pattern)."""

    rules: tuple[tuple[bool, str], ...]
    delay_seconds: float = 0.0

    @classmethod
    def of(cls, answer: Answer) -> Robots:
        """What the answer to ``/robots.txt`` says. 404 and 410: there is none, and all may be read."""
        if answer.status != 200:
            return cls(())
        return cls.parse(answer.body.decode("utf-8", "replace"))

    @classmethod
    def parse(cls, text: str) -> Robots:
        """The group of our name if there is one, else that of ``*`` (RFC 9309, 2.2.1)."""
        groups: dict[str, list[tuple[bool, str]]] = {}
        delays: dict[str, float] = {}
        agents: list[str] = []
        in_rules = True
        for raw in text.replace("\r", "\n").split("\n")[:20_000]:
            line = raw.partition("#")[0].strip()
            key, colon, value = line.partition(":")
            key, value = key.strip().lower(), value.strip()
            if not colon:
                continue
            if key == "user-agent":
                agents = [] if in_rules else agents
                in_rules = False
                agents.append(re.split(r"[/\s]", value.lower())[0])
                groups.setdefault(agents[-1], [])
            elif key in {"allow", "disallow"}:
                in_rules = True
                for agent in agents:
                    if value:
                        groups[agent].append((key == "allow", value))
            elif key == "crawl-delay":
                in_rules = True
                if re.fullmatch(r"\d{1,5}(\.\d+)?", value):
                    delays.update(dict.fromkeys(agents, float(value)))
        ours = AGENT.lower() if AGENT.lower() in groups else "*"
        return cls(tuple(groups.get(ours, [])), delays.get(ours, 0.0))

    def allows(self, path: str) -> bool:
        """Whether a path may be read: the longest pattern that matches decides, "allow" among equals."""
        plain = _normal(path)
        best: tuple[int, bool] = (-1, True)
        for allowed, pattern in self.rules:
            if _matches(_normal(pattern), plain):
                best = max(best, (len(pattern), allowed))
        return best[1]


def _normal(path: str) -> str:
    return quote(unquote(path), safe="/?&=*$;,:@!~'()+-._%#")


def _matches(pattern: str, path: str) -> bool:
    """``*`` is anything, ``$`` at the end is the end; without backtracking, so no pattern is slow."""
    to_end = pattern.endswith("$")
    pieces = (pattern[:-1] if to_end else pattern).split("*")
    if not path.startswith(pieces[0]):
        return False
    at = len(pieces[0])
    if len(pieces) == 1:
        return not to_end or at == len(path)
    for piece in pieces[1:-1]:
        found = path.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    last = pieces[-1]
    return (path.endswith(last) and len(path) - len(last) >= at) if to_end else path.find(last, at) >= 0


def in_headers(answer: Answer) -> str | None:
    """What in an answer's headers says no, in half a sentence, or None."""
    if answer.header("tdm-reservation").strip().startswith("1"):
        return "its header tdm-reservation reserves text and data mining"
    word = _no_in(answer.header("x-robots-tag"))
    return None if word is None else f"its header X-Robots-Tag says {word}"


def in_page(html: str) -> str | None:
    """What in a page's meta elements says no, in half a sentence, or None."""
    # What is a comment, and what a script, is a matter of dispute in a broken page: a no counts in these, too.
    plain = html.replace("<!--", " ").replace("-->", " ")
    whole = tame(plain)
    if len(_META.findall(whole)) < len(_META.findall(plain)):
        return "a meta element of it is broken, and could say no"
    reader = _Metas()
    reader.feed(whole)
    for name, content in reader.found:
        if name == "tdm-reservation" and content.strip().startswith("1"):
            return "its meta element reserves text and data mining"
        word = _no_in(content) if name in {"robots", AGENT.lower()} else None
        if word is not None:
            return f"its meta element says {word}"
    return None


def _no_in(text: str) -> str | None:
    """The first word of a robots directive that means no, for everybody or for us."""
    for directive in text.lower().split(","):
        agent, colon, words = directive.rpartition(":")
        if not colon or agent.strip() in {AGENT.lower(), "*"}:
            word = words.strip()
            if word in _NO:
                return word
    return None


class _Metas(HTMLParser):
    CDATA_CONTENT_ELEMENTS = ()  # type: ignore[misc]  # scripts are read, too

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember meta elements."""
        if tag == "meta":
            given = dict(attrs)
            name = given.get("name") or given.get("http-equiv") or ""
            self.found.append((name.lower(), given.get("content") or ""))


@dataclass(frozen=True, slots=True)
class TdmPolicy:
    """The site's ``/.well-known/tdmrep.json``: (pattern, reserved)."""

    rules: tuple[tuple[str, bool], ...]

    @classmethod
    def of(cls, answer: Answer) -> TdmPolicy:
        """What the file says; one that cannot be read reserves everything."""
        if answer.status != 200:
            return cls(())
        try:
            rows = json.loads(answer.body)
            rules = [(str(row["location"]), str(row["tdm-reservation"]).strip() == "1") for row in _rows(rows)]
        except (ValueError, KeyError, TypeError, RecursionError):
            return cls((("/", True),))
        return cls(tuple(rules))

    def reserves(self, path: str) -> bool:
        """Whether a path is reserved. The most specific match decides, "the first in sequence" (TDMRep)."""
        plain = _normal(path)
        return next((reserved for pattern, reserved in self.rules if _matches(_normal(pattern), plain)), False)


def _rows(document: object) -> Sequence[dict[str, object]]:
    if not isinstance(document, list):
        raise TypeError("not a list")
    return document
