"""The settings of an API in a template that are in force, and those that are named as ignored."""

from pathlib import Path

from appsync_local.api.limits import Introspection, Limits
from appsync_local.authorization.user_pools import DefaultAction
from local_stack.aws_access import AwsAccess
from local_stack.blueprint import Blueprint
from local_stack.services.cognito.pool import Pool
from local_stack.template.blueprint import blueprint_from_template
from local_stack.template.composition import read_template

API = """
Resources:
  Schema:
    Type: AWS::AppSync::GraphQLSchema
    Properties: {{ApiId: !GetAtt Api.ApiId, Definition: 'type Query {{ a: Int }}'}}
  Api:
    Type: AWS::AppSync::GraphQLApi
    Properties: {{Name: a, AuthenticationType: AMAZON_COGNITO_USER_POOLS, {more}}}
"""


def blueprint(folder: Path, more: str) -> Blueprint:
    path = folder / "template.yaml"
    path.write_text(API.format(more=more))
    pool = Pool("http://127.0.0.1:1", "us-east-1", "us-east-1_pool", "client", ())
    return blueprint_from_template(
        read_template(path), address="127.0.0.1:4000", pool=pool, ledger="", s3="", data=folder,
        new_folder=lambda: folder, aws=AwsAccess("", ""),
    )  # fmt: skip


def test_limits_environment_and_default_action_are_those_of_the_template(tmp_path: Path) -> None:
    made = blueprint(
        tmp_path,
        "IntrospectionConfig: DISABLED, QueryDepthLimit: 3, ResolverCountLimit: 7, EnvironmentVariables: {A: b},"
        "UserPoolConfig: {DefaultAction: DENY}",
    )

    [api] = made.apis
    assert api.limits == Limits(Introspection.DISABLED, depth=3, resolvers=7)
    assert api.api.environment == {"A": "b"}
    assert api.default_action is DefaultAction.DENY
    assert made.problems == ()


def test_values_that_appsync_does_not_accept_are_named(tmp_path: Path) -> None:
    made = blueprint(tmp_path, "UserPoolConfig: {DefaultAction: PERHAPS}, AdditionalAuthenticationProviders: [{}]")

    assert [it.split(": ", 1)[1] for it in made.problems] == [
        "Api: the DefaultAction of its UserPoolConfig must be ALLOW or DENY, not PERHAPS",
        "Api: it must have AuthenticationType, and does not",
    ]


def test_what_has_no_effect_is_named_in_one_line(tmp_path: Path) -> None:
    made = blueprint(tmp_path, "XrayEnabled: true, LogConfig: {FieldLogLevel: ALL}, EnhancedMetricsConfig: {A: b}")

    [warning] = made.warnings
    assert warning.removeprefix("ignored, because it has no effect on one machine: ").split(", ") == [
        "EnhancedMetricsConfig of Api", "LogConfig of Api", "XrayEnabled of Api",
    ]  # fmt: skip
