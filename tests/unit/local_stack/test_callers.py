"""What is printed about the callers of an application, and the OpenID Connect providers that it accepts."""

from appsync_local.api.model import AuthMode
from appsync_local.authorization.oidc import OidcProvider
from local_stack.callers import Callers, caller_rows
from local_stack.function_environment import new_principal
from local_stack.oidc import providers_on_this_machine
from local_stack.root_fields import root_fields
from local_stack.services.cognito.pool import Pool

POOL = Pool("http://127.0.0.1:4000/cognito-idp", "us-east-1", "us-east-1_pool", "client", ())
IAM = new_principal("operator", frozenset(), ("AKIA1", "secret"))
AUTH0 = OidcProvider("https://login.example.test", client_id_regex="web", iat_ttl_ms=5000)


def rows(*modes: AuthMode) -> list[tuple[str, str]]:
    callers = Callers("http://a/graphql", modes, ("da2-x",), "Authorizer")
    return list(caller_rows(callers, ["ada / 1"], IAM, "longcall token --auth cognito"))


def test_each_mode_has_what_it_needs_and_a_command() -> None:
    body = """-H 'content-type: application/json' -d '{"query": "{ __typename }"}' http://a/graphql"""

    assert rows(AuthMode.API_KEY) == [("API key", "da2-x"), ("", f"curl -s -H 'x-api-key: da2-x' {body}")]
    assert rows(AuthMode.IAM) == [
        ("IAM key", "AKIA1 / secret"),
        ("", f"curl -s --aws-sigv4 aws:amz:us-east-1:appsync --user AKIA1:secret {body}"),
    ]
    assert rows(AuthMode.LAMBDA) == [
        ("Lambda", "Authorizer decides: send the token that it expects as `authorization`")
    ]


def test_users_are_printed_once_for_both_modes_of_tokens() -> None:
    expected = ["Users", "A token", ""]

    assert [name for name, _ in rows(AuthMode.OIDC, AuthMode.COGNITO, AuthMode.COGNITO)] == expected


def test_the_local_pool_is_a_provider_with_the_limits_of_the_declared_one() -> None:
    local, declared = providers_on_this_machine((AUTH0,), POOL, allows_aws=False)

    assert local == OidcProvider(POOL.issuer, POOL.jwks_url, None, iat_ttl_ms=5000)
    assert declared == AUTH0


def test_a_provider_at_aws_is_left_out_unless_aws_may_be_called() -> None:
    at_aws = OidcProvider("https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_x")

    assert [it.issuer for it in providers_on_this_machine((at_aws,), POOL, allows_aws=False)] == [POOL.issuer]
    assert providers_on_this_machine((at_aws,), POOL, allows_aws=True)[1] == at_aws
    assert providers_on_this_machine((), POOL, allows_aws=True) == ()


def test_root_fields_are_those_of_the_types_that_the_schema_names() -> None:
    schema = """
    schema { query: Root }
    type Root { a: Int }
    extend type Root { b: Int }
    type Query { notARootField: Int }
    """

    assert [*root_fields(schema)] == [("Root", "a"), ("Root", "b")]
    assert [*root_fields("type Query { a: Int } type Mutation { b: Int }")] == [("Query", "a"), ("Mutation", "b")]
    assert [*root_fields("type Query {")] == []
