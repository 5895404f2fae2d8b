"""Signatures as boto3 makes them, checked by our own verifier; and everything that is not a signature."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from countenance.http.compat.rekognition import sigv4
from countenance.http.compat.rekognition.sigv4 import SignatureRefused

KEY, SECRET = "0123456789ABCDEF0123", "a secret that nobody else has/+="
BODY = b'{"CollectionId": "staff"}'

Headers = list[tuple[str, str]]


def signed(
    body: bytes = BODY,
    *,
    path: str = "/compat/rekognition/",
    secret: str = SECRET,
    extra: dict[str, str] | None = None,
    service: str = "rekognition",
    region: str = "eu-west-2",
) -> Headers:
    """The headers of a request that botocore signed now."""
    headers = {
        "Host": "127.0.0.1:8080",
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "RekognitionService.DescribeCollection",
        **(extra or {}),
    }
    request = AWSRequest("POST", f"http://127.0.0.1:8080{path}", headers=headers, data=body)
    SigV4Auth(Credentials(KEY, secret), service, region).add_auth(request)
    return list(request.headers.items())


def verify(
    headers: Headers,
    body: bytes = BODY,
    *,
    path: str = "/compat/rekognition/",
    query: str = "",
    away: timedelta = timedelta(0),
    method: str = "POST",
) -> str:
    """The key id of a request that is taken."""
    presented = sigv4.read(headers, query, datetime.now(UTC) + away)
    sigv4.check(presented, SECRET, method=method, path=path, headers=headers, body=body)
    return presented.key_id


def changed(headers: Headers, name: str, value: str | None) -> Headers:
    """``headers`` with one of them replaced, or left out."""
    kept = [(one, held) for one, held in headers if one.lower() != name.lower()]
    return kept if value is None else [*kept, (name, value)]


_VALUES = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
_NAMES = st.from_regex(r"X-(Amz|Other)-[A-Za-z][A-Za-z0-9-]{0,20}", fullmatch=True).filter(
    lambda name: name.lower() not in {"x-amz-date", "x-amz-target", "x-amz-security-token", "x-amz-content-sha256"}
)
_PATHS = st.text("abc/.%-_~ 0:é", max_size=20).map(lambda text: "/" + text.replace("%", "%25"))


@settings(max_examples=300, deadline=None)
@given(
    body=st.binary(max_size=200),
    path=_PATHS,
    extra=st.dictionaries(_NAMES, _VALUES, max_size=4),
    region=st.from_regex(r"[a-z]{2}-[a-z]{4,9}-[1-9]", fullmatch=True),
)
def test_whatever_botocore_signs_is_taken(body: bytes, path: str, extra: dict[str, str], region: str) -> None:
    unique = {name.lower(): name for name in extra}
    headers = signed(body, path=path, extra={name: extra[name] for name in unique.values()}, region=region)
    assert verify(headers, body, path=path) == KEY


@settings(max_examples=100, deadline=None)
@given(body=st.binary(max_size=100), other=st.binary(max_size=100))
def test_another_body_is_refused(body: bytes, other: bytes) -> None:
    if body != other:
        with pytest.raises(SignatureRefused):
            verify(signed(body), other)


_TAMPERED = {
    "another secret": lambda: verify(signed(secret="another secret")),
    "another operation": lambda: verify(changed(signed(), "X-Amz-Target", "RekognitionService.DeleteCollection")),
    "another host": lambda: verify(changed(signed(), "Host", "127.0.0.1:9090")),
    "another path": lambda: verify(signed(), path="/compat/other/"),
    "another method": lambda: verify(signed(), method="PUT"),
    "another kind of body": lambda: verify(changed(signed(), "Content-Type", "text/plain")),
    "a signed header taken away": lambda: verify(changed(signed(), "X-Amz-Target", None)),
    "another service": lambda: verify(signed(service="s3")),
    "a clock 16 minutes behind": lambda: verify(signed(), away=timedelta(minutes=16)),
    "a clock 16 minutes ahead": lambda: verify(signed(), away=-timedelta(minutes=16)),
    "a query string": lambda: verify(signed(), query="X-Amz-Signature=00"),
    "no authorisation": lambda: verify(changed(signed(), "Authorization", None)),
    "another scheme": lambda: verify(changed(signed(), "Authorization", f"Bearer {SECRET}")),
    "no date": lambda: verify(changed(signed(), "X-Amz-Date", None)),
    "a date in words": lambda: verify(changed(signed(), "X-Amz-Date", "yesterday")),
    "an unsigned amz header": lambda: verify([*signed(), ("X-Amz-Other", "1")]),
    "two hosts": lambda: verify([*signed(), ("host", "127.0.0.1:8080")]),
    "two targets": lambda: verify([*signed(), ("x-amz-target", "RekognitionService.DeleteCollection")]),
    "a session token": lambda: verify(signed(extra={"X-Amz-Security-Token": "token"})),
    "an unsigned payload": lambda: verify(signed(extra={"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"})),
}


@pytest.mark.parametrize("case", _TAMPERED)
def test_what_is_not_signed_as_it_came_is_refused(case: str) -> None:
    with pytest.raises(SignatureRefused):
        _TAMPERED[case]()


@pytest.mark.parametrize("left_out", ["host", "x-amz-date", "x-amz-target", "content-type"])
def test_a_header_that_decides_has_to_be_signed(left_out: str) -> None:
    headers = signed()
    value = dict(headers)["Authorization"]
    names = value.split("SignedHeaders=")[1].split(",")[0].split(";")
    fewer = value.replace(";".join(names), ";".join(name for name in names if name != left_out))
    with pytest.raises(SignatureRefused, match="has to be signed"):
        sigv4.read(changed(headers, "Authorization", fewer), "", datetime.now(UTC))


@pytest.mark.parametrize("minutes", [-14, 0, 14])
def test_a_clock_within_fifteen_minutes_is_taken(minutes: int) -> None:
    assert verify(signed(), away=timedelta(minutes=minutes)) == KEY


def test_a_refusal_says_nothing_of_the_right_signature() -> None:
    with pytest.raises(SignatureRefused) as refused:
        verify(signed(secret="another secret"))
    good = dict(signed())["Authorization"].split("Signature=")[1]
    assert good not in str(refused.value)
    assert SECRET not in str(refused.value)
