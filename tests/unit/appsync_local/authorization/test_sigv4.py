"""Signature Version 4, signed by botocore and verified without it."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from appsync_local.authorization.credentials import AuthorizationRequest, Signature
from appsync_local.authorization.sigv4 import verify
from appsync_local.errors import RequestRefused
from tests.support.engine_clients import BACKEND

URL = "https://example.appsync-api.us-east-1.amazonaws.com/graphql"


def signed_request(
    url: str = URL, headers: dict[str, str] | None = None, body: bytes = b'{"query":"{a}"}'
) -> tuple[Signature, AuthorizationRequest]:
    request = AWSRequest("POST", url, data=body, headers=headers or {"content-type": "application/json"})
    credentials = Credentials(BACKEND.access_key_id, BACKEND.secret_access_key, token="session")
    SigV4Auth(credentials, "appsync", "us-east-1").add_auth(request)
    sent: dict[str, str | list[str]] = {name.lower(): value for name, value in request.headers.items()}
    host = sent["host"] = url.split("/")[2]
    path, _, query = url.split(host, 1)[1].partition("?")
    return Signature(str(sent["authorization"])), AuthorizationRequest(sent, path, body, "127.0.0.1", query)


def check(signature: Signature, request: AuthorizationRequest, *, now: datetime | None = None) -> object:
    principals = {BACKEND.access_key_id: BACKEND}
    return verify(signature, request, principals=principals, region="us-east-1", now=now or datetime.now(UTC)).identity


@pytest.mark.parametrize(
    "url", [URL, URL + "?b=2&a=1%20x&a=0", URL + "/a%20b", "http://localhost:4000/graphql", URL + "/connect"]
)
@pytest.mark.parametrize("headers", [{}, {"x-custom": "  a   b  ", "accept": "application/json, text/javascript"}])
def test_a_request_signed_by_botocore_is_accepted(url: str, headers: dict[str, str]) -> None:
    assert check(*signed_request(url, headers)) is not None


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_signature_beyond_the_clock_skew_is_refused(minutes: int) -> None:
    signature, request = signed_request()

    check(signature, request, now=datetime.now(UTC) + timedelta(minutes=minutes * 4 / 6))
    words = "Signature expired: .* is now earlier than" if minutes > 0 else "Signature not yet current: .* still later"
    with pytest.raises(RequestRefused, match=words) as refused:
        check(signature, request, now=datetime.now(UTC) + timedelta(minutes=minutes))
    assert (refused.value.status, refused.value.error_type) == (403, "InvalidSignatureException")


@pytest.mark.parametrize(
    "change", ["body", "path", "query", "content-type", "host", "x-amz-date", "x-amz-security-token"]
)
def test_a_request_that_was_changed_after_signing_is_refused(change: str) -> None:
    signature, request = signed_request()
    parts = {"body": request.body, "path": request.path, "query": request.query}
    headers = dict(request.headers)
    if change in headers:
        headers[change] = "20200101T000000Z"
    else:
        parts[change] = b"{}" if change == "body" else "other=1"
    changed = AuthorizationRequest(headers, str(parts["path"]), parts["body"], "127.0.0.1", str(parts["query"]))  # type: ignore[arg-type]

    with pytest.raises(RequestRefused):
        check(signature, changed)


@pytest.mark.parametrize(
    "text",
    [
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=AKIDBACKEND/20260101/us-east-1/appsync/aws4_request, SignedHeaders=host",
        "AWS4-HMAC-SHA256 Credential=x, SignedHeaders=host;x-amz-date, Signature=" + "0" * 64,
    ],
)
def test_an_invalid_signature_header_is_refused(text: str) -> None:
    _, request = signed_request()

    with pytest.raises(RequestRefused):
        check(Signature(text), request)


def test_a_signature_without_the_host_is_refused() -> None:
    signature, request = signed_request()

    with pytest.raises(RequestRefused, match=r"'Host' or ':authority' must be a 'SignedHeader'"):
        check(Signature(signature.text.replace("host;", "")), request)


def test_a_signed_get_request_is_accepted_and_its_method_is_signed() -> None:
    url = URL + "?query=%7B%20a%20%7D"
    request = AWSRequest("GET", url)
    SigV4Auth(Credentials(BACKEND.access_key_id, BACKEND.secret_access_key), "appsync", "us-east-1").add_auth(request)
    sent: dict[str, str | list[str]] = {name.lower(): value for name, value in request.headers.items()}
    sent["host"] = url.split("/")[2]
    path, _, query = url.split(str(sent["host"]), 1)[1].partition("?")
    signature = Signature(str(sent["authorization"]))

    assert check(signature, AuthorizationRequest(sent, path, b"", "127.0.0.1", query, method="GET")) is not None
    with pytest.raises(RequestRefused, match="'POST\n"):
        check(signature, AuthorizationRequest(sent, path, b"", "127.0.0.1", query))
