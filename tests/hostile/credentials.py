"""Valid and invalid credentials as request headers."""

import base64
import json
from collections.abc import Callable
from random import Random
from typing import Any, Final

from tests.hostile.application import KEY, PRINCIPAL, SLOW
from tests.hostile.values import corrupted, value
from tests.support.issuer import ISSUER

_TEXTS: Final = (
    "",
    " ",
    "Bearer ",
    "Bearer",
    "Bearer a.b.c",
    "a.b.c",
    "..",
    "null",
    "x" * 4000,
    "ü\udcff",
    "AWS4-HMAC-SHA256",
    "Basic Zm9v",
    "a\tb",
    f"{SLOW}token",
)
_ALGORITHMS: Final[tuple[Any, ...]] = ("none", "HS256", "RS256", "ES256", "PS512", "", None, 1, [], {"a": 1}, "x" * 500)


def headers(rng: Random) -> dict[str, str]:
    """Return headers with valid or invalid credentials of one or two modes; header names vary in case."""
    found = rng.choice(_KINDS)(rng)
    if rng.random() < 0.3:
        found |= rng.choice(_KINDS)(rng)
    return found


def _key(rng: Random) -> dict[str, str]:
    return {rng.choice(("x-api-key", "X-Api-Key")): rng.choice((KEY, KEY + "x", "", "da2-ü", "\udcff", "x" * 5000))}


def _text(rng: Random) -> dict[str, str]:
    return {"Authorization": rng.choice(_TEXTS)}


def _part(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _token(rng: Random) -> dict[str, str]:
    header = {
        "alg": rng.choice(_ALGORITHMS),
        "kid": rng.choice(("first", "second", "none", None, 1, {"a": []})),
        "crit": value(rng, 1),
        "b64": value(rng, 0),
    }
    claims = {
        "iss": rng.choice((ISSUER, None, 1, [], {"a": 1}, "https://else.where")),
        "exp": value(rng, 0),
        "iat": value(rng, 0),
        "sub": value(rng, 1),
        "token_use": value(rng, 0),
        "nbf": value(rng, 0),
    }
    kept = {name: found for name, found in header.items() if rng.random() < 0.8}
    parts = [
        json.dumps(kept).encode(),
        json.dumps({n: c for n, c in claims.items() if rng.random() < 0.8}).encode(),
        rng.randbytes(rng.choice((0, 32, 256))),
    ]
    if rng.random() < 0.3:
        at = rng.randrange(3)
        parts[at] = corrupted(rng, parts[at])
    if rng.random() < 0.1:
        parts[rng.randrange(2)] = b"[" * 5000
    return {"authorization": rng.choice(("", "Bearer ")) + ".".join(map(_part, parts))}


def _signature(rng: Random) -> dict[str, str]:
    key = rng.choice((PRINCIPAL.access_key_id, "AKIDNOBODY", "", "ü"))
    day, region = rng.choice(("20260101", "99999999", "٢٠٢٦٠١٠١", "")), rng.choice(("us-east-1", "", "x" * 2000))
    signed = rng.choice(("host;x-amz-date", "host;x-amz-date;" + "a;" * 2000, ";", "", "host;x-amz-date;\udcff"))
    scope = f"{key}/{day}/{region}/appsync/aws4_request"
    text = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={signed}, Signature={'0' * 64}"
    stamp = rng.choice(("20260101T000000Z", "99999999T999999Z", "", "٢٠٢٦٠١٠١T000000Z", f"{day}T000000Z"))
    if rng.random() < 0.3:
        text = corrupted(rng, text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")
    return {"authorization": text.replace("\r", "").replace("\n", "").replace("\0", ""), "x-amz-date": stamp}


_KINDS: Final[tuple[Callable[[Random], dict[str, str]], ...]] = (_key, _text, _token, _token, _signature, _signature)
