"""An API with mapping templates in VTL, over HTTP, with its recipes in DynamoDB."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest_asyncio
from aiohttp import web

from appsync_local import ApiKey, DynamoDbEndpoint, Engine
from appsync_local.data_sources.dynamodb.client import DynamoDbClient
from appsync_local.data_sources.http_client import HttpClient
from tests.fidelity.recipes_application import RECIPES, TABLE, api, cooks
from tests.support.engine_doubles import RecordingInvoker

KEY = ApiKey("da2-recipes", expires=datetime(2999, 1, 1, tzinfo=UTC))
ADD = "mutation ($input: RecipeInput!) { add(input: $input) { id name minutes tags version } }"


class Kitchen:
    """A client of the API."""

    def __init__(self, engine: Engine, session: aiohttp.ClientSession, invoker: RecordingInvoker) -> None:
        self.engine = engine
        self.session = session
        self.invoker = invoker

    async def ask(self, query: str, **variables: Any) -> Any:
        body = json.dumps({"query": query, "variables": variables})
        async with self.session.post(self.engine.graphql_url, data=body, headers={"x-api-key": KEY.key}) as response:
            assert response.status == 200
            return await response.json()

    async def data(self, query: str, **variables: Any) -> Any:
        answer = await self.ask(query, **variables)
        assert "errors" not in answer, answer
        return answer["data"]

    async def failure(self, query: str, **variables: Any) -> tuple[str, str]:
        (error,) = (await self.ask(query, **variables))["errors"]
        return error["errorType"], error["message"]


async def _price(request: web.BaseRequest) -> web.StreamResponse:
    if request.path != "/prices/a+b" or request.headers.get("x-recipes") != "yes":
        return web.Response(status=404, text="no such price")
    return web.json_response({"name": "a b", "cents": 5 if request.query["unit"] == "cents" else 0})


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def kitchen(dynamodb: DynamoDbEndpoint, session: aiohttp.ClientSession) -> AsyncIterator[Kitchen]:
    http_client = HttpClient()
    await DynamoDbClient(dynamodb, http_client).call(
        "CreateTable",
        {
            "TableName": TABLE,
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
        },
    )
    prices = web.ServerRunner(web.Server(_price))
    await prices.setup()
    await web.TCPSite(prices, "127.0.0.1", 0).start()
    invoker = RecordingInvoker(cooks=cooks)
    engine = Engine(
        api=api(f"http://127.0.0.1:{prices.addresses[0][1]}"),
        schema=RECIPES / "schema.graphql",
        code=RECIPES,
        invoker=invoker,
        handlers=frozenset({"cooks"}),
        api_keys=(KEY,),
        dynamodb=dynamodb,
    )
    await engine.start(port=0)
    yield Kitchen(engine, session, invoker)
    await engine.stop()
    await prices.cleanup()
    await http_client.close()


async def test_an_item_is_put_read_and_deleted(kitchen: Kitchen) -> None:
    recipe = {"id": "soup", "name": 'a "hot" soup\n', "minutes": 20, "tags": ["warm", "easy"]}

    added = await kitchen.data(ADD, input=recipe)
    read = await kitchen.data('{ recipe(id: "soup") { id name minutes tags version } none: recipe(id: "x") { id } }')
    removed = await kitchen.data('mutation { remove(id: "soup") { name } again: remove(id: "soup") { name } }')

    for found in (added["add"], read["recipe"]):
        found["tags"].sort()  # a set has no order
    assert added["add"] == recipe | {"tags": ["easy", "warm"], "version": 1}
    assert read == {"recipe": added["add"], "none": None}
    assert removed == {"remove": {"name": recipe["name"]}, "again": None}


async def test_an_id_is_made_and_validated(kitchen: Kitchen) -> None:
    made = await kitchen.data(ADD, input={"name": "bread"})
    (refused,) = (await kitchen.ask(ADD, input={"id": "No!"}))["errors"]

    assert len(made["add"]["id"]) == 36
    assert (refused["errorType"], refused["data"]) == ("InvalidId", {"id": "No!"})


async def test_a_failed_condition_is_the_error_that_the_template_raises(kitchen: Kitchen) -> None:
    await kitchen.data(ADD, input={"id": "once", "name": "first"})

    (error,) = (await kitchen.ask(ADD, input={"id": "once", "name": "second"}))["errors"]

    assert error["errorType"] == "DynamoDB:ConditionalCheckFailedException"
    assert error["data"]["name"] == "first"


async def test_an_update_sets_and_removes_the_attributes_of_its_input(kitchen: Kitchen) -> None:
    await kitchen.data(ADD, input={"id": "pie", "name": "pie", "cook": "ann", "minutes": 50})
    change = (
        "mutation ($v: Int!, $input: RecipeInput!) "
        '{ change(id: "pie", expectedVersion: $v, input: $input) { name cook minutes version } }'
    )

    changed = await kitchen.data(change, v=1, input={"name": "apple pie", "cook": None})
    refused = await kitchen.failure(change, v=1, input={"name": "late"})

    assert changed["change"] == {"name": "apple pie", "cook": None, "minutes": 50, "version": 2}
    assert refused[0] == "DynamoDB:ConditionalCheckFailedException"


async def test_a_filter_becomes_an_expression(kitchen: Kitchen) -> None:
    for number, name in enumerate(("tart c", "tart a", "tart b")):
        await kitchen.data(ADD, input={"id": f"tart-{number}", "name": name, "minutes": number})
    query = "query ($filter: AWSJSON!) { search(filter: $filter, limit: 100) { items { name } nextToken } }"
    wanted = {"name": {"beginsWith": "tart"}, "or": [{"minutes": {"eq": 0}}, {"minutes": {"gt": 1}}]}

    found = await kitchen.data(query, filter=json.dumps(wanted))

    assert found["search"] == {"items": [{"name": "tart b"}, {"name": "tart c"}], "nextToken": None}


async def test_a_batch_keeps_the_order_of_the_ids(kitchen: Kitchen) -> None:
    for name in ("one", "two"):
        await kitchen.data(ADD, input={"id": name, "name": name})

    assert await kitchen.data('{ several(ids: ["two", "missing", "one"]) { name } }') == {
        "several": [{"name": "two"}, None, {"name": "one"}]
    }


async def test_a_pipeline_runs_templates_around_templates_and_code(kitchen: Kitchen) -> None:
    await kitchen.data(ADD, input={"id": "stew", "name": "stew"})
    rename = "mutation ($id: ID!, $name: String!) { rename(id: $id, name: $name) { name } }"

    assert await kitchen.data(rename, id="stew", name=" goulash ") == {"rename": {"name": "GOULASH"}}
    assert await kitchen.failure(rename, id="stew", name=" ") == ("InvalidName", "a name has letters")
    assert await kitchen.failure(rename, id="nothing", name="x") == (
        "Unauthorized",
        "Not Authorized to access rename on type Mutation",
    )
    appended = await kitchen.ask(rename, id="stew", name="goulash")
    assert appended["data"] == {"rename": {"name": "GOULASH"}}
    assert [error["errorType"] for error in appended["errors"]] == ["Unchanged"]


async def test_the_first_version_does_not_map_a_missing_item(kitchen: Kitchen) -> None:
    await kitchen.data(ADD, input={"id": "cake", "name": "cake"})

    assert await kitchen.data('{ a: old(id: "cake") { name } b: old(id: "gone") { name } }') == {
        "a": {"name": "the old cake"},
        "b": None,
    }


async def test_a_transaction_of_templates_may_end_with_a_comma(kitchen: Kitchen) -> None:
    pairs = [json.dumps({"from": "cake", "to": f"copy-{number}"}) for number in range(2)]

    copied = await kitchen.data("mutation ($pairs: [AWSJSON!]!) { copy(pairs: $pairs) }", pairs=pairs)

    assert copied == {"copy": ["copy-0", "copy-1"]}


async def test_children_without_a_cook_return_early_and_the_others_share_one_batch(kitchen: Kitchen) -> None:
    for name, cook in (("b1", "ann"), ("b2", None), ("b3", "bob")):
        await kitchen.data(ADD, input={"id": name, "name": name, "cook": cook})
    kitchen.invoker.invoked.clear()

    found = await kitchen.data('{ several(ids: ["b1", "b2", "b3"]) { cookedBy { name } } }')

    names = [None if recipe["cookedBy"] is None else recipe["cookedBy"]["name"] for recipe in found["several"]]
    assert names == ["ann (cookedBy)", None, "bob (cookedBy)"]
    assert len(kitchen.invoker.invoked) == 1


async def test_an_http_request_is_sent_and_its_answer_read(kitchen: Kitchen) -> None:
    found = await kitchen.ask('{ found: price(name: "a b") { name cents } missing: price(name: "c") { name } }')

    assert found["data"] == {"found": {"name": "a b", "cents": 5}, "missing": None}
    assert [(error["errorType"], error["message"]) for error in found["errors"]] == [("404", "no such price")]


async def test_text_that_is_not_json_is_an_error_of_its_field(kitchen: Kitchen) -> None:
    await kitchen.data(ADD, input={"id": "quoted", "name": 'so "called"'})

    type_, message = await kitchen.failure('{ old(id: "quoted") { name } }')

    assert type_ == "MappingTemplate"
    assert message.startswith("Unexpected character ('c' (code 99)): was expecting comma to separate Object entries")
