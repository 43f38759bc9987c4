"""The credential of a request, and its kind, which is determined by its form alone.

Source: AppSync Developer Guide, "Configuring authorization and authentication". The order for a request with several
credentials is not documented. Here it is SigV4, API key, JWT, then the Lambda authorizer's token.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from appsync_local.api.model import AuthMode

TOKENS_KEPT: Final = 256
TOKEN_MODES: Final = frozenset({AuthMode.COGNITO, AuthMode.OIDC})

# Header names in lower case; a repeated header has a list.
Headers = Mapping[str, str | list[str]]


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """The parts of a request that authorization uses.

    Args:
        headers: The request's headers, or the authorization object of a realtime message, by lower-case name.
        path: The path that a signature covers.
        body: The exact body that a signature covers.
        peer: The address of the client's socket.
        query: The raw query string that a signature covers.
        method: The HTTP method that a signature covers.
        operation: The members that the Lambda authorizer receives: `queryString`, `variables`, and `operationName` if
            the client sent it.
    """

    headers: Headers
    path: str
    body: bytes
    peer: str
    query: str = ""
    operation: Mapping[str, object] = field(default_factory=dict)
    method: str = "POST"

    def header(self, name: str) -> str | None:
        """The value of a header, the first one of several; None if the header is missing."""
        value = self.headers.get(name)
        return value[0] if isinstance(value, list) else value

    @property
    def source_ips(self) -> list[str]:
        """The addresses in `x-forwarded-for`, followed by the peer."""
        forwarded = self.header("x-forwarded-for") or ""
        return [*(part.strip() for part in forwarded.split(",") if part.strip()), self.peer]


@dataclass(frozen=True, slots=True)
class Signature:
    """`Authorization: AWS4-HMAC-SHA256 ...`."""

    text: str


@dataclass(frozen=True, slots=True)
class ApiKeyHeader:
    """`x-api-key`."""

    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class JsonWebToken:
    """A JWT, without `Bearer`."""

    token: str


@dataclass(frozen=True, slots=True)
class AuthorizerToken:
    """Any other text in `Authorization`, for the Lambda authorizer."""

    token: str


Credential = Signature | ApiKeyHeader | JsonWebToken | AuthorizerToken


def credential_of(request: AuthorizationRequest, modes: AbstractSet[AuthMode]) -> Credential | None:
    """The credential to verify; None if the request has no credential for any of the modes."""
    authorization = request.header("authorization")
    if authorization and authorization.startswith("AWS4-HMAC-SHA256") and AuthMode.IAM in modes:
        return Signature(authorization)
    key = request.header("x-api-key")
    if key and AuthMode.API_KEY in modes:
        return ApiKeyHeader(key)
    if not authorization:
        return None
    token = authorization.removeprefix("Bearer ").strip()
    # If JWTs are the only accepted credential, any other text is treated as one too, and refused as unreadable.
    if (modes & TOKEN_MODES and _is_jwt(token)) or modes <= TOKEN_MODES:
        return JsonWebToken(token)
    return AuthorizerToken(authorization) if AuthMode.LAMBDA in modes else None


@lru_cache(maxsize=TOKENS_KEPT)  # a client sends the same token with each request
def _is_jwt(token: str) -> bool:
    parts = token.split(".")
    if len(parts) != 3:
        return False
    try:
        header = json.loads(base64.urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return False
    return isinstance(header, dict) and "alg" in header
