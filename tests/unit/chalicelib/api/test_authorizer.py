import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.api.authorizer import LONGEST_CACHE
from chalicelib.api.authorizer import authorize as authorize_with
from chalicelib.api.tokens import LEEWAY, TokenVerifier
from chalicelib.jobs.errors import TokenRejection
from tests.support.issuer import (
    CLIENT_ID,
    ISSUER,
    LIFETIME,
    NOW,
    Issuer,
    access_claims,
    id_claims,
    running_issuer,
    signing_key,
)

DENIED = {"isAuthorized": False, "ttlOverride": 0}
DENIED_FIELDS = ("InferenceStatus.checkpoint", "Mutation.updateStatus")
authorize = partial(authorize_with, denied_fields=DENIED_FIELDS)


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with running_issuer() as issuer:
        yield issuer


@pytest.fixture
def verifier(issuer: Issuer) -> TokenVerifier:
    return TokenVerifier(ISSUER, issuer.jwks_url, [CLIENT_ID])


def event(token: object) -> dict[str, object]:
    """What AppSync sends. Source: AppSync Developer Guide, "AWS_LAMBDA authorization"."""
    request = {"apiId": "a1b2", "accountId": "123456789012", "requestId": "f4f4", "queryString": "{ __typename }"}
    return {"authorizationToken": token, "requestContext": request | {"operationName": None, "variables": {}}}


@pytest.mark.parametrize(("claims", "use"), [(access_claims(), "access"), (id_claims(), "id")])
def test_bearer_of_a_valid_token_is_allowed(
    verifier: TokenVerifier, issuer: Issuer, claims: dict[str, object], use: str
) -> None:
    answer = authorize(event(f"Lambda-Auth-{issuer.sign(claims)}"), verifier, now=NOW)

    assert answer == {
        "isAuthorized": True,
        "resolverContext": {
            "sub": "a3b1c2d4-0000-4000-8000-000000000001",
            "username": "alice",
            "clientId": CLIENT_ID,
            "tokenUse": use,
        },
        "deniedFields": ["InferenceStatus.checkpoint", "Mutation.updateStatus"],
        "ttlOverride": LONGEST_CACHE,
    }


@given(left=st.integers(min_value=-int(LEEWAY) + 1, max_value=7200))
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_answer_is_never_kept_past_the_end_of_the_token(verifier: TokenVerifier, issuer: Issuer, left: int) -> None:
    token = issuer.sign(access_claims(exp=int(NOW.timestamp()) + left))

    answer = authorize(event(f"Lambda-Auth-{token}"), verifier, now=NOW)

    assert answer["isAuthorized"]
    assert 0 <= answer["ttlOverride"] <= max(0, min(left - 1, LONGEST_CACHE))


@pytest.mark.parametrize(
    "prefix", ["", "Bearer ", "lambda-auth-", "Lambda-Auth", " Lambda-Auth-", "Lambda-Auth- ", "Lambda-Auth-Bearer "]
)
def test_valid_token_without_the_exact_prefix_is_denied(verifier: TokenVerifier, issuer: Issuer, prefix: str) -> None:
    assert authorize(event(prefix + issuer.sign(access_claims())), verifier, now=NOW) == DENIED


@pytest.mark.parametrize(
    "malformed",
    [
        None,
        {},
        [],
        "Lambda-Auth-x",
        b"Lambda-Auth-x",
        7,
        {"authorizationToken": None},
        {"authorizationToken": ["Lambda-Auth-x"]},
        {"authorizationToken": b"Lambda-Auth-x"},
        {"authorizationToken": {"Lambda-Auth-": "x"}},
        {"AuthorizationToken": "Lambda-Auth-x"},
        {"requestContext": {}},
    ],
)
def test_malformed_event_is_denied(verifier: TokenVerifier, malformed: object) -> None:
    assert authorize(malformed, verifier, now=NOW) == DENIED


