"""The schema of the jobs for another API, and adding it to the schema that the API has."""

from importlib.resources import files
from pathlib import Path

import pytest
from graphql import (
    EnumTypeDefinitionNode,
    GraphQLSchema,
    InputObjectTypeDefinitionNode,
    ObjectTypeDefinitionNode,
    build_schema,
    parse,
    validate,
)

from appsync_local.api.model import AuthMode
from chalicelib.publisher.mutations import mutation
from infrastructure.jobs_schema import ApiUnfit, caller_modes, jobs_schema, schema_text
from infrastructure.schema_merge import MergedSchema, with_jobs
from longcall.operations import Request

ROOT = Path(__file__).parents[3]
OURS = (ROOT / "graphql" / "schema.graphql").read_text("utf-8")
SUPPLIED = (ROOT / "graphql" / "appsync.graphql").read_text("utf-8")
MODES = (AuthMode.COGNITO, AuthMode.IAM)
JOBS = jobs_schema(OURS, modes=MODES, type_prefix="Longcall")
CLIENT = [
    file.name.removesuffix(".graphql")
    for file in (files("longcall") / "documents").iterdir()
    if not file.read_text("utf-8").startswith("fragment")
]
WORKER = ("claim_job", "dispatch_inference", "update_status")


def built(text: str) -> GraphQLSchema:
    return build_schema(f"{SUPPLIED}\n{text}")


def directives(schema: GraphQLSchema, type_name: str, field_name: str) -> set[str]:
    node = getattr(schema.type_map[type_name], "fields")[field_name].ast_node  # noqa: B009
    return {it.name.value for it in node.directives}


def merged(existing: str) -> MergedSchema:
    return with_jobs(existing, JOBS)


def refusal(existing: str) -> str:
    with pytest.raises(ApiUnfit) as refused:
        merged(existing)
    return str(refused.value)


def test_every_type_has_the_prefix_but_those_of_the_operations() -> None:
    other = built(schema_text(JOBS))

    kinds = ObjectTypeDefinitionNode | EnumTypeDefinitionNode | InputObjectTypeDefinitionNode
    ours = {it.name.value for it in parse(OURS).definitions if isinstance(it, kinds)}
    roots = {"Query", "Mutation", "Subscription"}
    assert {name for name in other.type_map if name.startswith("Longcall")} == {
        f"Longcall{name}" for name in ours - roots
    }
    assert not (ours - roots) & other.type_map.keys()


@pytest.mark.parametrize("name", CLIENT)
def test_the_clients_documents_are_valid_with_the_prefix(name: str) -> None:
    assert validate(built(schema_text(JOBS)), parse(Request(name, {}, "Longcall").payload["query"])) == []


@pytest.mark.parametrize("name", WORKER)
def test_the_workers_documents_are_valid_with_the_prefix(name: str) -> None:
    assert validate(built(schema_text(JOBS)), parse(mutation(name, "Longcall").text)) == []


def test_callers_are_let_in_by_the_modes_of_the_api_and_the_backend_by_iam_alone() -> None:
    every = (AuthMode.API_KEY, AuthMode.OIDC, AuthMode.COGNITO, AuthMode.LAMBDA, AuthMode.IAM)
    schema = built(schema_text(jobs_schema(OURS, modes=every, type_prefix="")))

    callers = {"aws_oidc", "aws_cognito_user_pools", "aws_lambda"}
    assert directives(schema, "Mutation", "startInference") == callers
    assert directives(schema, "Subscription", "onMyInferences") == callers | {"aws_subscribe"}
    assert directives(schema, "Mutation", "updateStatus") == {"aws_iam"}
    status = schema.type_map["InferenceStatus"].ast_node
    assert status is not None
    assert {it.name.value for it in status.directives or ()} == callers | {"aws_iam"}


@pytest.mark.parametrize("modes", [(AuthMode.API_KEY,), (AuthMode.IAM, AuthMode.API_KEY)])
def test_an_api_whose_callers_have_no_owner_is_refused(modes: tuple[AuthMode, ...]) -> None:
    with pytest.raises(
        ApiUnfit, match=r"callers of this API have no owner: its modes are .*API_KEY, and a job belongs"
    ):
        caller_modes(modes)


