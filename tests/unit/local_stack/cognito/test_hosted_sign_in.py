"""The pages and endpoints of the local pool's hosted sign-in, as a browser's application uses them."""

import base64
import hashlib
import http.client
import json
import re
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import jwt
import pytest

from tests.unit.local_stack.cognito.conftest import PATH, Service

ADA, PASSWORD = "ada@example.com", "Local-only-1"
BACK = "http://localhost:5173/signed-in"
VERIFIER = "a-verifier-that-only-this-application-knows-0123456789"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def sent_back(self) -> dict[str, str]:
        """The parameters with which the browser is sent back to the application."""
        assert self.status == 302
        return {name: values[0] for name, values in parse_qs(urlsplit(self.headers["location"]).query).items()}


def send(service: Service, method: str, place: str, fields: dict[str, str]) -> Answer:
    encoded = urlencode(fields)
    query = f"?{encoded}" if method == "GET" else ""
    form = {"content-type": "application/x-www-form-urlencoded"}
    with closing(http.client.HTTPConnection(urlsplit(service.pool.endpoint).netloc, timeout=10)) as connection:
        connection.request(method, f"{PATH}/{place}{query}", None if query else encoded, form)
        response = connection.getresponse()
        return Answer(response.status, {key.lower(): it for key, it in response.getheaders()}, response.read().decode())


def wanted(service: Service, **changes: str) -> dict[str, str]:
    return {
        "client_id": service.pool.client_id, "redirect_uri": BACK, "response_type": "code", "state": "s1",
        "code_challenge": CHALLENGE, "code_challenge_method": "S256", "scope": "openid email", **changes,
    }  # fmt: skip


def code(service: Service, **changes: str) -> str:
    signed_in = send(service, "POST", "login", wanted(service, username=ADA, password=PASSWORD, **changes))
    return signed_in.sent_back["code"]


def redeemed(service: Service, given: str, **changes: str) -> Answer:
    fields = {
        "grant_type": "authorization_code", "client_id": service.pool.client_id, "code": given, "redirect_uri": BACK,
        "code_verifier": VERIFIER, **changes,
    }  # fmt: skip
    return send(service, "POST", "oauth2/token", fields)


def test_a_user_signs_in_and_the_application_gets_tokens_for_the_code(service: Service) -> None:
    form = send(service, "GET", "oauth2/authorize", wanted(service))
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form.text))
    back = send(service, "POST", "login", {**hidden, "username": ADA, "password": PASSWORD}).sent_back
    tokens = redeemed(service, back["code"]).json
    claims = jwt.decode(tokens["id_token"], options={"verify_signature": False})

    assert f'action="{PATH}/login"' in form.text
    assert back["state"] == "s1"
    assert tokens["token_type"] == "Bearer"
    assert (claims["email"], claims["aud"], claims["sub"]) == (ADA, service.pool.client_id, service.test_users[0].sub)


def test_the_sign_in_page_cannot_be_framed_has_no_script_and_leads_to_the_application_only(service: Service) -> None:
    form = send(service, "GET", "oauth2/authorize", wanted(service))
    policy = form.headers["content-security-policy"]

    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self' http://localhost:5173;" in policy
    assert "<script" not in form.text


def test_what_the_application_sends_is_text_in_the_page(service: Service) -> None:
    form = send(service, "GET", "oauth2/authorize", wanted(service, state='"><script>alert(1)</script>'))

    assert "<script" not in form.text
    assert "&quot;&gt;&lt;script&gt;" in form.text


def test_a_wrong_password_is_asked_for_again(service: Service) -> None:
    form = send(service, "POST", "login", wanted(service, username=ADA, password="wrong"))

    assert form.status == 200
    assert "Incorrect username or password." in form.text


def test_a_code_is_valid_once(service: Service) -> None:
    given = code(service)

    assert redeemed(service, given).status == 200
    assert (redeemed(service, given).status, redeemed(service, given).json) == (400, {"error": "invalid_grant"})


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "another-verifier-that-does-not-belong-to-the-challenge"},
        {"code_verifier": ""},
        {"redirect_uri": "http://localhost:5173/elsewhere"},
        {"code": "unknown"},
    ],
)
def test_a_code_is_worth_nothing_without_its_verifier_and_address(service: Service, changes: dict[str, str]) -> None:
    assert redeemed(service, code(service), **changes).json == {"error": "invalid_grant"}


