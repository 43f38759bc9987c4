"""The modes and groups that the directives of a schema allow."""

from pathlib import Path

import pytest

from appsync_local.api.model import AuthMode
from appsync_local.api.schema import load_schema
from appsync_local.authorization.caller import Rule
from appsync_local.authorization.directives import rules_of
from appsync_local.authorization.user_pools import DefaultAction

LAMBDA, COGNITO, IAM = AuthMode.LAMBDA, AuthMode.COGNITO, AuthMode.IAM
SCHEMA = """
type Query {
  plain: String
  one: String @aws_iam
  two: String @aws_iam @aws_cognito_user_pools
  grouped: String @aws_cognito_user_pools(cognito_groups: ["a", "b"])
  old: String @aws_auth(cognito_groups: ["a"])
  twice: String @aws_auth(cognito_groups: ["a"]) @aws_cognito_user_pools(cognito_groups: ["b"])
  wide: String @aws_auth(cognito_groups: ["a"]) @aws_cognito_user_pools
}
type Marked @aws_iam @aws_cognito_user_pools {
  plain: String
  own: String @aws_lambda
}
extend type Marked { late: String }
type Old @aws_auth(cognito_groups: ["a"]) { plain: String }
"""


@pytest.mark.parametrize(
    ("modes", "field", "expected"),
    [
        ((LAMBDA, IAM), "Query.plain", {LAMBDA: None}),
        ((IAM, LAMBDA), "Query.plain", {IAM: None}),
        ((LAMBDA, IAM), "Query.one", {IAM: None}),
        ((LAMBDA, IAM, COGNITO), "Query.two", {IAM: None, COGNITO: None}),
        ((LAMBDA, COGNITO), "Query.grouped", {COGNITO: frozenset({"a", "b"})}),
        ((COGNITO, IAM), "Query.old", {COGNITO: None}),
        ((COGNITO,), "Query.old", {COGNITO: frozenset({"a"})}),
        ((COGNITO, COGNITO), "Query.old", {COGNITO: frozenset({"a"})}),
        ((COGNITO,), "Query.twice", {COGNITO: frozenset({"a", "b"})}),
        ((COGNITO,), "Query.wide", {COGNITO: None}),
        ((COGNITO,), "Old.plain", {COGNITO: frozenset({"a"})}),
        ((LAMBDA, IAM), "Marked.plain", {IAM: None, COGNITO: None}),
        ((LAMBDA, IAM), "Marked.own", {LAMBDA: None}),
        ((LAMBDA, IAM), "Marked.late", {IAM: None, COGNITO: None}),
    ],
)
def test_the_rule_of_a_field_comes_from_its_own_directives_then_its_types_then_the_default_mode(
    tmp_path: Path, modes: tuple[AuthMode, ...], field: str, expected: Rule
) -> None:
    path = tmp_path / "schema.graphql"
    path.write_text(SCHEMA, encoding="utf-8")

    assert rules_of(load_schema(path), modes)[field] == expected


@pytest.mark.parametrize(("field", "expected"), [("Query.plain", {}), ("Query.old", {COGNITO: frozenset({"a"})})])
def test_the_default_action_deny_denies_fields_without_directives(tmp_path: Path, field: str, expected: Rule) -> None:
    path = tmp_path / "schema.graphql"
    path.write_text(SCHEMA, encoding="utf-8")

    assert rules_of(load_schema(path), (COGNITO,), DefaultAction.DENY)[field] == expected
