"""OpenID Connect providers: the settings of a provider, and the caller behind one of its tokens.

Source: AppSync Developer Guide, "OPENID_CONNECT authorization".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from appsync_local.api.model import AuthMode
from appsync_local.authorization.caller import Caller
from appsync_local.errors import NO_VALID_CREDENTIAL, unauthorized

REQUIRED: Final = ("exp", "iat", "sub")


@dataclass(frozen=True, slots=True)
class OidcProvider:
    """A provider with accepted tokens.

    Args:
        issuer: The `iss` claim of its tokens.
        jwks_url: The address of its public keys; None: they are found through its discovery document.
        client_id_regex: Must match the whole `aud` or `azp` of a token; None accepts every client.
        iat_ttl_ms: Milliseconds after `iat` for which a token is valid; None: until it expires.
        auth_ttl_ms: Milliseconds after `auth_time` for which a token is valid; None: until it expires.
    """

    issuer: str
    jwks_url: str | None = None
    client_id_regex: str | None = None
    iat_ttl_ms: int | None = None
    auth_ttl_ms: int | None = None

    @property
    def keys_url(self) -> str:
        """The address of the keys, or of the discovery document with that address."""
        return self.jwks_url or f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"


def caller(claims: Mapping[str, Any], provider: OidcProvider, now: datetime) -> Caller:
    """The caller behind a token whose signature and `exp` are already verified.

    Raises:
        RequestRefused: The token is for another client, or older than the settings of the provider allow.
    """
    if provider.client_id_regex is not None:
        audience = claims.get("aud")
        clients = [*(audience if isinstance(audience, list) else [audience]), claims.get("azp")]
        if not any(isinstance(client, str) and re.fullmatch(provider.client_id_regex, client) for client in clients):
            raise unauthorized(NO_VALID_CREDENTIAL)
    for name, lifetime in (("iat", provider.iat_ttl_ms), ("auth_time", provider.auth_ttl_ms)):
        if lifetime is not None and not _is_within(claims.get(name), lifetime, now):
            raise unauthorized("Token has expired.")
    identity = {"sub": claims["sub"], "issuer": claims.get("iss"), "claims": claims}
    return Caller(mode=AuthMode.OIDC, identity=identity)


def _is_within(moment: object, lifetime_ms: int, now: datetime) -> bool:
    if not isinstance(moment, int | float):
        return False
    return now.timestamp() <= moment + timedelta(milliseconds=lifetime_ms).total_seconds()
