"""What protects a stage from unbounded use, and how its users sign in."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_introspection_query,
    parse,
)

from appsync_local.api.limits import Introspection, Limits
from chalicelib.api.authorizer import TOKEN_FORM
from infrastructure.api import API
from infrastructure.protection import Flow, RateRule, SignIn
from infrastructure.stage import Stage, StageInvalid
from infrastructure.stages import DEV, PROD, STAGES
from tests.support.cdk_assembly import KEYED, ROOT
from tests.support.cloudformation import Template, readable

OPERATIONS = sorted(
    [*(ROOT / "longcall").rglob("*.graphql"), *(ROOT / "chalicelib").rglob("*.graphql"),
     *(ROOT / "local_stack").rglob("*.graphql")]
)  # fmt: skip


def depth(selections: SelectionSetNode | None, fragments: dict[str, FragmentDefinitionNode]) -> int:
    """Levels of fields in a selection set."""
    if selections is None:
        return 0
    found = []
    for it in selections.selections:
        match it:
            case FieldNode():
                found.append(1 + depth(it.selection_set, fragments))
            case FragmentSpreadNode():
                found.append(depth(fragments[it.name.value].selection_set, fragments))
            case InlineFragmentNode():
                found.append(depth(it.selection_set, fragments))
    return max(found)


def depths(document: DocumentNode) -> list[int]:
    """Levels of fields in each operation of a document."""
    fragments = {it.name.value: it for it in document.definitions if isinstance(it, FragmentDefinitionNode)}
    operations = (it for it in document.definitions if isinstance(it, OperationDefinitionNode))
    return [depth(it.selection_set, fragments) for it in operations]


@pytest.mark.parametrize("stage", STAGES.values(), ids=lambda stage: stage.name)
def test_our_own_operations_stay_far_below_the_limits(stage: Stage) -> None:
    fragments = [parse(it.read_text()) for it in OPERATIONS]
    whole = DocumentNode(definitions=tuple(it for document in fragments for it in document.definitions))
    resolved = {it.field for it in API.resolvers}

    deepest = max(depths(whole))

    assert deepest >= 3, "the operations were not found"
    assert deepest <= stage.operation.depth / 2
    for operation in (it for it in whole.definitions if isinstance(it, OperationDefinitionNode)):
        root = operation.operation.value.capitalize()
        fields = [it for it in operation.selection_set.selections if isinstance(it, FieldNode)]
        assert len([it for it in fields if f"{root}.{it.name.value}" in resolved]) <= stage.operation.resolvers / 4


def test_clients_may_query_the_schema_in_dev_with_the_usual_query_and_not_in_prod(
    dev: Template, prod: Template
) -> None:
    assert DEV.operation.depth >= max(depths(parse(get_introspection_query())))
    assert dev.only("AWS::AppSync::GraphQLApi")["IntrospectionConfig"] == "ENABLED"
    assert prod.only("AWS::AppSync::GraphQLApi")["IntrospectionConfig"] == "DISABLED"


@pytest.mark.parametrize("stage", [DEV, PROD, KEYED], ids=lambda stage: stage.name)
def test_the_api_has_the_limits_of_its_stage(request: pytest.FixtureRequest, stage: Stage) -> None:
    api = request.getfixturevalue(stage.name).only("AWS::AppSync::GraphQLApi")

    assert (api["QueryDepthLimit"], api["ResolverCountLimit"]) == (stage.operation.depth, stage.operation.resolvers)
    assert api["QueryDepthLimit"] > 0
    assert api["ResolverCountLimit"] <= 100


def test_only_texts_of_the_tokens_form_invoke_the_authorizer(dev: Template) -> None:
    form = re.compile(dev.only("AWS::AppSync::GraphQLApi")["LambdaAuthorizerConfig"]["IdentityValidationExpression"])

    assert form.pattern == TOKEN_FORM
    assert form.search("Lambda-Auth-eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln-bmF_dXJl")
    for other in ("", "garbage", "Lambda-Auth-", "Lambda-Auth-a.b", "Lambda-Auth-a.b.c.d", "x Lambda-Auth-a.b.c",
                  "Lambda-Auth-a.b.c x", "Lambda-Auth-a.b.=", "a.b.c", "Bearer a.b.c"):  # fmt: skip
        assert not form.search(other)


def test_a_stage_with_a_firewall_blocks_addresses_by_rate_and_does_not_count_workers(keyed: Template) -> None:
    acl = keyed.only("AWS::WAFv2::WebACL")
    (rule,) = acl["Rules"]
    by_rate = rule["Statement"]["RateBasedStatement"]
    association = keyed.only("AWS::WAFv2::WebACLAssociation")
    (api,) = keyed.of_type("AWS::AppSync::GraphQLApi")

    assert (acl["Scope"], acl["DefaultAction"], rule["Action"]) == ("REGIONAL", {"Allow": {}}, {"Block": {}})
    assert (by_rate["AggregateKeyType"], by_rate["Limit"], by_rate["EvaluationWindowSec"]) == ("IP", 500, 60)
    counted = by_rate["ScopeDownStatement"]["NotStatement"]["Statement"]["SizeConstraintStatement"]
    assert counted["FieldToMatch"] == {"SingleHeader": {"Name": "x-api-key"}}
    assert readable(association["ResourceArn"]) == f"{api}.Arn"
    assert 'SampledRequestsEnabled": true' not in json.dumps(acl)


def test_a_stage_has_no_firewall_unless_it_asks_for_one(dev: Template, prod: Template) -> None:
    for template in (dev, prod):
        assert not template.of_type("AWS::WAFv2::WebACL")


def test_passwords_and_flows_are_those_of_the_stage(dev: Template, prod: Template) -> None:
    def sign_in(template: Template) -> tuple[int, set[str], int]:
        pool, client = template.only("AWS::Cognito::UserPool"), template.only("AWS::Cognito::UserPoolClient")
        policy = pool["Policies"]["PasswordPolicy"]
        assert {policy[f"Require{it}"] for it in ("Lowercase", "Uppercase", "Numbers", "Symbols")} == {True}
        days = client["RefreshTokenValidity"] / (24 * 60)  # in minutes
        return policy["MinimumLength"], set(client["ExplicitAuthFlows"]) - {"ALLOW_REFRESH_TOKEN_AUTH"}, days

    assert sign_in(dev) == (8, {"ALLOW_USER_SRP_AUTH", "ALLOW_USER_PASSWORD_AUTH"}, 30)
    assert sign_in(prod) == (12, {"ALLOW_USER_SRP_AUTH"}, 7)


def test_a_client_has_no_secret_and_reveals_no_users(prod: Template) -> None:
    client = prod.only("AWS::Cognito::UserPoolClient")

    assert (client["AllowedOAuthFlowsUserPoolClient"], client["GenerateSecret"]) == (False, False)
    assert client["PreventUserExistenceErrors"] == "ENABLED"
    assert client["EnableTokenRevocation"] is True


def test_threat_protection_needs_the_plus_plan_and_only_a_stage_that_asks_has_it(
    dev: Template, keyed: Template
) -> None:
    plain, protected = dev.only("AWS::Cognito::UserPool"), keyed.only("AWS::Cognito::UserPool")

    assert "UserPoolTier" not in plain
    assert "UserPoolAddOns" not in plain
    assert (protected["UserPoolTier"], protected["UserPoolAddOns"]) == ("PLUS", {"AdvancedSecurityMode": "ENFORCED"})


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"operation": Limits(depth=76)}, "depth of operation must be 0 (no limit) to 75, but is 76: "),
        ({"operation": Limits(resolvers=0)}, "resolvers of operation must be 1 to 10000, but is 0: "),
        ({"waf": RateRule(requests=9)}, "requests of waf must be 10 to 2000000000, but is 9: "),
        ({"waf": RateRule(seconds=90)}, "seconds of waf must be one of 60, 120, 300, 600, but is 90: "),
        ({"sign_in": SignIn(flows=())}, "flows of sign_in must name at least one flow, but is empty: "),
        ({"sign_in": SignIn(password_length=5)}, "password_length of sign_in must be 6 to 99, but is 5: "),
        ({"sign_in": SignIn(refresh_days=0)}, "refresh_days of sign_in must be 1 to 3650, but is 0: "),
    ],
    ids=["depth", "resolvers", "requests", "window", "flows", "password", "refresh"],
)
def test_a_value_that_aws_does_not_accept_is_refused_when_the_stage_is_made(
    changed: dict[str, Any], problem: str
) -> None:
    with pytest.raises(StageInvalid) as refused:
        replace(DEV, **changed)

    assert [it[: len(problem)] for it in refused.value.problems] == [problem]


def test_production_is_stricter_than_development() -> None:
    assert PROD.operation.introspection is Introspection.DISABLED
    assert PROD.sign_in.flows == (Flow.SRP,)
    assert PROD.sign_in.password_length > DEV.sign_in.password_length
    assert PROD.sign_in.refresh_days < DEV.sign_in.refresh_days
