"""The door of the API: from what a client sent to a verified caller."""

from collections.abc import Callable
from datetime import datetime
from typing import assert_never

from appsync_local.authorization.caller import Caller
from appsync_local.authorization.credentials import JsonWebToken, Opaque, Presented, Signature, credential_of
from appsync_local.authorization.lambda_authorizer import LambdaAuthorizer
from appsync_local.authorization.sigv4 import IamPrincipal, verify
from appsync_local.authorization.user_pools import UserPools
from appsync_local.errors import NO_VALID_CREDENTIAL, unauthorized
from infrastructure.wiring import AuthMode


class Gate:
    """Authenticates requests and realtime messages alike; the mode is inferred from what was sent."""

    def __init__(
        self,
        modes: tuple[AuthMode, ...],
        *,
        authorizer: LambdaAuthorizer | None,
        user_pools: UserPools,
        principals: tuple[IamPrincipal, ...],
        region: str,
        now: Callable[[], datetime],
    ) -> None:
        self._modes = frozenset(modes)
        self._authorizer = authorizer
        self._user_pools = user_pools
        self._principals = {principal.access_key_id: principal for principal in principals}
        self._region = region
        self._now = now

    async def authenticate(self, presented: Presented, request_id: str) -> Caller:
        """The caller.

        Raises:
            RequestRefused: No credential, or one that proves nothing.
        """
        credential = credential_of(presented, self._modes)
        match credential:
            case Signature():
                return verify(credential, presented, principals=self._principals, region=self._region, now=self._now())
            case JsonWebToken():
                return await self._user_pools.verify(credential, presented)
            case Opaque():
                if self._authorizer is None:
                    raise unauthorized(NO_VALID_CREDENTIAL)
                return await self._authorizer.verify(credential, presented, request_id)
            case None:
                raise unauthorized(NO_VALID_CREDENTIAL)
            case _:
                assert_never(credential)
