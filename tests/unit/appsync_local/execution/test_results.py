"""Results that resolvers answer, as a client receives them: coercion, abstract types, and the words of errors."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.small_apis import HEADERS, small_api

ANIMALS = """
interface Named { name: String }
interface Animal { id: ID! name: String }
type Dog implements Animal & Named { id: ID! name: String bark: String owner: Owner friends: [Animal] }
type Cat implements Animal & Named { id: ID! name: String meow: String }
type Owner { id: ID! secret: String }
union Found = Dog | Cat
type Query { a: Animal all: [Animal] dog: Dog found: Found many: [Found!] sel: Animal owner: Owner text: String }
"""


async def test_a_boolean_in_a_text_is_a_boolean(tmp_path: Path) -> None:
    schema = "type Query { b: Boolean list: [Boolean!] }"

    async with small_api(
        tmp_path, schema, {"Query.b": "return 'false';", "Query.list": "return ['true', 'FALSE', 0];"}
    ) as api:
        answer = await api.ask("{ b list }")

    assert answer == {"data": {"b": False, "list": [True, False, False]}}


async def test_published_values_are_coerced_before_they_are_filtered(tmp_path: Path) -> None:
    schema = """
    type Seen { flag: Boolean count: Int id: ID }
    type Query { x: Int }
    type Mutation { see: Seen }
    type Subscription { seen(flag: Boolean, count: Int, id: ID): Seen @aws_subscribe(mutations: ["see"]) }
    """
    responses = {"Mutation.see": "return { flag: 'false', count: '3', id: 7 };"}

    async with small_api(tmp_path, schema, responses) as api, api.connected() as socket:
        auth = {"host": "localhost", **HEADERS}
        query = 'subscription { seen(flag: false, count: 3, id: "7") { flag count id } }'
        started = await socket.start("1", query, auth=auth)
        await api.ask("mutation { see { flag count id } }")
        event = await socket.receive()

    assert started["type"] == "start_ack"
    assert event["payload"]["data"] == {"seen": {"flag": False, "count": 3, "id": "7"}}


@pytest.mark.parametrize(
    ("field", "body", "query", "data"),
    [
        ("Query.a", "util.error('no', 'T', {id: '1', name: 'hidden'});", "{ a { id } }", {"id": "1"}),
        ("Query.a", "util.error('no', 'T', {__typename: 'Dog', id: '1', bark: 'x', meow: 'y'});",
         "{ a { key: id ... on Dog { bark } ... on Cat { meow } } }", {"key": "1", "bark": "x"}),
        ("Query.all", "util.error('no', 'T', [{id: '1', name: 'hidden'}]);", "{ all { id } }", [{"id": "1"}]),
        ("Query.found", "util.error('no', 'T', {id: '1', name: 'hidden'});",
         "{ found { ... on Dog { id } } }", {"id": "1"}),
        ("Query.dog", "util.error('no', 'T', {owner: {id: '1', secret: 'x'}, friends: [{id: '2', name: 'x'}]});",
         "{ dog { owner { id } friends { id } } }", {"owner": {"id": "1"}, "friends": [{"id": "2"}]}),
        ("Query.found", "util.appendError('no', 'T', {id: '1', name: 'hidden'}); return null;",
         "{ found { __typename } }", {}),
    ],
)  # fmt: skip
async def test_the_data_of_an_error_is_reduced_to_the_selection(
    tmp_path: Path, field: str, body: str, query: str, data: Any
) -> None:
    async with small_api(tmp_path, ANIMALS, {field: body}) as api:
        answer = await api.ask(query)

    assert answer["errors"][0]["data"] == data


@pytest.mark.parametrize(
    ("selection", "listed"),
    [
        ("id ... on Dog { bark }", ["id"]),
        ("... on Dog { id bark } ... on Cat { id }", []),
        ("... on Animal { id } ... { name }", ["id", "name"]),
        ("...F", ["id"]),
        ("__typename", ["__typename"]),
    ],
)
async def test_the_selection_list_of_an_abstract_type_has_the_fields_of_all_its_types(
    tmp_path: Path, selection: str, listed: list[str]
) -> None:
    responses = {"Query.sel": "util.error(JSON.stringify(ctx.info.selectionSetList));"}
    fragment = "fragment F on Animal { id ... on Cat { meow } }" if "...F" in selection else ""

    async with small_api(tmp_path, ANIMALS, responses) as api:
        answer = await api.ask(f"{{ sel {{ {selection} }} }} {fragment}")

    assert answer["errors"][0]["message"].replace(" ", "") == str(listed).replace("'", '"').replace(" ", "")


async def test_the_selection_list_below_an_object_has_the_paths_of_abstract_fields(tmp_path: Path) -> None:
    responses = {"Query.dog": "util.error(JSON.stringify(ctx.info.selectionSetList));"}

    async with small_api(tmp_path, ANIMALS, responses) as api:
        answer = await api.ask("{ dog { ... on Animal { id } friends { name ... on Dog { owner { id } } } } }")

    assert answer["errors"][0]["message"] == '["id","friends","friends/name"]'


@pytest.mark.parametrize(
    ("field", "body", "query", "message"),
    [
        ("Query.found", "return {id: '1'};", "{ found { ... on Dog { id } } }",
         ("Can't resolve '/found'. Abstract type 'Found' must resolve to an Object type at runtime for field "
         "'Query.found'. Could not determine the exact type of Found. Missing __typename key on value.")),
        ("Query.many", "return [{__typename: 'Dog'}, {id: '1'}];", "{ many { __typename } }",
         ("Can't resolve '/many[1]'. Abstract type 'Found' must resolve to an Object type at runtime for field "
         "'Query.many'. Could not determine the exact type of Found. Missing __typename key on value.")),
        ("Query.all", "return {a: 1};", "{ all { id } }",
         "Can't resolve value (/all) : type mismatch error, expected type LIST"),
        ("Query.dog", "return 'x';", "{ dog { id } }",
         "Can't resolve value (/dog) : type mismatch error, expected type OBJECT"),
    ],
)  # fmt: skip
async def test_a_result_of_the_wrong_kind_is_refused_in_the_words_of_the_service(
    tmp_path: Path, field: str, body: str, query: str, message: str
) -> None:
    async with small_api(tmp_path, ANIMALS, {field: body}) as api:
        answer = await api.ask(query)

    assert answer["errors"][0]["message"] == message


async def test_a_result_that_does_not_fit_its_scalar_cannot_be_serialized(tmp_path: Path) -> None:
    schema = "type Query { at: AWSDateTime n: Int j: AWSJSON }"
    responses = {"Query.at": "return 'soon';", "Query.n": "return 'x';", "Query.j": "return {a: [1]};"}

    async with small_api(tmp_path, schema, responses) as api:
        answer = await api.ask("{ at n j }")

    assert answer["data"] == {"at": None, "n": None, "j": '{"a":[1]}'}
    assert sorted(entry["message"] for entry in answer["errors"]) == [
        "Can't serialize value (/at) : Unable to serialize `soon` as a valid DateTime Object.",
        "Can't serialize value (/n) : Expected type 'Int' but was 'String'.",
    ]


async def test_code_reads_the_environment_variables_of_the_api(tmp_path: Path) -> None:
    environment = {"TABLE_NAME": "notes", "Stage2": ""}
    responses = {"Query.x": "return JSON.stringify(ctx.env) + ctx.env.TABLE_NAME;"}

    async with small_api(tmp_path, "type Query { x: String }", responses, environment=environment) as api:
        answer = await api.ask("{ x }")

    assert answer == {"data": {"x": '{"TABLE_NAME":"notes","Stage2":""}notes'}}
