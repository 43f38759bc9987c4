"""Why a credential may or may not use a field: every check that the engine makes, one by one, with what to do.

Served at `/doctor` to this machine only. A token is decoded here and shown to nobody but the API's own authorizer; what
is told about it are claims that its bearer may see, never the token.
"""

import re
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final, Protocol

import jwt
import orjson
from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema

from appsync_local.api.endpoints import GRAPHQL_PATH
from appsync_local.api.model import AuthMode
from appsync_local.authorization.authenticator import Authenticator
from appsync_local.authorization.caller import Caller, Rule
from appsync_local.authorization.credentials import (
    ApiKeyHeader,
    AuthorizationRequest,
    AuthorizerToken,
    JsonWebToken,
    Signature,
    credential_of,
)
from appsync_local.authorization.user_pools import UserPool
from appsync_local.devtools.health import Health
from appsync_local.devtools.operation_log import caller_name, printable
from appsync_local.devtools.pages import Page, PageRequest, is_from_this_machine, json_page
from appsync_local.errors import RequestRefused

PATH: Final = "/doctor"
_JWT: Final = re.compile(r"eyJ[\w-]*\.[\w-]+\.[\w-]*$")  # a JWT's header is JSON, and so it begins like this
_DIRECTIVES: Final[Mapping[AuthMode, str]] = {
    AuthMode.LAMBDA: "@aws_lambda",
    AuthMode.COGNITO: "@aws_cognito_user_pools",
    AuthMode.IAM: "@aws_iam",
    AuthMode.OIDC: "@aws_oidc",
    AuthMode.API_KEY: "@aws_api_key",
}


