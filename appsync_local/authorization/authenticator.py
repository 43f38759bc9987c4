"""Authentication: from the credential of a request to a verified caller."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, assert_never

from appsync_local.api.model import AuthMode
from appsync_local.authorization.api_keys import ApiKey, ApiKeys
from appsync_local.authorization.caller import Caller
from appsync_local.authorization.credentials import (
    TOKEN_MODES,
    ApiKeyHeader,
    AuthorizationRequest,
    AuthorizerToken,
    JsonWebToken,
    Signature,
    credential_of,
)
from appsync_local.authorization.user_pools import UserPool
from appsync_local.errors import NO_VALID_CREDENTIAL, unauthorized

if TYPE_CHECKING:  # imported for the modes that the API has, so that it starts faster without the others
    from appsync_local.authorization.lambda_authorizer import LambdaAuthorizer
    from appsync_local.authorization.oidc import OidcProvider
    from appsync_local.authorization.published_keys import Clock, Fetch
    from appsync_local.authorization.sigv4 import IamPrincipal
    from appsync_local.authorization.tokens import TokenIssuer, Tokens


@dataclass(frozen=True, slots=True)
class TrustedIdentities:
    """The accepted issuers, keys and principals. Those of a mode that the API does not have are ignored."""

    user_pools: tuple[UserPool, ...] = ()
    oidc_providers: "tuple[OidcProvider, ...]" = ()
    api_keys: tuple[ApiKey, ...] = ()
    principals: "tuple[IamPrincipal, ...]" = ()


class Authenticator:
    """Authenticates requests and realtime messages. The mode follows from the kind of the credential.

    Args:
        modes: The API's modes.
        trusted: The identities and issuers that are accepted, by mode.
        authorizer: Decides about tokens that are not JWTs; None if the API has no such mode.
        region: The region that signatures must be for.
        fetch: Reads the keys of token issuers.
        clock: Seconds on a clock that never goes back.
        now: Returns the current time, in UTC.
    """

    def __init__(
        self,
        modes: tuple[AuthMode, ...],
        *,
        trusted: TrustedIdentities,
        authorizer: "LambdaAuthorizer | None",
        region: str,
        fetch: "Fetch",
        clock: "Clock",
        now: Callable[[], datetime],
    ) -> None:
        self._modes = frozenset(modes)
        self._authorizer = authorizer
        self._api_keys = ApiKeys(trusted.api_keys, now=now)
        issuers: tuple[TokenIssuer, ...] = (
            *(trusted.user_pools if AuthMode.COGNITO in modes else ()),
            *(trusted.oidc_providers if AuthMode.OIDC in modes else ()),
        )
        self._tokens = _tokens(issuers, fetch, clock, now) if self._modes & TOKEN_MODES else None
        self._verify_signature = _signature_check(trusted, region, now) if AuthMode.IAM in modes else None

    async def authenticate(self, request: AuthorizationRequest, request_id: str) -> Caller:
        """The caller.

        Raises:
            RequestRefused: There is no credential or it is invalid (401), or it cannot be checked now (429, 503).
        """
        credential = credential_of(request, self._modes)
        match credential:
            case Signature():
                if self._verify_signature is None:
                    raise unauthorized(NO_VALID_CREDENTIAL)
                return self._verify_signature(credential, request)
            case ApiKeyHeader():
                return self._api_keys.verify(credential)
            case JsonWebToken():
                if self._tokens is None:
                    raise unauthorized(NO_VALID_CREDENTIAL)
                return await self._tokens.verify(credential, request)
            case AuthorizerToken():
                if self._authorizer is None:
                    raise unauthorized(NO_VALID_CREDENTIAL)
                return await self._authorizer.verify(credential, request, request_id)
            case None:
                raise unauthorized(NO_VALID_CREDENTIAL)
            case _:
                assert_never(credential)


def _signature_check(
    trusted: TrustedIdentities, region: str, now: Callable[[], datetime]
) -> Callable[[Signature, AuthorizationRequest], Caller]:
    from appsync_local.authorization.sigv4 import verify

    principals = {principal.access_key_id: principal for principal in trusted.principals}
    return lambda signature, request: verify(signature, request, principals=principals, region=region, now=now())


def _tokens(
    issuers: "tuple[TokenIssuer, ...]", fetch: "Fetch", clock: "Clock", now: Callable[[], datetime]
) -> "Tokens":
    from appsync_local.authorization.tokens import Tokens  # imports cryptography: 10 MB of memory, and start-up time

    return Tokens(issuers, fetch=fetch, clock=clock, now=now)
