"""The compiled coercion of variables and the completion of leaves, compared with graphql-core and the general path."""

from pathlib import Path
from typing import Any

import pytest
from graphql import OperationDefinitionNode, get_variable_values, parse
from graphql.execution.values import VariableValues

from appsync_local.api.scalars import FastPathMiss
from appsync_local.api.schema import load_schema
from appsync_local.operation.variables import Variables
from tests.support.engine_clients import Http
from tests.support.engine_doubles import RecordingInvoker, note

SCHEMA = """
scalar Anything
enum Colour { RED GREEN }
input Size { width: Int!, height: Float = 1.5, unit: String }
input Tree { children: [Tree!] }
input Thing @oneOf { name: String, number: Int }
input Box { holds: Anything! }
type Query {
  take(id: ID, word: String, number: Int, ratio: Float, flag: Boolean, colour: Colour, detail: AWSJSON, day: AWSDate,
    size: Size, sizes: [Size!], words: [[String]], tree: Tree, thing: Thing, anything: Anything, box: Box): String
}
"""
FITTING: list[tuple[str, list[Any]]] = [
    ("$v: ID", ["x", 7, None]),
    ("$v: String!", ["x", ""]),
    ("$v: Int", [0, 7.0, None]),
    ("$v: Float", [1, 1.5]),
    ("$v: Boolean", [True, False]),
    ("$v: Colour", ["RED"]),
    ("$v: AWSJSON", ['{"a": [1]}']),
    ("$v: Size", [{"width": 1}, {"width": 1, "height": None, "unit": "m"}, None]),
    ("$v: [Size!]", [[{"width": 1}], {"width": 2}, []]),
    ("$v: [[String]]", [[["a", None], None], ["a"], "a"]),
    ("$v: Anything", [1, {"a": [None]}, None]),
    ("$v: Anything!", [1, "x"]),
    ("$v: Box", [{"holds": []}]),
]
UNFIT: list[tuple[str, list[Any]]] = [
    ("$v: ID", [True, [], {}]),
    ("$v: String!", [None, 7, ["x"]]),
    ("$v: Int", ["7", 2**31, 1.5, True]),
    ("$v: Boolean", [0, "true"]),
    ("$v: Colour", ["BLUE", 1]),
    ("$v: AWSJSON", ["{", 7]),
    ("$v: AWSDate", ["yesterday"]),
    ("$v: Size", [{}, {"width": None}, {"width": 1, "depth": 2}, [], "x"]),
    ("$v: [Size!]", [[None], [{"width": 1}, {}]]),
    ("$v: Anything!", [None]),
    ("$v: Box", [{"holds": None}, {}]),
]


def cases(table: list[tuple[str, list[Any]]]) -> list[tuple[str, Any]]:
    return [(definition, value) for definition, values in table for value in values]


@pytest.fixture(scope="module")
def schema_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("fast") / "schema.graphql"
    file.write_text(SCHEMA)
    return file


def both(file: Path, definition: str, given: dict[str, Any]) -> tuple[object, object]:
    """The variables as the compiled functions and as graphql-core coerce them."""
    schema = load_schema(file)
    [operation] = parse(f"query ({definition}) {{ __typename }}").definitions
    assert isinstance(operation, OperationDefinitionNode)
    definitions = operation.variable_definitions or ()
    try:
        compiled: object = Variables(schema, definitions).coerce(given)
    except FastPathMiss:
        compiled = FastPathMiss
    return compiled, get_variable_values(schema, definitions, given)


@pytest.mark.parametrize(("definition", "value"), cases(FITTING))
def test_a_valid_value_is_coerced_as_graphql_core_coerces_it(schema_file: Path, definition: str, value: object) -> None:
    compiled, general = both(schema_file, definition, {"v": value})

    assert isinstance(compiled, VariableValues)
    assert isinstance(general, VariableValues)
    assert compiled.coerced == general.coerced
    assert [source.value for source in compiled.sources.values()] == [value]


@pytest.mark.parametrize(("definition", "value"), cases(UNFIT))
def test_a_value_that_does_not_fit_is_left_to_graphql_core(schema_file: Path, definition: str, value: object) -> None:
    compiled, general = both(schema_file, definition, {"v": value})

    assert compiled is FastPathMiss
    assert isinstance(general, list)


@pytest.mark.parametrize("definition", ["$v: Int", "$v: Int, $w: String"])
def test_an_optional_variable_that_was_not_given_is_absent(schema_file: Path, definition: str) -> None:
    compiled, general = both(schema_file, definition, {})

    assert compiled == general
    assert isinstance(general, VariableValues)
    assert general.coerced == {}


@pytest.mark.parametrize(
    ("definition", "given"),
    [("$v: Int = 3", {}), ("$v: Int!", {}), ("$v: Tree", {"v": {}}), ("$v: Thing", {"v": {"name": "x"}})],
)
def test_defaults_and_recursive_types_are_left_to_graphql_core(
    schema_file: Path, definition: str, given: dict[str, Any]
) -> None:
    compiled, _ = both(schema_file, definition, given)

    assert compiled is FastPathMiss


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"id": 7, "room": 5, "mood": "LOUD", "detail": {"a": 1}},
        {"mood": "WILD"},
        {"words": "many", "room": None},
        {"words": 2**31, "writtenAt": "yesterday"},
        {"id": None},
        {"revision": None, "words": None},
        {"revision": [1]},
    ],
)
async def test_an_object_of_leaves_is_the_same_with_and_without_a_type_name(
    http: Http, invoker: RecordingInvoker, changes: dict[str, Any]
) -> None:
    invoker.functions["notes"] = lambda _: note("n1") | changes
    fields = "key: id room mood words detail writtenAt revision"

    alone = await http.ask(f'{{ note(id: "n1") {{ {fields} }} }}')
    mixed = await http.ask(f'{{ note(id: "n1") {{ {fields} __typename }} }}')

    if mixed["data"]["note"] is not None:
        assert mixed["data"]["note"].pop("__typename") == "Note"
    assert alone == mixed


async def test_a_leaf_that_the_caller_may_not_see_is_refused_among_others(http: Http) -> None:
    answer = await http.ask('{ note(id: "n1") { words secret } }')

    assert answer["data"] == {"note": {"words": 12, "secret": None}}
    assert [error["errorType"] for error in answer["errors"]] == ["Unauthorized"]
