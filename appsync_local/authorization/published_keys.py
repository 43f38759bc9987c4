"""The public keys of a token issuer: fetched over HTTP when first needed, then cached.

Source: RFC 7517, "JSON Web Key"; OpenID Connect Discovery 1.0, section 4.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import jwt

REFETCH_AFTER: Final = 30.0  # minimum seconds between two successful fetches of one issuer's keys
RETRY_AFTER: Final = 1.0  # minimum seconds between two fetches after one that failed

# The algorithms that a key may be used for, by its `kty`. The key decides and the token does not: otherwise a token
# could turn a public RSA key into an HMAC secret by naming another algorithm.
ALGORITHMS: Final[Mapping[str, tuple[str, ...]]] = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "EC": ("ES256", "ES384", "ES512"),
    "oct": ("HS256", "HS384", "HS512"),
}

log = logging.getLogger("appsync_local")

# Returns the body of a URL. Raises OSError if the request fails.
Fetch = Callable[[str], Awaitable[bytes]]
Clock = Callable[[], float]


class PublishedKeys:
    """The keys of one issuer. They are fetched again when a token names a key id that is not cached.

    Args:
        url: Address of the key set, or of a discovery document with a `jwks_uri`.
        fetch: Reads a URL.
        clock: Seconds on a clock that never goes back.
    """

    def __init__(self, url: str, fetch: Fetch, clock: Clock) -> None:
        self._url = url
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, jwt.PyJWK] = {}
        self._next_fetch: float | None = None
        self._lock = asyncio.Lock()

    async def get(self, key_id: str) -> jwt.PyJWK | None:
        """The key with this id; None if the issuer does not publish it or its keys cannot be read."""
        if key_id not in self._keys:
            async with self._lock:
                if key_id not in self._keys and self._may_fetch():
                    await self._load()
        return self._keys.get(key_id)

    def _may_fetch(self) -> bool:
        return self._next_fetch is None or self._clock() >= self._next_fetch

    async def _load(self) -> None:
        try:
            document: Any = json.loads(await self._fetch(self._url))
            if "jwks_uri" in document:
                document = json.loads(await self._fetch(document["jwks_uri"]))
            keys, skipped = _usable_keys(document["keys"])
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            log.warning("the keys of a token issuer could not be read from %s: %s", self._url, type(error).__name__)
            self._next_fetch = self._clock() + RETRY_AFTER
            return
        if skipped:
            log.warning("%d of the keys at %s cannot be used and were skipped", skipped, self._url)
        if not keys:
            log.warning("there is no usable key at %s; expected RSA, EC or oct keys with a `kid`", self._url)
            self._next_fetch = self._clock() + RETRY_AFTER
            return
        self._keys = keys
        self._next_fetch = self._clock() + REFETCH_AFTER


def _usable_keys(published: Any) -> tuple[dict[str, jwt.PyJWK], int]:
    """The keys that tokens may be verified with, by key id, and the number of those that were skipped.

    Source: RFC 7517, section 5: a key that is not understood, lacks required members or has values out of range is
    ignored.
    """
    if not isinstance(published, list):
        raise TypeError("`keys` must be a list")
    keys: dict[str, jwt.PyJWK] = {}
    for entry in published:
        key = _signing_key(entry)
        if key is not None and isinstance(key.key_id, str):
            keys[key.key_id] = key
    return keys, len(published) - len(keys)


def _signing_key(entry: Any) -> jwt.PyJWK | None:
    if not isinstance(entry, dict) or str(entry.get("kty")) not in ALGORITHMS or entry.get("use", "sig") != "sig":
        return None
    try:
        return jwt.PyJWK.from_dict(entry)
    except (jwt.PyJWTError, ValueError, TypeError):
        return None  # one unusable key must not disable the issuer's other keys
