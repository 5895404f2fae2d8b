"""A local site tries everything; only what its grant lists is read, and a withdrawn grant takes all of it back."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from PIL import Image, PngImagePlugin
from sqlalchemy import func, select

from countenance import Countenance
from countenance.clock import to_text
from countenance.collection.grants.address import PUBLIC, Reach, is_public
from countenance.collection.grants.document import read_grant, signed
from countenance.collection.grants.fetching import Fetcher
from countenance.collection.grants.reservations import Robots
from countenance.collection.grants.site import Site
from countenance.collection.metadata import reservation
from countenance.collection.outcomes import FileOutcome
from countenance.errors import (
    AddressForbidden,
    GrantEnded,
    GrantError,
    GrantInvalid,
    GrantMissing,
    GrantUnknown,
    PageNotGranted,
    PageReserved,
    PageUnreadable,
)
from countenance.store import collecting, schema
from tests.galleries import START, Galleries, permit
from tests.unit.collection.pictures import group, orl, with_position

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))


@dataclass
class LocalSite:
    """Pages by path: (status, headers, body). Remembers what was asked for."""

    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    origin: str = ""

    def put(self, path: str, body: bytes | str, status: int = 200, **headers: str) -> None:
        data = body.encode() if isinstance(body, str) else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers[path] = (status, named, data)

    def grant(self, key: Ed25519PrivateKey = KEY, **changed: Any) -> None:
        document = {
            "version": 1,
            "site": self.origin,
            "pages": ["/team", "/team/more"],
            "pictures": ["/photos/"],
            "purposes": ["event-photos"],
            "issued": to_text(START - timedelta(days=1)),
            "expires": to_text(START + timedelta(days=100)),
            "contact": "mailto:web@example.org",
        } | changed
        self.put("/.well-known/countenance.json", signed(document, key))

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


@pytest.fixture
def site() -> Iterator[LocalSite]:
    local = LocalSite()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            local.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
            status, headers, body = local.answers.get(self.path, (404, {}, b""))
            if headers.get("ETag") and self.headers.get("If-None-Match") == headers["ETag"]:
                status, body = 304, b""
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    local.origin = f"http://127.0.0.1:{server.server_address[1]}"
    yield local
    server.shutdown()
    server.server_close()
    thread.join()


LOCAL = Reach(
    resolve=lambda host, port: [host],
    allows=lambda address: address == "127.0.0.1",
    schemes=frozenset({"http"}),
    any_port=True,
    any_host=True,
)


@pytest.fixture
def gallery(galleries: Galleries, orl_folder: Path) -> Countenance:
    made = galleries.new()
    for who, name, purpose in ((5, "anna", "event-photos"), (3, "ben", "alumni")):
        permit(made, name, purpose)
        made.enrol(name, [orl_folder / f"s{who}" / f"{n}.pgm" for n in (1, 2, 3)])
    return made


@pytest.fixture
def filled(site: LocalSite, orl_folder: Path) -> LocalSite:
    site.grant()
    site.put("/team", "<html><a href='/team/secret'>x</a><img src='photos/a.jpg' alt='Anna 🇬🇧'></html>", ETag='"1"')
    site.put(
        "/team/more", "<img src='/photos/b.jpg'><img src='/elsewhere/c.jpg'><img src='http://127.0.0.2/d.jpg'>"
    )
    site.put("/team/secret", "<img src='/photos/secret.jpg'>")
    site.put("/photos/a.jpg", group([orl(orl_folder, 5, 4), orl(orl_folder, 3, 4), orl(orl_folder, 20, 1)]))
    site.answers["/team"] = (200, {"ETag": '"1"'}, site.answers["/team"][2].replace(b"photos/", b"/photos/"))
    site.put("/photos/b.jpg", group([orl(orl_folder, 5, 5)]))
    return site


def read(
    gallery: Countenance, site: LocalSite, path: str = "/team", **options: Any
) -> tuple[Any, list[FileOutcome]]:
    seen: list[FileOutcome] = []
    done = gallery.collecting.import_pages(
        site.origin + path, reach=LOCAL, pause_seconds=0, report=seen.append, **options
    )
    return done, seen


def test_exactly_the_listed_pages_and_pictures_are_read(gallery: Countenance, filled: LocalSite) -> None:
    done, seen = read(gallery, filled)
    became = {one.file.rpartition("/")[2]: (one.became.value, one.code) for one in seen}
    assert became == {
        "a.jpg": ("enrolled", None),
        "b.jpg": ("enrolled", None),
        "c.jpg": ("refused", "page_not_granted"),
        "d.jpg": ("refused", "address_forbidden"),
    }
    assert done.references == 2
    assert set(filled.paths) == {
        "/.well-known/countenance.json",
        "/.well-known/tdmrep.json",
        "/robots.txt",
        "/team",
        "/team/more",
        "/photos/a.jpg",
        "/photos/b.jpg",
    }
    assert all("Countenance" in headers["user-agent"] for _, headers in filled.asked)


def test_ben_whose_permission_names_another_purpose_is_not_taken(gallery: Countenance, filled: LocalSite) -> None:
    read(gallery, filled)
    people = gallery.status(people=True).people or ()
    assert {one.subject: one.references for one in people} == {"anna": 5, "ben": 3}


def test_where_a_picture_came_from_is_kept_with_it(gallery: Countenance, filled: LocalSite) -> None:
    read(gallery, filled)
    owner = gallery._ledger.find("anna")
    with gallery._database.read() as connection:
        rows = collecting.origins_of(connection, owner.subject_id)
    origins = [gallery.collecting._origins.read(owner, row) for row in rows.values()]
    assert {one.url for one in origins} == {filled.origin + "/photos/a.jpg", filled.origin + "/photos/b.jpg"}
    first = next(one for one in origins if one.url.endswith("a.jpg"))
    assert (first.page, first.caption) == (filled.origin + "/team", "Anna 🇬🇧")
    assert first.fetched_utc == to_text(START)
    assert len(first.grant_sha256) == 64
    assert dict(first.headers)


def test_what_has_not_changed_is_not_sent_again(gallery: Countenance, filled: LocalSite) -> None:
    read(gallery, filled)
    filled.asked.clear()
    done, seen = read(gallery, filled)
    assert dict(filled.asked)["/team"]["if-none-match"] == '"1"'
    assert "/photos/a.jpg" not in filled.paths
    assert done.notes == ("1 page(s) have not changed since",)
    assert {one.became.value for one in seen if one.code is None} == {"earlier"}
    filled.asked.clear()
    read(gallery, filled, subjects=["anna"])
    assert "if-none-match" not in dict(filled.asked)["/team"], "for others it is read again"


def test_a_withdrawn_grant_takes_everything_that_came_through_it(
    gallery: Countenance, filled: LocalSite, galleries: Galleries
) -> None:
    read(gallery, filled)
    probe = filled.answers["/photos/b.jpg"][2]
    before = gallery.identify(probe, purpose="event-photos").faces[0].candidates[0]
    gone = gallery.collecting.withdraw_grant(filled.origin, reach=LOCAL)
    assert (gone.images, gone.references) == (2, 2)
    after = gallery.identify(probe, purpose="event-photos").faces[0].candidates[0]
    assert before.references - after.references == 2
    assert after.subject == "anna"
    assert gallery.status().images == 6
    with pytest.raises(GrantEnded):
        read(gallery, filled)
    with pytest.raises(GrantUnknown):
        gallery.collecting.withdraw_grant("http://127.0.0.9", reach=LOCAL)
    galleries.clock.step(timedelta(days=2))
    filled.grant(issued=to_text(START + timedelta(days=1)))
    assert read(gallery, filled)[0].references == 2
    assert gallery.collecting.grants().as_dict()["grants"]


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"expires": to_text(START - timedelta(hours=1))}, GrantEnded),
        ({"issued": to_text(START + timedelta(hours=1))}, GrantEnded),
        ({"site": "https://example.org"}, GrantInvalid),
        ({"version": 2}, GrantInvalid),
        ({"pages": ["/other"]}, PageNotGranted),
        ({"pages": ["//evil.example/x"]}, GrantInvalid),
        ({"pages": ["/team/../x"]}, GrantInvalid),
        ({"pictures": []}, GrantInvalid),
        ({"contact": " "}, GrantInvalid),
        ({"more": 1}, GrantInvalid),
    ],
    ids=str,
)
def test_a_grant_that_does_not_hold_lets_nothing_in(
    gallery: Countenance, filled: LocalSite, changed: dict[str, Any], error: type[GrantError]
) -> None:
    filled.grant(**changed)
    with pytest.raises(error):
        read(gallery, filled)
    assert not any(path.startswith(("/team", "/photos")) for path in filled.paths)


def test_an_altered_grant_or_another_key_lets_nothing_in(gallery: Countenance, filled: LocalSite) -> None:
    path = "/.well-known/countenance.json"
    good = filled.answers[path][2]
    filled.put(path, good.replace(b"/team/more", b"/team/else"))
    with pytest.raises(GrantInvalid, match="signature"):
        read(gallery, filled)
    filled.put(path, good)
    read(gallery, filled)
    filled.grant(key=OTHER_KEY)
    with pytest.raises(GrantInvalid, match="another key"):
        read(gallery, filled)
    filled.put(path, "", status=404)
    with pytest.raises(GrantMissing):
        read(gallery, filled)


RESERVED: dict[str, tuple[str, bytes, dict[str, str]]] = {
    "robots.txt": ("/robots.txt", b"User-agent: *\nDisallow: /photos/", {}),
    "robots.txt for us": ("/robots.txt", b"User-agent: countenance\nDisallow: /\n\nUser-agent: *\nAllow: /", {}),
    "TDM policy": ("/.well-known/tdmrep.json", b'[{"location": "/photos/*", "tdm-reservation": 1}]', {}),
    "robots.txt that is broken": ("/robots.txt", b"oops", {"status": "503"}),
    "robots.txt that is closed": ("/robots.txt", b"no", {"status": "403"}),
    "robots.txt that leads elsewhere": ("/robots.txt", b"", {"status": "301", "Location": "/other.txt"}),
    "robots.txt that asks for a week": ("/robots.txt", b"User-agent: *\nCrawl-delay: 99999", {}),
    "TDM policy of which the first rule counts": (
        "/.well-known/tdmrep.json",
        b'[{"location": "/photos/", "tdm-reservation": 1}, {"location": "/", "tdm-reservation": 0}]',
        {},
    ),
    "TDM policy that cannot be read": ("/.well-known/tdmrep.json", b"{", {}),
    "X-Robots-Tag": ("/photos/a.jpg", b"", {"X_Robots_Tag": "noai"}),
    "X-Robots-Tag for us": ("/photos/a.jpg", b"", {"X_Robots_Tag": "otherbot: index, countenance: noimageindex"}),
    "TDM header": ("/photos/a.jpg", b"", {"TDM_Reservation": "1"}),
    "meta robots": ("/team", b"<meta name='robots' content='noindex'><img src='/photos/a.jpg'>", {}),
    "meta robots in a page that is broken before it": (
        "/team",
        b"<![if x]><script>s='<!--'</script><meta name='robots' content='noindex'><img src='/photos/a.jpg'>",
        {},
    ),
    "a meta element that is broken itself": (
        "/team",
        b"<meta name='robots' content='<no'><img src='/photos/a.jpg'>",
        {},
    ),
    "meta TDM": ("/team", b"<meta name=tdm-reservation content=1><img src='/photos/a.jpg'>", {}),
}


@pytest.mark.parametrize(("path", "body", "headers"), RESERVED.values(), ids=RESERVED)
def test_one_no_is_enough_wherever_it_stands(
    gallery: Countenance, filled: LocalSite, path: str, body: bytes, headers: dict[str, str]
) -> None:
    filled.grant(pages=["/team"])
    status = int(headers.get("status", "200"))
    named = {name: value for name, value in headers.items() if name != "status"}
    filled.put(path, body or filled.answers.get(path, (0, {}, b""))[2], status=status, **named)
    try:
        done, seen = read(gallery, filled)
    except (PageReserved, PageUnreadable, AddressForbidden):  # the whole site is closed
        assert path == "/robots.txt"
        assert not any(one.startswith(("/team", "/photos")) for one in filled.paths)
    else:
        assert {one.code for one in seen} == {"page_reserved"}
        assert done.references == 0
    assert gallery.status().images == 6


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/robots.txt", b"", 404),
        ("/robots.txt", b"User-agent: otherbot\nDisallow: /", 200),
        (
            "/.well-known/tdmrep.json",
            b'[{"location": "/photos/", "tdm-reservation": 0}, {"location": "/", "tdm-reservation": 1}]',
            200,
        ),
        ("/.well-known/tdmrep.json", b"", 410),
    ],
)  # fmt: skip
def test_who_says_nothing_against_it_is_read(
    gallery: Countenance, filled: LocalSite, path: str, body: bytes, status: int
) -> None:
    filled.grant(pages=["/photos/page"])
    filled.put("/photos/page", "<img src='/photos/a.jpg'>")
    filled.put(path, body, status=status)
    done, _ = read(gallery, filled, "/photos/page")
    assert done.references == 1


def test_robots_patterns_follow_the_standard() -> None:
    robots = Robots.parse(
        "User-agent: a\nUser-agent: *\nDisallow: /x\nAllow: /x/y\nDisallow: /*.gif$\nCrawl-delay: 3\n# end\n"
    )
    paths = ("/", "/x", "/x/y", "/x/z", "/pic.gif", "/pic.gif?1", "/%78/z")
    assert [robots.allows(path) for path in paths] == [True, False, True, False, False, True, False]
    assert robots.delay_seconds == 3
    assert Robots.parse("Disallow: /\nUser-agent: countenance/2\nDisallow:").allows("/x")


def test_reservations_in_a_pictures_own_metadata_are_found() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", "<x plus:DataMining='http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED'/>")
    out = BytesIO()
    Image.new("RGB", (8, 8)).save(out, "PNG", pnginfo=info)
    assert "DMI-PROHIBITED" in str(reservation(out.getvalue()))
    c2pa = b"\xff\xd8jumb c2pa.training-mining entries c2pa.ai_training use notAllowed"
    assert "C2PA" in str(reservation(c2pa))
    assert reservation(c2pa.replace(b"notAllowed", b"allowed")) is None
    cawg = c2pa.replace(b"c2pa.", b"cawg.")
    assert "C2PA" in str(reservation(cawg))
    assert "C2PA" in str(reservation(c2pa.replace(b"notAllowed", b"allowed") + bytes(5000) + cawg)), "a later no"
    element = b"<p:DataMining>http://ns.useplus.org/ldf/vocab/DMI-PROHIBITED-AIMLTRAINING</p:DataMining>"
    assert "AIMLTRAINING" in str(reservation(element)), "under whatever prefix"
    assert reservation(b"<x plus:DataMining='DMI-ALLOWED'/>") is None


@pytest.mark.parametrize(
    "answer",
    [
        (302, {"Location": "http://169.254.169.254/latest"}, b""),
        (200, {"Content-Encoding": "gzip"}, b"\x1f\x8b"),
        (200, {"Content-Length": "99999999999"}, b""),
        (429, {}, b""),
        (500, {}, b""),
        (403, {}, b""),
    ],
    ids=["a redirect", "packed", "endless", "too many", "broken", "forbidden"],
)
def test_an_answer_that_leads_astray_is_no_answer(
    gallery: Countenance, filled: LocalSite, answer: tuple[int, dict[str, str], bytes]
) -> None:
    filled.grant(pages=["/team"])
    filled.answers["/photos/a.jpg"] = answer
    done, seen = read(gallery, filled)
    assert [one.code in {"address_forbidden", "page_unreadable", "page_reserved"} for one in seen] == [True]
    assert done.references == 0


@pytest.mark.parametrize(
    "url",
    [
        "https://localhost/x",
        "https://127.0.0.1/x",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://[::1]/",
        "http://example.org/",
        "https://example.org:22/",
        "https://user@example.org/",
        "file:///etc/passwd",
        "gopher://example.org/",
        "https://example.org\\@localhost/",
        "https://exam ple.org/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://\uff11\uff12\uff17.0.0.1/",
        "https://\u2460\u2461\u2466.\u24ea.\u24ea.\u2460/",
        "https://user:secret@example.org/",
        "https://example.org:8443/",
        "https://example.org:443@127.0.0.1/",
        "https://example.org:99999/",
        "https://printer/",
        "//example.org/",
        "rtsp://example.org/",
    ],
)
def test_by_default_only_public_names_over_https_are_asked(url: str) -> None:
    with pytest.raises(AddressForbidden):
        PUBLIC.place(url)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "::ffff:127.0.0.1", "::127.0.0.1",
        "64:ff9b::7f00:1", "2002:7f00:1::", "ff02::1", "fe80::1%eth0", "nonsense", "2001:db8::1",
    ],
)  # fmt: skip
def test_private_addresses_are_not_public_however_they_are_written(address: str) -> None:
    assert not is_public(address)
    assert is_public("93.184.216.34")
    assert is_public("2606:2800:220:1:248:1893:25c8:1946")


def test_a_name_is_resolved_once_and_one_private_address_refuses_it() -> None:
    answers = iter([["93.184.216.34"], ["127.0.0.1"]])
    rebinding = Reach(resolve=lambda host, port: next(answers))
    place = rebinding.place("https://example.org/")
    assert rebinding.find(place) == "93.184.216.34"
    mixed = Reach(resolve=lambda host, port: ["93.184.216.34", "10.0.0.1"])
    with pytest.raises(AddressForbidden):
        mixed.find(place)


def test_the_connection_goes_to_the_address_that_was_checked_whatever_the_name_says_next(site: LocalSite) -> None:
    """DNS rebinding: the second answer of the name server is another address."""
    asked: list[str] = []
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    reach = replace(LOCAL, resolve=resolve, any_host=False)
    site.put("/a", "first")
    port = site.origin.rpartition(":")[2]
    place = reach.place(f"http://granted.example.org:{port}/a")
    fetcher = Fetcher(reach, pause=0)
    assert fetcher.get(place, 100).body == b"first"
    assert site.asked[0][1]["host"] == f"granted.example.org:{port}"
    with pytest.raises(AddressForbidden):
        fetcher.get(place, 100)
    assert asked == ["granted.example.org"] * 2, "once for each request"
    assert len(site.asked) == 1


@pytest.mark.parametrize(
    "inside", ["http://127.0.0.1:PORT/secret", "http://localhost:PORT/secret", "//127.0.0.1/x", "/secret"]
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed_wherever_it_leads(site: LocalSite, status: int, inside: str) -> None:
    port = site.origin.rpartition(":")[2]
    site.put("/a", "", status=status, Location=inside.replace("PORT", port))
    site.put("/secret", "secret")
    with pytest.raises(AddressForbidden):
        Fetcher(LOCAL, pause=0).get(LOCAL.place(site.origin + "/a"), 100)
    assert site.paths == ["/a"]


def test_a_site_is_asked_once_a_second_or_as_seldom_as_it_says(gallery: Countenance, filled: LocalSite) -> None:
    now, slept = [0.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    fetcher = Fetcher(LOCAL, sleep=sleep, seconds=lambda: now[0])
    site = Site(LOCAL.place(filled.origin + "/team"), fetcher, gallery._clock.now, 10**7)
    filled.put("/robots.txt", "User-agent: *\nCrawl-delay: 4")
    grant = site.grant()
    assert len(list(site.read(grant, lambda url: {}))) == 6
    assert slept == [1.0, 4.0, 4.0, 4.0, 4.0, 4.0]
    assert len(filled.asked) == len(slept) + 1


@pytest.mark.parametrize(("named", "served"), [("granted.example.org", True), ("other.example.org", False)])
def test_the_certificate_must_be_that_of_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str, served: bool
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "granted.example.org")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("granted.example.org")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = tmp_path / "server.pem"
    pem.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + certificate.public_bytes(Encoding.PEM)
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"served")

        def log_message(self, *_: object) -> None:
            """Silence."""

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that does not like the certificate hangs up."""

    server = Quiet(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    reach = replace(LOCAL, resolve=lambda host, port: ["127.0.0.1"], schemes=frozenset({"https"}), any_host=False)
    try:
        place = reach.place(f"https://{named}:{server.server_address[1]}/")
        if served:
            assert Fetcher(reach, pause=0).get(place, 100).body == b"served"
        else:
            with pytest.raises(PageUnreadable):
                Fetcher(reach, pause=0).get(place, 100)
    finally:
        server.shutdown()
        server.server_close()


def test_the_worked_example_for_site_owners_works(
    gallery: Countenance, site: LocalSite, orl_folder: Path, tmp_path: Path
) -> None:
    examples = Path(__file__).resolve().parents[2] / "examples" / "grants"
    page = (examples.parents[1] / "docs" / "for-site-owners.md").read_text("utf-8")
    document = json.loads((examples / "grant.json").read_text("utf-8"))
    assert document == json.loads(page.split("```json\n")[1].split("```")[0]), "the page shows the example"
    document |= {
        "site": site.origin,
        "issued": to_text(START - timedelta(days=1)),
        "expires": to_text(START + timedelta(days=9)),
    }
    (tmp_path / "grant.json").write_text(json.dumps(document), "utf-8")
    for _ in range(2):  # the second time with the key of the first
        done = subprocess.run(
            [sys.executable, examples / "publish.py", "grant.json", "owner.key", "site"],
            cwd=tmp_path, capture_output=True, text=True, check=True,
        )  # fmt: skip
    assert done.stdout.startswith("published: ")
    assert (tmp_path / "owner.key").stat().st_mode & 0o777 == 0o600
    site.put("/.well-known/countenance.json", (tmp_path / "site/.well-known/countenance.json").read_bytes())
    site.put("/team.html", "<img src='/images/team/anna.jpg'>")
    site.put("/images/team/anna.jpg", group([orl(orl_folder, 5, 4), orl(orl_folder, 20, 1)]))
    assert read(gallery, site, "/team.html")[0].references == 1
    assert gallery.collecting.withdraw_grant(site.origin, reach=LOCAL).references == 1
    with pytest.raises(GrantEnded):
        read(gallery, site, "/team.html")


def test_a_withdrawn_grant_takes_evidence_of_residence_along(gallery: Countenance, filled: LocalSite) -> None:
    def told() -> int:
        with gallery._database.read() as connection:
            query = select(func.count()).where(schema.residency_evidence.c.image_id.is_not(None))
            return int(connection.scalar(query) or 0)

    filled.put("/photos/b.jpg", with_position(filled.answers["/photos/b.jpg"][2], (48, 51, 24), (2, 21, 3)))
    before = told()
    read(gallery, filled)
    assert told() > before
    gallery.collecting.withdraw_grant(filled.origin, reach=LOCAL)
    assert told() == before


def test_loopback_is_refused_without_the_tests_own_reach(gallery: Countenance, filled: LocalSite) -> None:
    for url in (filled.origin + "/team", "https://localhost.example.org/"):
        reach = Reach(resolve=lambda host, port: ["127.0.0.1"])
        with pytest.raises(AddressForbidden):
            gallery.collecting.import_pages(url, reach=reach)
    assert filled.asked == []


def test_a_grant_round_trips() -> None:
    when = {"issued": to_text(START), "expires": to_text(datetime(2029, 1, 1, tzinfo=UTC))}
    data = signed(
        {"version": 1, "site": "https://e.org", "pages": ["/a"], "pictures": ["/p/", "/q.jpg"], "purposes": ["x"],
         "contact": "c", **when}, KEY,
    )  # fmt: skip
    grant = read_grant(data, "https://e.org")
    listed = [
        grant.lists_picture(p) for p in ("/p/1.jpg", "/q.jpg", "/q.jpg?x", "/p/../s", "/p/%2e%2e/s", "/r.jpg")
    ]
    assert listed == [True, True, False, False, False, False]
