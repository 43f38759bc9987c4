"""What a client sent to prove who it is, told apart by its shape alone.

Source: AppSync Developer Guide, "Configuring authorization and authentication". Which one wins when several are sent is
not documented; here it is SigV4, API key, JWT, then the Lambda authorizer's token.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final

from appsync_local.api.model import AuthMode

TOKEN_MODES: Final = frozenset({AuthMode.COGNITO, AuthMode.OIDC})

# Header names in lower case; a header that was sent more than once has a list.
Headers = Mapping[str, str | list[str]]


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A request as far as authorization looks at it.

    Args:
        headers: The request's headers, or the authorization object of a realtime message, by lower-case name.
        path: Path that a signature covers.
        query: Raw query string that a signature covers.
        body: The exact body that a signature covers.
        peer: Address of the client's socket.
        operation: What the Lambda authorizer is told: `queryString`, `variables`, and `operationName` if it was sent.
    """

    headers: Headers
    path: str
    body: bytes
    peer: str
    query: str = ""
    operation: Mapping[str, object] = field(default_factory=dict)

    def header(self, name: str) -> str | None:
        """One header's value, the first of several."""
        value = self.headers.get(name)
        return value[0] if isinstance(value, list) else value

    @property
    def source_ips(self) -> list[str]:
        """`x-forwarded-for`, then the peer."""
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
    """Anything else in `Authorization`: for the Lambda authorizer."""

    token: str


Credential = Signature | ApiKeyHeader | JsonWebToken | AuthorizerToken


def credential_of(request: AuthorizationRequest, modes: AbstractSet[AuthMode]) -> Credential | None:
    """The credential that decides, None where nothing was sent that any of the modes takes."""
    authorization = request.header("authorization")
    if authorization and authorization.startswith("AWS4-HMAC-SHA256") and AuthMode.IAM in modes:
        return Signature(authorization)
    key = request.header("x-api-key")
    if key and AuthMode.API_KEY in modes:
        return ApiKeyHeader(key)
    if not authorization:
        return None
    token = authorization.removeprefix("Bearer ").strip()
    # Where nothing but tokens is taken, text of any shape is read as one, and refused as unreadable.
    if (modes & TOKEN_MODES and _is_jwt(token)) or modes <= TOKEN_MODES:
        return JsonWebToken(token)
    return AuthorizerToken(authorization) if AuthMode.LAMBDA in modes else None


def _is_jwt(token: str) -> bool:
    parts = token.split(".")
    if len(parts) != 3:
        return False
    try:
        header = json.loads(base64.urlsafe_b64decode(parts[0] + "=" * (-len(parts[0]) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        return False
    return isinstance(header, dict) and "alg" in header