@pytest.mark.parametrize("challenge", [{}, {"code_challenge": ""}, {"code_challenge_method": "plain"}])
@pytest.mark.parametrize(("method", "place"), [("GET", "oauth2/authorize"), ("POST", "login")])
def test_no_code_is_given_without_a_challenge(
    service: Service, method: str, place: str, challenge: dict[str, str]
) -> None:
    fields = wanted(service, username=ADA, password=PASSWORD) | challenge
    if not challenge:
        del fields["code_challenge"], fields["code_challenge_method"]

    back = send(service, method, place, fields).sent_back

    assert (back["error"], back["state"]) == ("invalid_request", "s1")
    assert "code" not in back


def test_a_code_expires_after_five_minutes(service: Service) -> None:
    given = code(service)
    service.clock.offset = timedelta(minutes=5)
    try:
        assert redeemed(service, given).json == {"error": "invalid_grant"}
    finally:
        service.clock.offset = timedelta()


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/signed-in",
        "http://localhost.evil.example/signed-in",
        "http://localhost@evil.example/",
        "javascript:alert(1)",
        "//evil.example",
        "http://localhost:5173/\\evil.example",
        "http://localhost:5173/#x",
        "http://localhost:5173/#",
        "http://[::1%25;script-src]/",
        "",
    ],
)
@pytest.mark.parametrize(("method", "place"), [("GET", "oauth2/authorize"), ("POST", "login"), ("GET", "logout")])
def test_no_other_machine_is_returned_to(service: Service, method: str, place: str, uri: str) -> None:
    fields = wanted(service, username=ADA, password=PASSWORD, redirect_uri=uri, logout_uri=uri)

    answer = send(service, method, place, fields)

    assert answer.status == 400
    assert "must be an address of this machine" in answer.text
    assert "location" not in answer.headers


def test_another_client_is_refused_everywhere(service: Service) -> None:
    assert send(service, "GET", "oauth2/authorize", wanted(service, client_id="other")).status == 400
    assert redeemed(service, code(service), client_id="other").json == {"error": "invalid_client"}
    assert send(service, "POST", "oauth2/revoke", {"client_id": "other", "token": "t"}).status == 400


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
    ],
)
def test_a_request_that_cannot_be_met_goes_back_to_the_application(
    service: Service, changes: dict[str, str], error: str
) -> None:
    back = send(service, "GET", "oauth2/authorize", wanted(service, **changes)).sent_back

    assert (back["error"], back["state"]) == (error, "s1")


def test_tokens_are_refreshed_until_the_refresh_token_is_revoked(service: Service) -> None:
    client_id = service.pool.client_id
    token = redeemed(service, code(service)).json["refresh_token"]
    refresh = {"grant_type": "refresh_token", "client_id": client_id, "refresh_token": token}

    refreshed = send(service, "POST", "oauth2/token", refresh).json
    revoked = send(service, "POST", "oauth2/revoke", {"client_id": client_id, "token": token})

    assert refreshed.keys() == {"id_token", "access_token", "expires_in", "token_type"}
    assert revoked.status == 200
    assert send(service, "POST", "oauth2/token", refresh).json == {"error": "invalid_grant"}


def test_the_id_token_repeats_the_nonce(service: Service) -> None:
    token = redeemed(service, code(service, nonce="n1")).json["id_token"]

    assert jwt.decode(token, options={"verify_signature": False})["nonce"] == "n1"


def test_signing_out_returns_to_the_application(service: Service) -> None:
    answer = send(service, "GET", "logout", {"client_id": service.pool.client_id, "logout_uri": BACK})

    assert (answer.status, answer.headers["location"]) == (302, BACK)


def test_discovery_names_the_endpoints(service: Service) -> None:
    found = send(service, "GET", f"{service.pool.pool_id}/.well-known/openid-configuration", {}).json

    assert found["authorization_endpoint"] == f"{service.pool.endpoint}/oauth2/authorize"
    assert found["code_challenge_methods_supported"] == ["S256"]


def test_a_request_of_another_method_or_form_is_refused(service: Service) -> None:
    assert send(service, "GET", "oauth2/token", {}).status == 405
    assert send(
        service, "POST", "oauth2/token", {"grant_type": "password", "client_id": service.pool.client_id}
    ).json == {"error": "unsupported_grant_type"}
    assert send(service, "POST", "login", {"username": "a" * 70_000}).status == 413