def refused_tokens(issuer: Issuer) -> dict[TokenRejection, str]:
    valid = issuer.sign(access_claims())
    header, payload, signature = valid.split(".")
    return {
        TokenRejection.MALFORMED: f"{header}.{payload}",
        TokenRejection.ALGORITHM: f"eyJhbGciOiJub25lIn0.{payload}.",
        TokenRejection.UNKNOWN_KEY: issuer.sign(access_claims(), key=signing_key("thief")),
        TokenRejection.SIGNATURE: f"{header}.{issuer.sign(access_claims(sub='mallory')).split('.')[1]}.{signature}",
        TokenRejection.EXPIRED: issuer.sign(access_claims(exp=int((NOW - LIFETIME).timestamp()))),
        TokenRejection.NOT_YET_VALID: issuer.sign(access_claims(nbf=int((NOW + LIFETIME).timestamp()))),
        TokenRejection.ISSUER: issuer.sign(access_claims(iss="https://issuer.invalid")),
        TokenRejection.AUDIENCE: issuer.sign(access_claims(client_id="another")),
        TokenRejection.TOKEN_USE: issuer.sign(access_claims(token_use="refresh")),
        TokenRejection.CLAIMS: issuer.sign(access_claims(sub=None)),
    }


def test_every_rejected_token_is_denied_alike_and_logged_with_its_reason_alone(
    verifier: TokenVerifier, issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    for reason, token in refused_tokens(issuer).items():
        caplog.clear()
        with caplog.at_level(logging.DEBUG):
            answer = authorize(event(f"Lambda-Auth-{token}"), verifier, now=NOW)

        assert answer == DENIED
        assert [(record.event, record.reason) for record in caplog.records] == [("token_rejected", reason.value)]  # type: ignore[attr-defined]  # from `extra`
        assert not any(part in str(vars(record)) for record in caplog.records for part in token.split(".") if part)


def test_denial_does_not_outlive_an_outage_of_the_issuer() -> None:
    with running_issuer() as issuer:
        token = f"Lambda-Auth-{issuer.sign(access_claims())}"
        issuer.status = 500
        verifier = TokenVerifier(ISSUER, issuer.jwks_url, [CLIENT_ID], clock=iter(range(0, 100, 10)).__next__)

        assert authorize(event(token), verifier, now=NOW) == DENIED
        issuer.status = 200

        assert authorize(event(token), verifier, now=NOW)["isAuthorized"]


def test_allowing_a_caller_logs_no_token(
    verifier: TokenVerifier, issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    token = issuer.sign(access_claims())
    with caplog.at_level(logging.DEBUG):
        authorize(event(f"Lambda-Auth-{token}"), verifier, now=NOW)

    assert token.split(".")[2] not in caplog.text


@given(
    value=st.one_of(
        st.text(),
        st.binary(),
        st.text().map("Lambda-Auth-".__add__),
        st.from_regex(r"Lambda-Auth-[A-Za-z0-9_=-]{0,60}\.[A-Za-z0-9_=-]{0,60}\.[A-Za-z0-9_=-]{0,60}", fullmatch=True),
        st.recursive(st.none() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)),
    ),
    moment=st.datetimes(min_value=datetime(1980, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nothing_but_a_token_is_ever_allowed(verifier: TokenVerifier, value: object, moment: datetime) -> None:
    assert authorize(event(value), verifier, now=moment) == DENIED
    assert authorize(value, verifier, now=moment) == DENIED


@given(place=st.integers(min_value=0), character=st.characters())
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_token_with_one_other_character_is_denied(
    verifier: TokenVerifier, issuer: Issuer, place: int, character: str
) -> None:
    token = f"Lambda-Auth-{issuer.sign(access_claims())}"
    place %= len(token)
    changed = token[:place] + character + token[place + 1 :]

    answer = authorize(event(changed), verifier, now=NOW + timedelta(minutes=1))

    assert answer["isAuthorized"] == (changed == token)
