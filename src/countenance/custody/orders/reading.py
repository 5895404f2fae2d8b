"""Reads JSON values out of a document, one member at a time, and says where something is wrong.

Rules kept here: a member that is missing, of another type or not known is refused with its path; text has a
length; integers are integers (true is not 1); a member said twice, a float or a NaN is refused, because two
readers could sign one reading and carry out the other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import NoReturn, TypeVar, cast

from countenance.clock import from_text, to_text
from countenance.custody.orders.periods import FIRST_YEAR, LAST_YEAR
from countenance.errors import DateImpossible, OrderMalformed, OrderUnreadable

SIZE_LIMIT_BYTES = 1024 * 1024
DEPTH_LIMIT = 32
ITEMS_LIMIT = 1000
TEXT_LIMIT = 2000

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f-\x9f\ud800-\udfff]+")

_E = TypeVar("_E", bound=StrEnum)


def parse(data: bytes) -> dict[str, object]:
    """The one JSON object in ``data``. Raises OrderUnreadable."""
    if len(data) > SIZE_LIMIT_BYTES:
        raise OrderUnreadable(f"The order has {len(data)} bytes; the limit is {SIZE_LIMIT_BYTES}.")
    try:
        document: object = json.loads(
            data.decode("utf-8"), object_pairs_hook=_once, parse_float=_no_float, parse_constant=_no_float
        )
    except (ValueError, RecursionError) as error:
        raise OrderUnreadable(f"The order is not JSON in UTF-8: {error}") from error
    if not isinstance(document, dict):
        raise OrderUnreadable("The order is not a JSON object.")
    if _depth(document) > DEPTH_LIMIT:
        raise OrderUnreadable(f"The order is nested more than {DEPTH_LIMIT} deep.")
    return cast("dict[str, object]", document)


class Reader:
    """One JSON object, read member by member; :meth:`finish` refuses what nobody asked for."""

    def __init__(self, value: object, path: str) -> None:
        if not isinstance(value, Mapping):
            raise OrderMalformed(f"{path or 'The order'} is not an object.")
        self._members = cast("Mapping[str, object]", value)
        self._path = path
        self._left = set(self._members)

    def path(self, name: str) -> str:
        """Where the member ``name`` is, for a message."""
        return f"{self._path}.{name}" if self._path else name

    def has(self, name: str) -> bool:
        """True when there is such a member."""
        return name in self._members

    def value(self, name: str) -> object:
        """The member as it is."""
        if name not in self._members:
            raise OrderMalformed(f"{self.path(name)} is missing.")
        self._left.discard(name)
        return self._members[name]

    def text(self, name: str, *, limit: int = TEXT_LIMIT) -> str:
        """Printable text of 1 to ``limit`` characters."""
        value = self.value(name)
        if not isinstance(value, str) or len(value) > limit or _PRINTABLE.fullmatch(value) is None:
            self._wrong(name, f"printable text of 1 to {limit} characters")
        return value

    def optional_text(self, name: str) -> str | None:
        """As :meth:`text`, or None for null."""
        return None if self.value(name) is None else self.text(name)

    def match(self, name: str, pattern: str, wanted: str) -> str:
        """Text that matches ``pattern`` altogether."""
        value = self.value(name)
        if not isinstance(value, str) or re.fullmatch(pattern, value, re.ASCII) is None:
            self._wrong(name, wanted)
        return value

    def number(self, name: str, *, least: int, most: int) -> int:
        """An integer from ``least`` to ``most``."""
        value = self.value(name)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self._wrong(name, f"an integer from {least} to {most}")
        return value

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self.value(name)
        if not isinstance(value, bool):
            self._wrong(name, "true or false")
        return value

    def choice(self, name: str, kind: type[_E]) -> _E:
        """One of the values of ``kind``."""
        value = self.value(name)
        if not isinstance(value, str) or value not in {member.value for member in kind}:
            self._wrong(name, "one of " + ", ".join(member.value for member in kind))
        return kind(value)

    def day(self, name: str) -> date:
        """A calendar day, ``2022-05-18``. Raises DateImpossible for one that does not exist."""
        return read_day(self.value(name), self.path(name))

    def moment(self, name: str) -> datetime:
        """A moment in UTC to the second, ``2022-05-18T10:00:00Z``. Raises DateImpossible."""
        value = self.value(name)
        if not isinstance(value, str) or _MOMENT.fullmatch(value) is None:
            raise DateImpossible(f"{self.path(name)} is not a time such as 2022-05-18T10:00:00Z.")
        try:
            moment = from_text(value)
        except ValueError as error:
            raise DateImpossible(f"{self.path(name)} is not a time that exists: {value}.") from error
        if to_text(moment) != value:
            raise DateImpossible(f"{self.path(name)} is not a time that exists: {value}.")
        _check_year(moment.year, self.path(name))
        return moment

    def items(self, name: str, *, least: int = 0, most: int = ITEMS_LIMIT) -> list[object]:
        """A list of ``least`` to ``most`` members."""
        value = self.value(name)
        if not isinstance(value, list) or not least <= len(value) <= most:
            self._wrong(name, f"a list of {least} to {most}")
        return cast("list[object]", value)

    def distinct(self, name: str, found: list[str]) -> None:
        """Refuse the member ``name`` when ``found``, read from it, says something twice."""
        if len(set(found)) != len(found):
            self._wrong(name, "without repetition")

    def finish(self) -> None:
        """Refuse members that nobody asked for."""
        if self._left:
            raise OrderMalformed(f"{self.path(min(self._left)[:60])} is not a member that an order has.")

    def _wrong(self, name: str, wanted: str) -> NoReturn:
        raise OrderMalformed(f"{self.path(name)} is not {wanted}.")


def read_day(value: object, path: str) -> date:
    """The calendar day in ``value``. Raises DateImpossible."""
    if not isinstance(value, str) or _DATE.fullmatch(value) is None:
        raise DateImpossible(f"{path} is not a date such as 2022-05-18.")
    try:
        day = date.fromisoformat(value)
    except ValueError as error:
        raise DateImpossible(f"{path} is not a date that exists: {value}.") from error
    _check_year(day.year, path)
    return day


def _check_year(year: int, path: str) -> None:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise DateImpossible(f"{path} is not in the years {FIRST_YEAR} to {LAST_YEAR}.")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is said twice")
    return members


def _no_float(text: str) -> NoReturn:
    raise ValueError(f"{text[:20]} is not an integer")


def _depth(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max((_depth(v) for v in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((_depth(v) for v in value), default=0)
    return 0
