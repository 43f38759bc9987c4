"""Amazon Cognito user pools: the settings of a pool, and the caller behind one of its tokens.

Source: Amazon Cognito Developer Guide, "Verifying JSON web tokens"; AppSync Developer Guide,
"AMAZON_COGNITO_USER_POOLS authorization".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from appsync_local.api.model import AuthMode
from appsync_local.authorization.caller import Caller
from appsync_local.authorization.credentials import AuthorizationRequest
from appsync_local.errors import NO_VALID_CREDENTIAL, unauthorized

ALGORITHMS: Final = ("RS256",)
REQUIRED: Final = ("exp", "iss", "sub", "token_use")


class DefaultAction(Enum):
    """The rule for fields without directives, if user pools are the only mode of the API."""

    ALLOW = "ALLOW"
    DENY = "DENY"


@dataclass(frozen=True, slots=True)
class UserPool:
    """A user pool with accepted tokens.

    Args:
        issuer: The `iss` claim of its tokens.
        jwks_url: The address of its public keys.
        client_id_regex: Must match the whole id of the app client; None accepts every client.
        default_action: The rule for fields without directives; DENY only if this is the only mode of the API.
    """

    issuer: str
    jwks_url: str
    client_id_regex: str | None = None
    default_action: DefaultAction = DefaultAction.ALLOW


def caller(claims: Mapping[str, Any], pool: UserPool, request: AuthorizationRequest) -> Caller:
    """The caller behind a token whose signature and lifetime are already verified.

    Raises:
        RequestRefused: The token is for another app client, or is neither an ID token nor an access token.
    """
    match claims["token_use"]:
        case "id":
            client = claims.get("aud")
        case "access":
            client = claims.get("client_id")
        case _:
            raise unauthorized(NO_VALID_CREDENTIAL)
    if pool.client_id_regex is not None and not re.fullmatch(pool.client_id_regex, str(client)):
        raise unauthorized(NO_VALID_CREDENTIAL)
    groups = claims.get("cognito:groups")
    known = [str(group) for group in groups] if isinstance(groups, list) else None
    return Caller(
        mode=AuthMode.COGNITO,
        identity={
            "sub": claims["sub"],
            "issuer": claims["iss"],
            "username": claims.get("cognito:username") or claims.get("username"),
            "claims": claims,
            "sourceIp": request.source_ips,
            "defaultAuthStrategy": pool.default_action.value,
            "groups": known,
        },
        groups=frozenset(known or ()),
    )