class CheckStatus(StrEnum):
    """What one check says."""

    GOOD = "good"
    BAD = "bad"
    NOTE = "note"  # neither: something to know


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what it was about, what was found, and what to do where it is bad."""

    about: str
    verdict: CheckStatus
    found: str
    advice: str | None = None


@dataclass(frozen=True, slots=True)
class TokenRequirements:
    """What the embedder knows of its own tokens.

    Args:
        pools: User pools whose tokens are accepted, by the API or by its authorizer.
        prefix: What the authorizer wants before a JWT.
        renewal: How to come by a new token, as advice.
    """

    pools: tuple[UserPool, ...] = ()
    prefix: str = ""
    renewal: str = "sign in again"


class AccessRules(Protocol):
    """The parts of an API that decide who may use which field."""

    @property
    def schema(self) -> GraphQLSchema: ...

    @property
    def modes(self) -> tuple[AuthMode, ...]: ...

    @property
    def rules(self) -> Mapping[str, Rule]: ...


class ServedApi(Protocol):
    """An API that answers requests, as far as the doctor checks it."""

    @property
    def api(self) -> AccessRules: ...

    @property
    def authenticator(self) -> Authenticator: ...


class Doctor:
    """`POST /doctor` with `{"headers": {"authorization": …}, "field": "Mutation.updateStatus" or null}`.

    The answer is `{"findings": [{about, verdict, found, advice}], "health": …}`, with `Health.describe()`.

    Args:
        service: The one that answers requests now.
        requirements: What is known of tokens here.
        health: The background work to report.
        now: Seconds since the epoch.
    """

    def __init__(
        self,
        service: Callable[[], ServedApi],
        requirements: TokenRequirements,
        health: Health | None = None,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._service = service
        self._health = health or Health()
        self._requirements = requirements
        self._now = now

    async def answer(self, request: PageRequest) -> Page | None:
        """See `PageProvider`."""
        if request.path != PATH:
            return None
        if not is_from_this_machine(request):
            return json_page({"error": "the doctor is for this machine, under a loopback name"}, 403)
        if request.method != "POST":
            return json_page({"error": "send a POST request"}, 405)
        try:
            wanted = orjson.loads(request.body)
            headers = {str(name).lower(): str(value) for name, value in wanted["headers"].items()}
            field = wanted.get("field")
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
            return json_page({"error": 'expected {"headers": {…}, "field": …} as JSON'}, 400)
        findings = [finding async for finding in self._findings(headers, None if field is None else str(field))]
        health = self._health.describe()
        return json_page({"findings": [asdict(finding) for finding in findings], "health": health})

    async def _findings(self, headers: Mapping[str, str], field: str | None) -> AsyncIterator[Finding]:
        service = self._service()
        to_check = AuthorizationRequest(
            headers, GRAPHQL_PATH, b"", "127.0.0.1", operation={"queryString": "", "variables": {}}
        )
        credential = credential_of(to_check, frozenset(service.api.modes))
        yield _mode(credential, service.api.modes)
        token = _token_in(credential)
        problems: list[Finding] = []
        if token is not None:
            for finding in _claims(token, self._requirements, self._now()):
                problems += [finding] if finding.verdict is CheckStatus.BAD else []
                yield finding
        caller: Caller | None = None
        if not isinstance(credential, Signature | None):
            try:
                caller = await service.authenticator.authenticate(to_check, str(uuid.uuid4()))
            except RequestRefused as refused:
                yield _refused(refused, credential, problems, self._requirements, has_token=token is not None)
            else:
                yield Finding("caller", CheckStatus.GOOD, f"let in as {caller_name(caller)}")
                if caller.denied:
                    denied = ", ".join(sorted(caller.denied))
                    yield Finding("denied fields", CheckStatus.NOTE, f"the authorizer refuses {printable(denied)}")
        if field is not None:
            for finding in _about_field(service, field, caller):
                yield finding


def _mode(credential: object, modes: Sequence[AuthMode]) -> Finding:
    taken = ", ".join(mode.value for mode in modes)
    match credential:
        case Signature():
            found = "AWS_IAM: it is a signature, which covers one request only and cannot be tried here"
            return Finding("mode", CheckStatus.NOTE, found)
        case ApiKeyHeader():
            return Finding("mode", CheckStatus.GOOD, "API_KEY: there is an x-api-key header")
        case JsonWebToken():
            why = "a JWT without a prefix is always checked by AppSync itself"
            name = next((m.value for m in modes if m in (AuthMode.COGNITO, AuthMode.OIDC)), "JWT")
            return Finding("mode", CheckStatus.GOOD, f"{name}: {why}")
        case AuthorizerToken():
            why = "it is no bare JWT, so the authorizer function decides"
            return Finding("mode", CheckStatus.GOOD, f"AWS_LAMBDA: {why}")
        case _:
            advice = "send a token in the Authorization header"
            return Finding("mode", CheckStatus.BAD, f"nothing was sent that this API takes: {taken}", advice)


def _token_in(credential: object) -> str | None:
    """The JWT itself, or the one that stands after some prefix."""
    match credential:
        case JsonWebToken(text) | AuthorizerToken(text):
            found = _JWT.search(text)
            return found.group() if found else None
        case _:
            return None


def _claims(token: str, requirements: TokenRequirements, now: float) -> Iterator[Finding]:
    """What a token says of itself; its signature is for the authenticator or the authorizer to check."""
    try:
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        yield Finding("token", CheckStatus.BAD, "it is no readable JWT", f"copy it whole, or {requirements.renewal}")
        return
    who = claims.get("cognito:username") or claims.get("username") or claims.get("sub") or "nobody"
    use = claims.get("token_use")
    if requirements.pools and use not in ("access", "id"):
        found = f"it is for {who}, and neither an access nor an ID token"
        yield Finding("token", CheckStatus.BAD, printable(found), requirements.renewal)
    else:
        yield Finding("token", CheckStatus.GOOD, printable(f"{use or 'a'} token of {who}"))
    yield from _origin(claims, requirements)
    expiry = claims.get("exp")
    if not isinstance(expiry, int | float):
        yield Finding("expiry", CheckStatus.BAD, "it has none", requirements.renewal)
    elif expiry <= now:
        yield Finding("expiry", CheckStatus.BAD, f"it expired {_span(now - expiry)} ago", requirements.renewal)
    else:
        yield Finding("expiry", CheckStatus.GOOD, f"for another {_span(expiry - now)}")


def _origin(claims: Mapping[str, Any], requirements: TokenRequirements) -> Iterator[Finding]:
    issuer, client = claims.get("iss"), claims.get("client_id") or claims.get("aud")
    if not requirements.pools:
        yield Finding("issuer", CheckStatus.NOTE, printable(str(issuer)))
        return
    pool = next((pool for pool in requirements.pools if pool.issuer == issuer), None)
    if pool is None:
        known = ", ".join(pool.issuer for pool in requirements.pools)
        yield Finding(
            "issuer",
            CheckStatus.BAD,
            printable(f"{issuer}, and this stack takes tokens of {known}"),
            requirements.renewal,
        )
        return
    yield Finding("issuer", CheckStatus.GOOD, printable(f"{issuer}, the user pool of this stack"))
    if pool.client_id_regex is not None and not re.fullmatch(pool.client_id_regex, str(client)):
        yield Finding(
            "client",
            CheckStatus.BAD,
            printable(f"{client}, and this stack's is {pool.client_id_regex}"),
            requirements.renewal,
        )
    else:
        yield Finding("client", CheckStatus.GOOD, printable(str(client)))


def _refused(
    refused: RequestRefused,
    credential: object,
    problems: Sequence[Finding],
    requirements: TokenRequirements,
    *,
    has_token: bool,
) -> Finding:
    found = f"refused: {refused.error_type}, {refused.message}"
    match credential:
        case _ if problems:
            advice = problems[0].advice
        case JsonWebToken():
            advice = f"its claims are valid, so its signature is not: it was changed or forged; {requirements.renewal}"
        case AuthorizerToken(text) if has_token and not text.startswith(requirements.prefix):
            advice = f"the authorizer wants {requirements.prefix!r} before the JWT, and there is something else"
        case AuthorizerToken() if has_token:
            advice = (
                "everything that it says fits, so the authorizer function does not take its signature, or failed: "
                "see what it logs"
            )
        case AuthorizerToken():
            advice = f"there is no JWT in it; {requirements.renewal}"
        case _:
            advice = "check the key, and when it expires"
    return Finding("caller", CheckStatus.BAD, found, advice)


def _about_field(service: ServedApi, coordinate: str, caller: Caller | None) -> Iterator[Finding]:
    known = service.api.rules.get(coordinate)
    if known is None:
        name = coordinate.rpartition(".")[2].lower()
        near = sorted(other for other in service.api.rules if other.rpartition(".")[2].lower() == name)
        roots = sorted(c for c in service.api.rules if c.split(".")[0] in ("Query", "Mutation", "Subscription"))
        advice = f"write it as Type.field; there is {', '.join(near or roots)}"
        yield Finding("field", CheckStatus.BAD, printable(f"the schema has no {coordinate}"), advice)
        return
    yield Finding("field", CheckStatus.NOTE, f"{coordinate} is for {_rule_text(known)}")
    if caller is None:
        return
    problem = _problem(caller, coordinate, known)
    if problem is not None:
        yield problem
        return
    yield Finding("access", CheckStatus.GOOD, f"{caller_name(caller)} may use {coordinate}")
    hidden = sorted(_hidden(service, coordinate, caller))
    if hidden:
        yield Finding("below", CheckStatus.NOTE, f"not to be selected there: {', '.join(hidden)}")


def _problem(caller: Caller, coordinate: str, rule: Rule) -> Finding | None:
    type_, _, name = coordinate.partition(".")
    answer = f"Not Authorized to access {name} on type {type_}"
    if caller.mode not in rule:
        found = f"{answer}: the caller came in through {caller.mode.value}, which its directives do not name"
        others = " or ".join(mode.value for mode in rule) or "nobody"
        backend = "; that is the backend's own role" if set(rule) == {AuthMode.IAM} else ""
        advice = f"call it through {others}{backend}, or add {_DIRECTIVES[caller.mode]} to the field in the schema"
        return Finding("access", CheckStatus.BAD, found, advice)
    groups = rule[caller.mode]
    if not caller.fits(rule) and groups is not None:
        found = f"{answer}: the caller is in none of the groups {', '.join(sorted(groups))}"
        return Finding("access", CheckStatus.BAD, found, "add the user to one of them, and sign in again")
    if caller.is_denied(coordinate):
        found = f"{answer}: the authorizer denies it (deniedFields)"
        return Finding("access", CheckStatus.BAD, found, "look at what the authorizer function answers")
    if not caller.may_call(coordinate):
        found = "Permission denied: the caller's role does not allow this field"
        return Finding("access", CheckStatus.BAD, found, f"grant appsync:GraphQL on {coordinate} to the role")
    return None


def _hidden(service: ServedApi, coordinate: str, caller: Caller) -> Iterator[str]:
    """Fields of the answer's own type that this caller does not see."""
    type_name, _, name = coordinate.partition(".")
    parent = service.api.schema.get_type(type_name)
    field: GraphQLField | None = parent.fields.get(name) if isinstance(parent, GraphQLObjectType) else None
    inner: object = field.type if field else None
    while (of_type := getattr(inner, "of_type", None)) is not None:
        inner = of_type
    if isinstance(inner, GraphQLObjectType):
        for below in inner.fields:
            at = f"{inner.name}.{below}"
            rule = service.api.rules.get(at)
            if rule is not None and (not caller.fits(rule) or caller.is_denied(at)):
                yield at


def _rule_text(rule: Rule) -> str:
    def one(mode: AuthMode, groups: frozenset[str] | None) -> str:
        return _DIRECTIVES[mode] + (f" with a group of {', '.join(sorted(groups))}" if groups is not None else "")

    return " or ".join(one(mode, groups) for mode, groups in rule.items()) or "nobody"


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
