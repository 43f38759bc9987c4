"""The answer of the Lambda authorizer to AppSync."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NotRequired, TypedDict

from chalicelib.api.tokens import Identity, TokenVerifier
from chalicelib.jobs.errors import TokenRejected, TokenRejection

PREFIX: Final = "Lambda-Auth-"  # without a prefix, AppSync treats a JWT as Cognito's and does not call the authorizer
# The form of the texts that may be valid. AppSync refuses any other text without invoking the authorizer.
TOKEN_FORM: Final = rf"^{PREFIX}[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$"
LONGEST_CACHE: Final = 300  # seconds that AppSync may cache an answer
EXPIRY_MARGIN: Final = 10  # seconds before the token expires at which the cached answer ends

log = logging.getLogger(__name__)


class AuthorizerResponse(TypedDict):
    """Lambda authorizer to AppSync.

    Source:
        AppSync Developer Guide, "AWS_LAMBDA authorization".
    """

    isAuthorized: bool
    resolverContext: NotRequired[dict[str, str]]  # flat, and not empty; resolvers find it in `ctx.identity`
    deniedFields: NotRequired[list[str]]  # `Type.field`
    ttlOverride: NotRequired[int]  # seconds; 0 means that the answer is not cached


def authorize(
    event: object, verifier: TokenVerifier, *, denied_fields: Sequence[str], now: datetime
) -> AuthorizerResponse:
    """Allow only callers with a valid token.

    Args:
        event: AppSync's event, `{"authorizationToken": "Lambda-Auth-<JWT>", "requestContext": {...}}`. Any other value
            is denied.
        verifier: Verifies tokens with the issuer's keys.
        denied_fields: Fields as `Type.field` that no caller may use. The schema's directives deny them too; this also
            holds if a directive is lost.
        now: With a time zone.

    Returns:
        The answer to AppSync. The reason of a refusal is only logged.
    """
    try:
        identity = verifier.verify(_token(event), now=now)
    except TokenRejected as exc:
        log.info("token rejected", extra={"event": "token_rejected", "reason": exc.reason.value})
        return {"isAuthorized": False, "ttlOverride": 0}
    return {
        "isAuthorized": True,
        "resolverContext": {
            "sub": identity.sub,
            "username": identity.username,
            "clientId": identity.client_id,
            "tokenUse": identity.token_use.value,
        },
        "deniedFields": list(denied_fields),
        "ttlOverride": _cache_seconds(identity, now),
    }


def _token(event: object) -> str:
    value = event.get("authorizationToken") if isinstance(event, Mapping) else None
    if not isinstance(value, str) or not value.startswith(PREFIX):
        raise TokenRejected(TokenRejection.MALFORMED)
    return value.removeprefix(PREFIX)


def _cache_seconds(identity: Identity, now: datetime) -> int:
    left = (identity.expires_at - now).total_seconds() - EXPIRY_MARGIN
    return max(0, min(LONGEST_CACHE, int(left)))
