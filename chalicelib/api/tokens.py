"""Verifies bearer tokens with the keys that their issuer publishes, and identifies the caller.

The keys are fetched once per process. A token with an unknown key id causes another fetch, but at most one a minute, so
forged key ids cannot cause a request each.
"""

import http.client
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import jwt
from msgspec import Struct

from chalicelib.jobs.errors import MissingSettings, TokenRejected, TokenRejection
from chalicelib.jobs.model import Json

if TYPE_CHECKING:
    from jwt.types import Options

ALGORITHM: Final = "RS256"
LEEWAY: Final = 10.0  # seconds that the issuer's clock and ours may differ
FETCH_TIMEOUT: Final = 3.0  # seconds
REFETCH_PAUSE: Final = 60.0  # seconds between two fetches for unknown key ids
RETRY_PAUSE: Final = 1.0  # seconds after a fetch that failed
MAX_TOKEN: Final = 16_384  # characters; Cognito's are about 1,000
MAX_KEYS: Final = 1_048_576  # bytes of the key document
MIN_KEY: Final = 2048  # bits. Source: RFC 7518, section 3.3
LATEST: Final = 253_402_300_799.0  # the end of the year 9999, the last moment that a datetime holds
SIGNATURE_ONLY: Final["Options"] = {
    "verify_signature": True,
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
    "verify_aud": False,
    "verify_iss": False,
    "verify_sub": False,
    "verify_jti": False,
}


class TokenUse(StrEnum):
    """What a token was issued for; Cognito's `token_use` claim."""

    ACCESS = "access"
    ID = "id"


class Identity(Struct, frozen=True):
    """A verified caller. `sub` never changes and is never reassigned; `username` is for people to read."""

    sub: str
    username: str
    groups: tuple[str, ...]
    token_use: TokenUse
    client_id: str
    expires_at: datetime


