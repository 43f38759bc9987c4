"""What the doctor says about a caller's access to a field."""

from collections.abc import Iterator, Mapping
from typing import Final, Protocol

from graphql import GraphQLField, GraphQLObjectType, GraphQLSchema

from appsync_local.api.model import AuthMode
from appsync_local.authorization.caller import Caller, Rule
from appsync_local.devtools.findings import CheckStatus, Finding
from appsync_local.devtools.operation_log import caller_name, printable

_DIRECTIVES: Final[Mapping[AuthMode, str]] = {
    AuthMode.LAMBDA: "@aws_lambda",
    AuthMode.COGNITO: "@aws_cognito_user_pools",
    AuthMode.IAM: "@aws_iam",
    AuthMode.OIDC: "@aws_oidc",
    AuthMode.API_KEY: "@aws_api_key",
}


class AccessRules(Protocol):
    """The parts of an API that decide who may use which field."""

    @property
    def schema(self) -> GraphQLSchema: ...

    @property
    def modes(self) -> tuple[AuthMode, ...]: ...

    @property
    def rules(self) -> Mapping[str, Rule]: ...


def field_findings(api: AccessRules, coordinate: str, caller: Caller | None) -> Iterator[Finding]:
    """Whether a caller may use a field.

    Args:
        api: The API with the field.
        coordinate: The field, as `Type.field`.
        caller: The caller; None describes the field alone.
    """
    rule = api.rules.get(coordinate)
    if rule is None:
        name = coordinate.rpartition(".")[2].lower()
        near = sorted(other for other in api.rules if other.rpartition(".")[2].lower() == name)
        roots = sorted(c for c in api.rules if c.split(".")[0] in ("Query", "Mutation", "Subscription"))
        advice = f"write it as Type.field; the schema has {', '.join(near or roots)}"
        yield Finding("field", CheckStatus.BAD, printable(f"the schema has no {coordinate}"), advice)
        return
    yield Finding("field", CheckStatus.NOTE, f"{coordinate} is for {_rule_text(rule)}")
    if caller is None:
        return
    problem = _problem(caller, coordinate, rule)
    if problem is not None:
        yield problem
        return
    yield Finding("access", CheckStatus.GOOD, f"{caller_name(caller)} may use {coordinate}")
    hidden = sorted(_hidden(api, coordinate, caller))
    if hidden:
        yield Finding("below", CheckStatus.NOTE, f"this caller cannot select: {', '.join(hidden)}")


def _problem(caller: Caller, coordinate: str, rule: Rule) -> Finding | None:
    type_, _, name = coordinate.partition(".")
    answer = f"Not Authorized to access {name} on type {type_}"
    if caller.mode not in rule:
        found = f"{answer}: the caller's mode is {caller.mode.value}, which the directives of the field do not name"
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
        return Finding("access", CheckStatus.BAD, found, "check the answer of the authorizer function")
    if not caller.may_call(coordinate):
        found = "Permission denied: the caller's role does not allow this field"
        return Finding("access", CheckStatus.BAD, found, f"grant appsync:GraphQL on {coordinate} to the role")
    return None


def _hidden(api: AccessRules, coordinate: str, caller: Caller) -> Iterator[str]:
    """The fields of the field's own type that this caller cannot see."""
    type_name, _, name = coordinate.partition(".")
    parent = api.schema.get_type(type_name)
    field: GraphQLField | None = parent.fields.get(name) if isinstance(parent, GraphQLObjectType) else None
    inner: object = field.type if field else None
    while (of_type := getattr(inner, "of_type", None)) is not None:
        inner = of_type
    if isinstance(inner, GraphQLObjectType):
        for below in inner.fields:
            at = f"{inner.name}.{below}"
            rule = api.rules.get(at)
            if rule is not None and (not caller.fits(rule) or caller.is_denied(at)):
                yield at


def _rule_text(rule: Rule) -> str:
    def one(mode: AuthMode, groups: frozenset[str] | None) -> str:
        return _DIRECTIVES[mode] + (f" with a group of {', '.join(sorted(groups))}" if groups is not None else "")

    return " or ".join(one(mode, groups) for mode, groups in rule.items()) or "nobody"
