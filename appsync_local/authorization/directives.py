"""The access rules of fields, from the directives in the schema.

Source: AppSync Developer Guide, "Configuring authorization and authentication", on additional authorization modes:
without a directive only the default mode is allowed, any one directive suffices, and a field's directives replace those
of its type. If user pools are the only mode, their default action applies to fields without a directive.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from graphql import ConstDirectiveNode, GraphQLObjectType, GraphQLSchema, ListValueNode, StringValueNode

from appsync_local.api.model import AuthMode
from appsync_local.authorization.caller import Rule
from appsync_local.authorization.user_pools import DefaultAction

_MODE_OF: Final[Mapping[str, AuthMode]] = {
    "aws_api_key": AuthMode.API_KEY,
    "aws_iam": AuthMode.IAM,
    "aws_oidc": AuthMode.OIDC,
    "aws_lambda": AuthMode.LAMBDA,
    "aws_cognito_user_pools": AuthMode.COGNITO,
}


def rules_of(
    schema: GraphQLSchema, modes: tuple[AuthMode, ...], default_action: DefaultAction = DefaultAction.ALLOW
) -> dict[str, Rule]:
    """The rule of every field of every object type, by `Type.field`. The first of `modes` is the default mode."""
    default: Rule = {modes[0]: None} if default_action is DefaultAction.ALLOW else {}
    rules: dict[str, Rule] = {}
    for name, type_ in schema.type_map.items():
        if not isinstance(type_, GraphQLObjectType) or name.startswith("__"):
            continue
        nodes = [node for node in (type_.ast_node, *type_.extension_ast_nodes) if node is not None]
        of_type = _rule((directive for node in nodes for directive in node.directives or ()), modes)
        for field_name, field in type_.fields.items():
            of_field = _rule(field.ast_node.directives or () if field.ast_node else (), modes)
            rules[f"{name}.{field_name}"] = of_field or of_type or default
    return rules


def _rule(directives: Iterable[ConstDirectiveNode], modes: tuple[AuthMode, ...]) -> Rule:
    rule: dict[AuthMode, frozenset[str] | None] = {}
    for directive in directives:
        mode = _MODE_OF.get(directive.name.value)
        if directive.name.value == "aws_auth" and set(modes) == {AuthMode.COGNITO}:
            mode = AuthMode.COGNITO  # with several modes, AppSync ignores it silently
        if mode is not None:
            groups, before = _groups(directive), rule.get(mode, frozenset())
            rule[mode] = None if groups is None or before is None else groups | before
    return rule


def _groups(directive: ConstDirectiveNode) -> frozenset[str] | None:
    for argument in directive.arguments or ():
        if argument.name.value == "cognito_groups":
            value = argument.value
            items = value.values if isinstance(value, ListValueNode) else (value,)
            return frozenset(item.value for item in items if isinstance(item, StringValueNode))
    return None