class TokenVerifier:
    """Verifies the tokens of one issuer for some clients."""

    def __init__(
        self, issuer: str, jwks_url: str, client_ids: Collection[str], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Make a verifier. It fetches the keys when it first needs them.

        Args:
            issuer: The exact `iss` claim that tokens must have.
            jwks_url: Where the issuer publishes its keys; http or https.
            client_ids: The accepted applications. A token must be issued for one of them.
            clock: Returns seconds on a scale that never goes back. It limits how often keys are fetched.
        """
        self._issuer = issuer
        self._client_ids = frozenset(client_ids)
        self._keys = _PublishedKeys(jwks_url, clock)

    def verify(self, token: str, *, now: datetime) -> Identity:
        """The caller that a token identifies.

        Raises:
            TokenRejected: The token is not valid; `reason` says why.

        Source:
            Amazon Cognito Developer Guide, "Verifying JSON web tokens": signature, `exp`, `iss`, `token_use`, and
            the client in `client_id` of an access token, in `aud` of an ID token.
        """
        key = self._keys.find(_key_id(token))
        try:
            # This checks only the signature. The claims are checked below, against `now`, each with its own reason.
            claims = jwt.decode(token, key, algorithms=[ALGORITHM], options=SIGNATURE_ONLY)
        except jwt.InvalidSignatureError as exc:
            raise TokenRejected(TokenRejection.SIGNATURE) from exc
        except jwt.InvalidTokenError as exc:
            raise TokenRejected(TokenRejection.MALFORMED) from exc
        return self._identify(claims, now.timestamp())

    def _identify(self, claims: Mapping[str, Json], now: float) -> Identity:
        expires = _moment(claims, "exp")
        if expires <= now - LEEWAY:
            raise TokenRejected(TokenRejection.EXPIRED)
        if any(_moment(claims, name) > now + LEEWAY for name in ("nbf", "iat") if name in claims):
            raise TokenRejected(TokenRejection.NOT_YET_VALID)
        if claims.get("iss") != self._issuer:
            raise TokenRejected(TokenRejection.ISSUER)
        match claims.get("token_use"):
            case TokenUse.ACCESS.value:
                use, client, username = TokenUse.ACCESS, claims.get("client_id"), claims.get("username")
            case TokenUse.ID.value:
                use, client, username = TokenUse.ID, claims.get("aud"), claims.get("cognito:username")
            case _:
                raise TokenRejected(TokenRejection.TOKEN_USE)
        if not isinstance(client, str) or client not in self._client_ids:
            raise TokenRejected(TokenRejection.AUDIENCE)
        sub = claims.get("sub")
        if not isinstance(sub, str) or not sub:
            raise TokenRejected(TokenRejection.CLAIMS)
        groups = claims.get("cognito:groups")
        return Identity(
            sub=sub,
            username=username if isinstance(username, str) and username else sub,
            groups=tuple(group for group in groups if isinstance(group, str)) if isinstance(groups, list) else (),
            token_use=use,
            client_id=client,
            expires_at=datetime.fromtimestamp(expires, UTC),
        )


class _PublishedKeys:
    """The issuer's keys by their ids. Thread-safe."""

    def __init__(self, url: str, clock: Callable[[], float]) -> None:
        if urlsplit(url).scheme not in ("http", "https"):
            raise MissingSettings([f"the issuer's keys are read over http or https, not from {url}"])
        self._url = url
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: Mapping[str, jwt.PyJWK] = {}
        self._may_fetch_at = clock()
        self._absence = TokenRejection.KEYS_UNAVAILABLE  # what an unknown key id means until the next fetch

    def find(self, key_id: str) -> jwt.PyJWK:
        key = self._keys.get(key_id)
        if key is not None:
            return key
        with self._lock:
            if self._clock() >= self._may_fetch_at:
                self._fetch()
            key = self._keys.get(key_id)
        if key is None:
            raise TokenRejected(self._absence)
        return key

    def _fetch(self) -> None:
        try:
            self._keys = _read_keys(self._url)
        except (OSError, http.client.HTTPException, ValueError, RecursionError) as exc:
            self._may_fetch_at = self._clock() + RETRY_PAUSE
            self._absence = TokenRejection.KEYS_UNAVAILABLE
            raise TokenRejected(TokenRejection.KEYS_UNAVAILABLE) from exc
        self._may_fetch_at = self._clock() + REFETCH_PAUSE
        self._absence = TokenRejection.UNKNOWN_KEY


def _read_keys(url: str) -> dict[str, jwt.PyJWK]:
    """Fetch the issuer's RSA signing keys.

    Raises:
        OSError, HTTPException: The issuer cannot be reached, or refuses.
        ValueError, RecursionError: The answer is not a key document, or has no usable key.

    Source:
        RFC 7517, section 5: an object whose `keys` is an array; entries that are not understood are skipped.
    """
    request = urllib.request.Request(url, headers={"Accept": "application/json"})  # noqa: S310  # scheme is checked
    try:
        with urllib.request.urlopen(request, timeout=FETCH_TIMEOUT) as response:  # noqa: S310
            document = json.loads(response.read(MAX_KEYS))
    except urllib.error.HTTPError as exc:
        exc.close()
        raise
    published = document.get("keys") if isinstance(document, dict) else None
    keys: dict[str, jwt.PyJWK] = {}
    for entry in published if isinstance(published, list) else ():
        key = _signing_key(entry) if isinstance(entry, dict) else None
        if key is not None and isinstance(key.key_id, str):
            keys[key.key_id] = key
    if not keys:
        raise ValueError("no RSA signing key in the key document")
    return keys


def _signing_key(entry: dict[str, Json]) -> jwt.PyJWK | None:
    if entry.get("kty") != "RSA" or entry.get("use", "sig") != "sig" or entry.get("alg", ALGORITHM) != ALGORITHM:
        return None
    if "d" in entry:  # a published private key: anyone could sign with it
        return None
    try:
        key = jwt.PyJWK(entry, ALGORITHM)
    except jwt.PyJWTError:
        return None
    return key if key.key.key_size >= MIN_KEY else None


def _key_id(token: str) -> str:
    """The `kid` in the token's header. The header is not verified yet."""
    if len(token) > MAX_TOKEN or not token.isascii():
        raise TokenRejected(TokenRejection.MALFORMED)
    try:
        header = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError as exc:
        raise TokenRejected(TokenRejection.MALFORMED) from exc
    if header.get("alg") != ALGORITHM:
        raise TokenRejected(TokenRejection.ALGORITHM)
    key_id = header.get("kid")
    if not isinstance(key_id, str):
        raise TokenRejected(TokenRejection.MALFORMED)
    return key_id


def _moment(claims: Mapping[str, Json], name: str) -> float:
    """A claim's time, in seconds since 1970.

    Source:
        RFC 7519, section 2: a NumericDate is a number of seconds, which may have a fraction.
    """
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LATEST:
        raise TokenRejected(TokenRejection.CLAIMS)
    return float(value)
