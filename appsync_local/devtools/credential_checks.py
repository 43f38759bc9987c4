"""What the doctor says about a credential: its mode, its claims, and why it was refused."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import jwt

from appsync_local.api.model import AuthMode
from appsync_local.authorization.credentials import ApiKeyHeader, AuthorizerToken, JsonWebToken, Signature
from appsync_local.authorization.user_pools import UserPool
from appsync_local.devtools.findings import CheckStatus, Finding, duration
from appsync_local.devtools.operation_log import printable
from appsync_local.errors import RequestRefused

_JWT: Final = re.compile(r"eyJ[\w-]*\.[\w-]+\.[\w-]*$")  # the header of a JWT is a JSON object in base64


@dataclass(frozen=True, slots=True)
class TokenRequirements:
    """The tokens that the API or its authorizer accepts.

    Args:
        pools: The user pools whose tokens are accepted.
        prefix: The text that the authorizer expects before a JWT.
        renewal: How to get a new token, as advice.
    """

    pools: tuple[UserPool, ...] = ()
    prefix: str = ""
    renewal: str = "sign in again"


def mode_finding(credential: object, modes: Sequence[AuthMode]) -> Finding:
    """The mode that the credential belongs to."""
    match credential:
        case Signature():
            found = "AWS_IAM: a signature covers one request only, so it cannot be checked here"
            return Finding("mode", CheckStatus.NOTE, found)
        case ApiKeyHeader():
            return Finding("mode", CheckStatus.GOOD, "API_KEY: there is an x-api-key header")
        case JsonWebToken():
            why = "AppSync itself checks a JWT without a prefix"
            name = next((m.value for m in modes if m in (AuthMode.COGNITO, AuthMode.OIDC)), "JWT")
            return Finding("mode", CheckStatus.GOOD, f"{name}: {why}")
        case AuthorizerToken():
            why = "it is not a plain JWT, so the authorizer function decides"
            return Finding("mode", CheckStatus.GOOD, f"AWS_LAMBDA: {why}")
        case _:
            accepted = ", ".join(mode.value for mode in modes)
            found = f"there is no credential for any of the API's modes: {accepted}"
            return Finding("mode", CheckStatus.BAD, found, "send a token in the Authorization header")


def token_in(credential: object) -> str | None:
    """The JWT in a credential, with or without a prefix; None if there is none."""
    match credential:
        case JsonWebToken(text) | AuthorizerToken(text):
            found = _JWT.search(text)
            return found.group() if found else None
        case _:
            return None


def claim_findings(token: str, requirements: TokenRequirements, now: float) -> Iterator[Finding]:
    """The claims of a token. The authenticator or the authorizer checks its signature."""
    renewal = requirements.renewal
    try:
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        yield Finding("token", CheckStatus.BAD, "it is not a readable JWT", f"copy all of it, or {renewal}")
        return
    user = claims.get("cognito:username") or claims.get("username") or claims.get("sub") or "nobody"
    use = claims.get("token_use")
    if requirements.pools and use not in ("access", "id"):
        found = f"it is for {user}, and neither an access nor an ID token"
        yield Finding("token", CheckStatus.BAD, printable(found), renewal)
    else:
        yield Finding("token", CheckStatus.GOOD, printable(f"{use or 'a'} token of {user}"))
    yield from _origin(claims, requirements)
    expiry = claims.get("exp")
    if not isinstance(expiry, int | float):
        yield Finding("expiry", CheckStatus.BAD, "the token has no `exp` claim", renewal)
    elif expiry <= now:
        yield Finding("expiry", CheckStatus.BAD, f"it expired {duration(now - expiry)} ago", renewal)
    else:
        yield Finding("expiry", CheckStatus.GOOD, f"valid for another {duration(expiry - now)}")


def _origin(claims: Mapping[str, Any], requirements: TokenRequirements) -> Iterator[Finding]:
    renewal = requirements.renewal
    issuer, client = claims.get("iss"), claims.get("client_id") or claims.get("aud")
    if not requirements.pools:
        yield Finding("issuer", CheckStatus.NOTE, printable(str(issuer)))
        return
    pool = next((pool for pool in requirements.pools if pool.issuer == issuer), None)
    if pool is None:
        accepted = ", ".join(pool.issuer for pool in requirements.pools)
        found = f"{issuer}, but this stack accepts tokens of {accepted}"
        yield Finding("issuer", CheckStatus.BAD, printable(found), renewal)
        return
    yield Finding("issuer", CheckStatus.GOOD, printable(f"{issuer}, the user pool of this stack"))
    if pool.client_id_regex is not None and not re.fullmatch(pool.client_id_regex, str(client)):
        found = f"{client}, but this stack's client is {pool.client_id_regex}"
        yield Finding("client", CheckStatus.BAD, printable(found), renewal)
    else:
        yield Finding("client", CheckStatus.GOOD, printable(str(client)))


def refusal_finding(
    refused: RequestRefused, credential: object, problems: Sequence[Finding], requirements: TokenRequirements
) -> Finding:
    """Why the credential was refused.

    Args:
        refused: The error of the authenticator.
        credential: The credential.
        problems: The bad findings about its claims.
        requirements: The tokens that are accepted.
    """
    has_token = token_in(credential) is not None
    advice: str | None
    match credential:
        case _ if refused.status in (429, 503):
            advice = "the authorizer function could not be invoked now; try again"
        case _ if problems:
            advice = problems[0].advice
        case JsonWebToken():
            advice = f"its claims are valid, so its signature is not: it was changed or forged; {requirements.renewal}"
        case AuthorizerToken(text) if has_token and not text.startswith(requirements.prefix):
            advice = f"the authorizer expects {requirements.prefix!r} before the JWT; put it there"
        case AuthorizerToken() if has_token:
            advice = "its claims are valid, so the authorizer function rejects its signature, or failed: see its log"
        case AuthorizerToken():
            advice = f"there is no JWT in it; {requirements.renewal}"
        case _:
            advice = "check the key, and when it expires"
    return Finding("caller", CheckStatus.BAD, f"refused: {refused.error_type}, {refused.message}", advice)
