"""Amazon Cognito user pools: tokens verified with the keys that the pool publishes.

Source: Amazon Cognito Developer Guide, "Verifying JSON web tokens"; AppSync Developer Guide,
"AMAZON_COGNITO_USER_POOLS authorization".
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import jwt

from appsync_local.authorization.caller import Caller
from appsync_local.authorization.credentials import JsonWebToken, Presented
from appsync_local.errors import NO_VALID_CREDENTIAL, unauthorized
from infrastructure.wiring import AuthMode

REFETCH_AFTER: Final = 30.0  # seconds between two fetches of one pool's keys, whatever key ids are asked for
RETRY_AFTER: Final = 1.0  # seconds, where the last fetch failed

log = logging.getLogger("appsync_local")

# Gives the body of a URL; raises OSError when there is none.
Fetch = Callable[[str], Awaitable[bytes]]
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class UserPool:
    """A user pool whose tokens are accepted.

    Args:
        issuer: The `iss` of its tokens.
        jwks_url: Where its public keys are.
        client_ids: App clients whose tokens are accepted; empty for all of them.
    """

    issuer: str
    jwks_url: str
    client_ids: tuple[str, ...]


class PublishedKeys:
    """The keys of one pool: fetched when first needed, kept, fetched again for a key id that is not among them."""

    def __init__(self, url: str, fetch: Fetch, clock: Clock) -> None:
        self._url = url
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, jwt.PyJWK] = {}
        self._next_fetch: float | None = None
        self._lock = asyncio.Lock()

    async def get(self, key_id: str) -> jwt.PyJWK | None:
        """The key with this id, None where the pool has none."""
        if key_id not in self._keys:
            async with self._lock:
                if key_id not in self._keys and self._may_fetch():
                    await self._load()
        return self._keys.get(key_id)

    def _may_fetch(self) -> bool:
        return self._next_fetch is None or self._clock() >= self._next_fetch

    async def _load(self) -> None:
        try:
            keys = json.loads(await self._fetch(self._url))["keys"]
            self._keys = {key["kid"]: jwt.PyJWK.from_dict(key) for key in keys if key.get("kty") == "RSA"}
            self._next_fetch = self._clock() + REFETCH_AFTER
        except (OSError, ValueError, KeyError, TypeError, AttributeError, jwt.PyJWTError) as error:
            log.warning("the keys of a user pool could not be fetched from %s: %s", self._url, type(error).__name__)
            self._next_fetch = self._clock() + RETRY_AFTER


class UserPools:
    """All user pools of the API."""

    def __init__(self, pools: tuple[UserPool, ...], *, fetch: Fetch, clock: Clock) -> None:
        self._pools = {pool.issuer: (pool, PublishedKeys(pool.jwks_url, fetch, clock)) for pool in pools}

    async def verify(self, credential: JsonWebToken, presented: Presented) -> Caller:
        """The user behind a token.

        Raises:
            RequestRefused: Forged, expired, of another pool or client, or no user's token.
        """
        try:
            header = jwt.get_unverified_header(credential.token)
            issuer = jwt.decode(credential.token, options={"verify_signature": False}).get("iss")
        except jwt.PyJWTError:
            raise unauthorized("Unable to parse JWT token.") from None
        if not isinstance(issuer, str) or issuer not in self._pools:
            raise unauthorized(NO_VALID_CREDENTIAL)
        pool, keys = self._pools[issuer]
        key = await keys.get(str(header.get("kid")))
        if key is None:
            raise unauthorized(NO_VALID_CREDENTIAL)
        return _caller(_claims(credential.token, key, pool), presented)


def _claims(token: str, key: jwt.PyJWK, pool: UserPool) -> Mapping[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key.key,
            algorithms=["RS256"],
            issuer=pool.issuer,
            options={"require": ["exp", "iss", "sub", "token_use"], "verify_aud": False},
        )
    except jwt.ExpiredSignatureError:
        raise unauthorized("Token has expired.") from None
    except jwt.PyJWTError:
        raise unauthorized(NO_VALID_CREDENTIAL) from None
    match claims["token_use"]:
        case "id":
            client = claims.get("aud")
        case "access":
            client = claims.get("client_id")
        case _:
            raise unauthorized(NO_VALID_CREDENTIAL)
    if pool.client_ids and client not in pool.client_ids:
        raise unauthorized(NO_VALID_CREDENTIAL)
    return claims


def _caller(claims: Mapping[str, Any], presented: Presented) -> Caller:
    groups = claims.get("cognito:groups")
    known = [str(group) for group in groups] if isinstance(groups, list) else None
    return Caller(
        mode=AuthMode.COGNITO,
        identity={
            "sub": claims["sub"],
            "issuer": claims["iss"],
            "username": claims.get("cognito:username") or claims.get("username"),
            "claims": claims,
            "sourceIp": presented.source_ips,
            "defaultAuthStrategy": "ALLOW",
            "groups": known,
        },
        groups=frozenset(known or ()),
    )