def test_an_api_that_workers_cannot_report_to_is_refused() -> None:
    with pytest.raises(ApiUnfit, match="no mode AWS_IAM"):
        caller_modes((AuthMode.COGNITO,))


@pytest.mark.parametrize("prefix", ["longcall", "Long_call", "Long call", "1"])
def test_a_prefix_that_is_no_beginning_of_a_types_name_is_refused(prefix: str) -> None:
    with pytest.raises(ApiUnfit, match="begin with a capital"):
        jobs_schema(OURS, modes=MODES, type_prefix=prefix)


LIBRARY = '''\
# The library.
type Query @aws_cognito_user_pools {
  books: [Book!]!  # all of them
}
"""
A book } with braces.
"""
type Book { title: String! }
'''


def test_the_existing_text_stays_and_its_fields_too() -> None:
    text = merged(LIBRARY).text

    before, _, after = LIBRARY.partition("  # all of them\n")
    assert text.startswith(before + "  # all of them\n")
    assert after.removeprefix("}\n") in text
    query = built(text).query_type
    assert query is not None
    assert set(query.fields) == {
        "books", "getInference", "inferenceEvents", "listInferences", "listModels", "quoteInference",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("existing", "roots"),
    [
        ("type Query { a: Int }", ("Query", "Mutation", "Subscription")),
        ("type Query\nextend type Query { a: Int }", ("Query", "Mutation", "Subscription")),
        ("type Query { a: Int }\ntype Mutation { b: Int }\nschema { query: Query mutation: Mutation }",
         ("Query", "Mutation", "Subscription")),
        ("schema {\n  query: Reads\n  mutation: Writes # and more\n}\ntype Reads { a: Int }\ntype Writes { b: Int }",
         ("Reads", "Writes", "Subscription")),
        ("type Reads { a: Int }\ntype Writes { b: Int }\nschema { query: Reads }\nextend schema { mutation: Writes }",
         ("Reads", "Writes", "Subscription")),
    ],
    ids=["no block", "only an extension", "no subscriptions", "other names", "an extended block"],
)  # fmt: skip
def test_the_fields_are_added_to_the_types_that_the_schema_has(existing: str, roots: tuple[str, str, str]) -> None:
    result = merged(existing)

    schema = built(result.text)
    found = (schema.query_type, schema.mutation_type, schema.subscription_type)
    assert tuple(it and it.name for it in found) == roots
    assert dict(zip(("Query", "Mutation", "Subscription"), roots, strict=True)) == result.roots
    query, mutations, subscriptions = found
    assert query is not None
    assert mutations is not None
    assert subscriptions is not None
    assert {"a", "getInference"} <= set(query.fields)
    assert "startInference" in mutations.fields
    assert "onMyInferences" in subscriptions.fields


def test_a_type_of_the_same_name_is_refused_with_both_names() -> None:
    assert refusal("type Query { a: Int }\nscalar LongcallStatus") == (
        "the jobs cannot be added to the schema of the API: scalar LongcallStatus of the API (line 2) and enum "
        "LongcallStatus of the jobs have one name: give another type_prefix"
    )


@pytest.mark.parametrize(
    "query", ["type Reads {\n getInference: Int }", "type Reads\nextend type Reads { getInference: Int }"]
)
def test_a_field_of_the_same_name_is_refused_with_both_names(query: str) -> None:
    assert (
        "the field Reads.getInference of the API (line 2) and Query.getInference of the jobs have one name"
        in refusal(f"{query}\nschema {{ query: Reads }}")
    )


def test_a_type_that_only_looks_like_an_operations_type_is_refused() -> None:
    assert "type Mutation of the API (line 2) is not named in its schema block" in refusal(
        "type Reads { a: Int }\ntype Mutation { a: Int }\nschema { query: Reads }"
    )


def test_a_schema_that_cannot_be_read_is_refused_with_the_line() -> None:
    assert refusal("type Query {\n  a Int\n}").startswith("the schema of the API cannot be read: line 2: Syntax Error")
