"""From a position to the places that it can lie in, without asking anybody: everything is on this machine.

Rules kept here:

* A position is a small circle, not a point: every country that the circle touches is named.
* The position of a photograph comes from its metadata. Nothing here sees a picture.
* At sea, outside every country's zone, a position says nothing.

``timezonefinder`` (MIT; its polygons, 32 MB, are OpenStreetMap's under ODbL) finds the IANA zone, and the zone
tables of the IANA database (public domain) name its countries. It was preferred to nearest-city lookups, which are
wrong near borders, where it matters; it is imported when first needed, and is the optional extra ``geography``.
States of the US are told by their bounding boxes, widened by at least 5 km (US Census Bureau TIGER/Line 2009,
simplified): that can name several states, never too few.
"""

from __future__ import annotations

import math
from functools import cache
from importlib import resources
from typing import Protocol

from countenance.custody.residency.places import COUNTRIES, Place
from countenance.errors import GeographyMissing

RADIUS_M = 1000
"""Half-width of the doubt about a photograph's position; phones are wrong by more than this only without sky."""
_METRES_A_DEGREE = 111_320
_DIRECTIONS = 8

_BOXES = """
    AK 51.1 71.5 -180.0 -129.9   AL 30.0 35.1 -88.6 -84.8   AR 32.9 36.6 -94.7 -89.6   AZ 31.2 37.1 -114.9 -108.9
    CA 32.4 42.1 -124.6 -114.0   CO 36.9 41.1 -109.2 -101.9 CT 40.9 42.2 -73.8 -71.7   DC 38.7 39.1 -77.2 -76.8
    DE 38.4 39.9 -75.9 -74.9     FL 24.3 31.1 -87.7 -79.9   GA 30.3 35.1 -85.7 -80.7   HI 18.8 28.6 -178.5 -154.7
    IA 40.3 43.6 -96.7 -90.0     ID 41.9 49.1 -117.3 -110.9 IL 36.9 42.6 -91.6 -86.9   IN 37.7 41.9 -88.2 -84.7
    KS 36.9 40.1 -102.2 -94.5    KY 36.4 39.2 -89.7 -81.9   LA 28.8 33.1 -94.1 -88.7   MA 41.1 43.0 -73.6 -69.8
    MD 37.8 39.8 -79.6 -74.9     ME 42.8 47.5 -71.2 -66.9   MI 41.6 48.4 -90.4 -82.0   MN 43.4 49.5 -97.3 -89.4
    MO 35.9 40.7 -95.9 -89.0     MS 30.0 35.1 -91.8 -88.0   MT 44.3 49.1 -116.1 -103.9 NC 33.7 36.7 -84.4 -75.3
    ND 45.8 49.1 -104.1 -96.5    NE 39.9 43.1 -104.2 -95.2  NH 42.6 45.4 -72.6 -70.5   NJ 38.7 41.5 -75.7 -73.8
    NM 31.2 37.1 -109.2 -102.9   NV 34.9 42.1 -120.1 -113.9 NY 40.4 45.1 -79.9 -71.7   OH 38.3 42.4 -84.9 -80.4
    OK 33.5 37.1 -103.1 -94.3    OR 41.9 46.4 -124.8 -116.4 PA 39.6 42.6 -80.6 -74.6   RI 41.0 42.1 -72.0 -71.0
    SC 31.9 35.3 -83.5 -78.4     SD 42.4 46.0 -104.2 -96.3  TN 34.9 36.8 -90.4 -81.6   TX 25.7 36.6 -106.7 -93.5
    UT 36.9 42.1 -114.2 -108.9   VA 36.4 39.4 -83.8 -75.1   VT 42.6 45.1 -73.5 -71.4   WA 45.5 49.1 -124.9 -116.8
    WI 42.4 47.4 -93.0 -86.9     WV 37.1 40.7 -82.7 -77.6   WY 40.9 45.1 -111.2 -104.0
"""
"""State, south, north, west, east in degrees."""


class Geography(Protocol):
    """Anything that knows which places a position can lie in."""

    def places_near(self, latitude: float, longitude: float) -> tuple[Place, ...]:
        """Every place within :data:`RADIUS_M` of the position (degrees, WGS 84), sorted; empty at sea."""
        ...


class ZoneGeography:
    """Countries by time zone polygons; US states by bounding boxes. Raises GeographyMissing without its package."""

    def __init__(self) -> None:
        try:
            from timezonefinder import TimezoneFinder
        except ImportError as error:
            raise GeographyMissing("The package timezonefinder is not installed.") from error
        self._finder = TimezoneFinder()

    def places_near(self, latitude: float, longitude: float) -> tuple[Place, ...]:
        """As :meth:`Geography.places_near`."""
        found: set[Place] = set()
        for lat, lng in circle(latitude, longitude):
            zone = self._finder.timezone_at(lat=lat, lng=lng)
            for country in polygon_countries(zone) if zone is not None else ():
                found.update(us_states(lat, lng) if country == "US" else (Place(country),))
        return tuple(sorted(found))


def circle(latitude: float, longitude: float) -> list[tuple[float, float]]:
    """The position, and eight points around it at :data:`RADIUS_M`; degrees, longitude in [-180, 180)."""
    points = [(latitude, longitude)]
    up = RADIUS_M / _METRES_A_DEGREE
    across = up / max(math.cos(math.radians(latitude)), 0.01)
    for i in range(_DIRECTIONS):
        angle = 2 * math.pi * i / _DIRECTIONS
        lat = min(90.0, max(-90.0, latitude + up * math.sin(angle)))
        lng = (longitude + across * math.cos(angle) + 180) % 360 - 180
        points.append((lat, lng))
    return points


def zone_countries(zone: str) -> tuple[str, ...]:
    """The countries whose people set their clocks to the IANA ``zone``; empty for an unknown or nautical one."""
    return tuple(sorted({*_table("zone.tab").get(zone, ()), *_table("zone1970.tab").get(zone, ())}))


def polygon_countries(zone: str) -> tuple[str, ...]:
    """The countries that the polygon of ``zone`` lies in: the maps draw one for each row of zone.tab."""
    return _table("zone.tab").get(zone, ())


def us_states(latitude: float, longitude: float) -> tuple[Place, ...]:
    """The states whose box holds a position in the US; the US as a whole when none does."""
    found = tuple(
        Place("US", state)
        for state, (south, north, west, east) in _state_boxes().items()
        if south <= latitude <= north and west <= longitude <= east
    )
    return found or (Place("US"),)


@cache
def _state_boxes() -> dict[str, tuple[float, float, float, float]]:
    words = _BOXES.split()
    rows = [words[i : i + 5] for i in range(0, len(words), 5)]
    return {state: (float(s), float(n), float(w), float(e)) for state, s, n, w, e in rows}


@cache
def _table(name: str) -> dict[str, tuple[str, ...]]:
    text = (resources.files("tzdata") / "zoneinfo" / name).read_text("utf-8")
    rows = [line.split("\t")[:3] for line in text.splitlines() if line and not line.startswith("#")]
    table = {zone: tuple(c for c in countries.split(",") if c in COUNTRIES) for countries, _, zone in rows}
    # Kosovo has no row in the tables: it lies in Belgrade's zone.
    table["Europe/Belgrade"] = (*table["Europe/Belgrade"], "XK")
    return table
