"""Introspection as the service answers it: old clients know every word of it."""

from pathlib import Path

from graphql import GraphQLSchema, introspection_from_schema, specified_directives

from appsync_local.api.schema import load_schema

# Locations of graphql-core 3.2.3 and graphql-js 15.
KNOWN = {
    "QUERY", "MUTATION", "SUBSCRIPTION", "FIELD", "FRAGMENT_DEFINITION", "FRAGMENT_SPREAD", "INLINE_FRAGMENT",
    "VARIABLE_DEFINITION", "SCHEMA", "SCALAR", "OBJECT", "FIELD_DEFINITION", "ARGUMENT_DEFINITION", "INTERFACE",
    "UNION", "ENUM", "ENUM_VALUE", "INPUT_OBJECT", "INPUT_FIELD_DEFINITION",
}  # fmt: skip


def schema(folder: Path) -> GraphQLSchema:
    (folder / "schema.graphql").write_text("type Query { a: AWSDate @aws_iam b: Int @deprecated }")
    return load_schema(folder / "schema.graphql")


def test_directives_name_no_location_that_old_clients_do_not_know(tmp_path: Path) -> None:
    described = introspection_from_schema(schema(tmp_path))["__schema"]
    named = {directive["name"]: set(directive["locations"]) for directive in described["directives"]}
    [enum] = [type_ for type_ in described["types"] if type_["name"] == "__DirectiveLocation"]

    assert {"deprecated", "skip", "include", "aws_iam", "aws_subscribe"} <= named.keys()
    assert all(locations and locations <= KNOWN for locations in named.values())
    assert {value["name"] for value in enum["enumValues"]} <= KNOWN  # type: ignore[typeddict-item]


def test_the_directives_of_other_schemas_in_this_process_are_unchanged(tmp_path: Path) -> None:
    before = [tuple(directive.locations) for directive in specified_directives]
    schema(tmp_path)

    assert [tuple(directive.locations) for directive in specified_directives] == before
