"""JSON Web Tokens of user pools and OpenID Connect providers: `iss` names the issuer, whose keys verify them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, assert_never

import jwt

from appsync_local.authorization import oidc, user_pools
from appsync_local.authorization.caller import Caller
from appsync_local.authorization.credentials import AuthorizationRequest, JsonWebToken
from appsync_local.authorization.oidc import OidcProvider
from appsync_local.authorization.published_keys import ALGORITHMS, Clock, Fetch, PublishedKeys
from appsync_local.authorization.user_pools import UserPool
from appsync_local.errors import NO_VALID_CREDENTIAL, unauthorized

TokenIssuer = UserPool | OidcProvider

CLOCK_SKEW: Final = 10.0  # seconds that the issuer's clock and ours may differ; the handlers' authorizer allows as many


class Tokens:
    """Verifies the tokens of all issuers of an API.

    Args:
        issuers: The user pools and providers.
        fetch: Reads their keys.
        clock: Seconds on a clock that never goes back.
        now: Returns the current time, in UTC.
    """

    def __init__(
        self, issuers: tuple[TokenIssuer, ...], *, fetch: Fetch, clock: Clock, now: Callable[[], datetime]
    ) -> None:
        known = [(issuer, PublishedKeys(_keys_url(issuer), fetch, clock)) for issuer in issuers]
        self._issuers = {issuer.issuer: (issuer, keys) for issuer, keys in known}
        # The tokens of a sole provider need not name it. Source: the guide, "OPENID_CONNECT authorization".
        self._sole_provider = known[0] if len(known) == 1 and isinstance(known[0][0], OidcProvider) else None
        self._now = now

    async def verify(self, credential: JsonWebToken, request: AuthorizationRequest) -> Caller:
        """The caller behind a token.

        Raises:
            RequestRefused: The token is forged or expired, is for another issuer or client, or is not a user's token.
        """
        try:
            header = jwt.get_unverified_header(credential.token)
            named = jwt.decode(credential.token, options={"verify_signature": False}).get("iss")
        except (jwt.PyJWTError, RecursionError):
            raise unauthorized("Unable to parse JWT token.") from None
        found = self._sole_provider or (self._issuers.get(named) if isinstance(named, str) else None)
        if found is None:
            raise unauthorized(NO_VALID_CREDENTIAL)
        issuer, keys = found
        key = await keys.get(str(header.get("kid")))
        if key is None:
            raise unauthorized(NO_VALID_CREDENTIAL)
        match issuer:
            case UserPool():
                claims = _claims(credential.token, key, user_pools.ALGORITHMS, user_pools.REQUIRED)
                return user_pools.caller(claims, issuer, request)
            case OidcProvider():
                claims = _claims(credential.token, key, ALGORITHMS[str(key.key_type)], oidc.REQUIRED)
                return oidc.caller(claims, issuer, self._now())
            case _:
                assert_never(issuer)


def _keys_url(issuer: TokenIssuer) -> str:
    match issuer:
        case UserPool():
            return issuer.jwks_url
        case OidcProvider():
            return issuer.keys_url
        case _:
            assert_never(issuer)


def _claims(token: str, key: jwt.PyJWK, algorithms: tuple[str, ...], required: tuple[str, ...]) -> Mapping[str, Any]:
    try:
        claims: dict[str, Any] = jwt.decode(
            token,
            key.key,
            algorithms=list(algorithms),
            leeway=CLOCK_SKEW,
            options={"require": list(required), "verify_aud": False},
        )
    except jwt.ExpiredSignatureError:
        raise unauthorized("Token has expired.") from None
    except jwt.PyJWTError:
        raise unauthorized(NO_VALID_CREDENTIAL) from None
    return claims
