"""The public keys of a token issuer, fetched over HTTP and kept.

Source: RFC 7517, "JSON Web Key"; OpenID Connect Discovery 1.0, section 4.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import jwt

REFETCH_AFTER: Final = 30.0  # seconds between two fetches of one issuer's keys, whatever key ids are asked for
RETRY_AFTER: Final = 1.0  # seconds, where the last fetch failed

# By the `kty` of a key: what it may have signed. A key decides for itself, and so a token cannot turn an RSA key into
# an HMAC secret by naming another algorithm.
ALGORITHMS: Final[Mapping[str, tuple[str, ...]]] = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "EC": ("ES256", "ES384", "ES512"),
    "oct": ("HS256", "HS384", "HS512"),
}

log = logging.getLogger("appsync_local")

# Gives the body of a URL; raises OSError when there is none.
Fetch = Callable[[str], Awaitable[bytes]]
Clock = Callable[[], float]


class PublishedKeys:
    """The keys of one issuer: fetched when first needed, kept, fetched again for a key id that is not among them.

    Args:
        url: Where the keys are, or a discovery document that says so.
        fetch: Gets it.
        clock: Seconds, growing.
    """

    def __init__(self, url: str, fetch: Fetch, clock: Clock) -> None:
        self._url = url
        self._fetch = fetch
        self._clock = clock
        self._keys: dict[str, jwt.PyJWK] = {}
        self._next_fetch: float | None = None
        self._lock = asyncio.Lock()

    async def get(self, key_id: str) -> jwt.PyJWK | None:
        """The key with this id, None where the issuer has none."""
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
            keys = [key for key in document["keys"] if key.get("kty") in ALGORITHMS]
            self._keys = {key["kid"]: jwt.PyJWK.from_dict(key) for key in keys}
            self._next_fetch = self._clock() + REFETCH_AFTER
        except (OSError, ValueError, KeyError, TypeError, AttributeError, jwt.PyJWTError) as error:
            log.warning("the keys of a token issuer could not be read from %s: %s", self._url, type(error).__name__)
            self._next_fetch = self._clock() + RETRY_AFTER
