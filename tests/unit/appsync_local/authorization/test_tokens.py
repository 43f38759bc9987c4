"""Tokens of OpenID Connect providers: kinds of keys, lifetimes and issuers. These tests use no network."""

import base64
import json
import time
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from appsync_local.api.model import AuthMode
from appsync_local.authorization.caller import Caller
from appsync_local.authorization.credentials import AuthorizationRequest, AuthorizerToken, JsonWebToken, credential_of
from appsync_local.authorization.oidc import OidcProvider
from appsync_local.authorization.tokens import TokenIssuer, Tokens
from appsync_local.authorization.user_pools import UserPool
from appsync_local.errors import RequestRefused
from tests.support.issuer import signing_key

ISSUER = "https://login.test"
CURVE = ec.generate_private_key(ec.SECP256R1())
SECRET = bytes(range(64))
KEYS: list[dict[str, Any]] = [
    dict(signing_key("rsa").published()) | {"alg": "RS256"},
    jwt.algorithms.ECAlgorithm.to_jwk(CURVE.public_key(), as_dict=True) | {"kid": "curve"},
    {"kty": "oct", "kid": "secret", "k": base64.urlsafe_b64encode(SECRET).rstrip(b"=").decode()},
    {"kty": "OKP", "kid": "unheard-of", "crv": "Ed25519", "x": "AAAA"},
]
PAGES = {
    "https://login.test/keys": {"keys": KEYS},
    "https://login.test/.well-known/openid-configuration": {"jwks_uri": "https://login.test/keys"},
}
WITH_KEYS = OidcProvider(ISSUER, "https://login.test/keys")
POOL = UserPool("https://pool.test", "https://login.test/keys")


async def fetch(url: str) -> bytes:
    return json.dumps(PAGES[url]).encode()


def tokens(*issuers: TokenIssuer) -> Tokens:
    return Tokens(issuers, fetch=fetch, clock=lambda: 0.0, now=lambda: datetime.now(UTC))


def token(algorithm: str = "RS256", key: Any = None, kid: str = "rsa", **claims: object) -> str:
    now = int(time.time())
    own: dict[str, object] = {"iss": ISSUER, "sub": "u1", "aud": "app", "iat": now, "exp": now + 60}
    present = {name: value for name, value in (own | claims).items() if value is not None}
    return jwt.encode(present, key or signing_key("rsa").private, algorithm, headers={"kid": kid})


async def caller(text: str, *issuers: TokenIssuer) -> Caller:
    return await tokens(*issuers).verify(JsonWebToken(text), AuthorizationRequest({}, "/graphql", b"", "127.0.0.1"))


async def refusal(text: str, *issuers: TokenIssuer) -> str:
    with pytest.raises(RequestRefused) as caught:
        await caller(text, *issuers)
    return caught.value.message


@pytest.mark.parametrize(
    ("algorithm", "key", "kid"),
    [
        ("RS256", None, "rsa"),
        ("RS512", None, "rsa"),
        ("PS384", None, "rsa"),
        ("ES256", CURVE, "curve"),
        ("HS256", SECRET, "secret"),
        ("HS512", SECRET, "secret"),
    ],
)
async def test_tokens_signed_with_a_key_of_any_kind_are_accepted(algorithm: str, key: Any, kid: str) -> None:
    found = await caller(token(algorithm, key, kid), WITH_KEYS)

    assert found.mode is AuthMode.OIDC
    assert found.identity is not None
    assert (found.identity["sub"], found.identity["issuer"]) == ("u1", ISSUER)


async def test_a_key_verifies_only_algorithms_of_its_own_kind() -> None:
    assert await refusal(token("HS256", SECRET, "rsa"), WITH_KEYS) == "Valid authorization header not provided."
    assert await refusal(token(kid="curve"), WITH_KEYS) == "Valid authorization header not provided."


async def test_the_keys_are_found_through_the_discovery_document() -> None:
    assert (await caller(token(), OidcProvider(ISSUER))).mode is AuthMode.OIDC
    assert OidcProvider(f"{ISSUER}/").keys_url == OidcProvider(ISSUER).keys_url


@pytest.mark.parametrize(
    ("provider", "claims", "is_accepted"),
    [
        (OidcProvider(ISSUER, WITH_KEYS.jwks_url, iat_ttl_ms=600_000), {"iat": 2}, True),
        (OidcProvider(ISSUER, WITH_KEYS.jwks_url, iat_ttl_ms=600_000), {"iat": 2_000}, False),
        (OidcProvider(ISSUER, WITH_KEYS.jwks_url, auth_ttl_ms=600_000), {"auth_time": 2}, True),
        (OidcProvider(ISSUER, WITH_KEYS.jwks_url, auth_ttl_ms=600_000), {"auth_time": 2_000}, False),
        (OidcProvider(ISSUER, WITH_KEYS.jwks_url, auth_ttl_ms=600_000), {}, False),
    ],
)
async def test_a_token_is_valid_for_as_long_as_the_provider_says(
    provider: OidcProvider, claims: dict[str, int], is_accepted: bool
) -> None:
    moments: dict[str, Any] = {name: int(time.time()) - ago for name, ago in claims.items()}
    text = token(**moments)

    if is_accepted:
        assert (await caller(text, provider)).mode is AuthMode.OIDC
    else:
        assert await refusal(text, provider) == "Token has expired."


async def test_the_tokens_of_a_sole_provider_need_not_name_it() -> None:
    elsewhere = token(iss="https://elsewhere.test")

    assert (await caller(elsewhere, WITH_KEYS)).mode is AuthMode.OIDC
    assert await refusal(elsewhere, WITH_KEYS, POOL) == "Valid authorization header not provided."
    assert await refusal(elsewhere, POOL) == "Valid authorization header not provided."


async def test_a_token_is_verified_with_the_keys_of_its_issuer_only() -> None:
    of_pool = token(iss=POOL.issuer, token_use="access", client_id="app")

    assert (await caller(of_pool, WITH_KEYS, POOL)).mode is AuthMode.COGNITO
    assert (await caller(token(), WITH_KEYS, POOL)).mode is AuthMode.OIDC
    assert await refusal(token("ES256", CURVE, "curve", iss=POOL.issuer, token_use="access"), POOL) == (
        "Valid authorization header not provided."
    )


async def test_a_deeply_nested_token_is_unreadable() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 100_000).decode()

    assert await refusal(f"{deep}.{deep}.", WITH_KEYS) == "Unable to parse JWT token."


def test_a_deeply_nested_credential_is_not_a_jwt() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 100_000).decode()
    request = AuthorizationRequest({"authorization": f"{deep}.{deep}."}, "/graphql", b"", "127.0.0.1")

    assert credential_of(request, {AuthMode.LAMBDA, AuthMode.COGNITO}) == AuthorizerToken(f"{deep}.{deep}.")
