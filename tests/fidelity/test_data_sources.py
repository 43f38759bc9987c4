"""Items of the checklist about resolvers and data sources, tested on a store with its orders in DynamoDB."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from appsync_local import ApiKey, DynamoDbEndpoint, Engine
from appsync_local.data_sources.dynamodb.client import DynamoDbClient
from appsync_local.data_sources.http_client import HttpClient
from appsync_local.errors import FunctionFailed
from tests.fidelity.store_application import HANDLERS, LINES, ORDERS, STORE, StoreInvoker, wiring

KEY = ApiKey("da2-store", expires=datetime(2999, 1, 1, tzinfo=UTC))


class Store:
    """A client of the store's API."""

    def __init__(self, engine: Engine, session: aiohttp.ClientSession, invoker: StoreInvoker) -> None:
        self.engine = engine
        self.session = session
        self.invoker = invoker

    async def respond(
        self, query: str, variables: Any = None, *, headers: list[tuple[str, str]] | None = None
    ) -> tuple[Any, Any]:
        """Send a request and return the JSON and the headers of the response."""
        sent = [("x-api-key", KEY.key), *(headers or [])]
        body = json.dumps({"query": query, "variables": variables})
        async with self.session.post(self.engine.graphql_url, data=body, headers=sent) as response:
            assert response.status == 200
            return await response.json(), response.headers

    async def ask(self, query: str, variables: Any = None) -> Any:
        return (await self.respond(query, variables))[0]


async def _price(request: web.BaseRequest) -> web.StreamResponse:
    return web.json_response({"path": request.path, "from": request.headers["x-from"]})


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def open_store(dynamodb: DynamoDbEndpoint, session: aiohttp.ClientSession) -> AsyncIterator[Store]:
    http_client = HttpClient()
    client = DynamoDbClient(dynamodb, http_client)
    for table, keys in ((ORDERS, ("id",)), (LINES, ("order", "sku"))):
        await client.call(
            "CreateTable",
            {
                "TableName": table,
                "KeySchema": [
                    {"AttributeName": k, "KeyType": t} for k, t in zip(keys, ("HASH", "RANGE"), strict=False)
                ],
                "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in keys],
                "BillingMode": "PAY_PER_REQUEST",
            },
        )
    for sku in ("a", "bb", "ccc"):
        await client.call("PutItem", {"TableName": LINES, "Item": {"order": {"S": "o1"}, "sku": {"S": sku}}})
    prices = web.ServerRunner(web.Server(_price))
    await prices.setup()
    await web.TCPSite(prices, "127.0.0.1", 0).start()
    invoker = StoreInvoker()
    engine = Engine(
        api=wiring(f"http://127.0.0.1:{prices.addresses[0][1]}"),
        schema=STORE / "schema.graphql",
        code=STORE,
        invoker=invoker,
        handlers=HANDLERS,
        api_keys=(KEY,),
        dynamodb=dynamodb,
    )
    await engine.start(port=0)
    yield Store(engine, session, invoker)
    await engine.stop()
    await prices.cleanup()
    await http_client.close()


@pytest.fixture
def store(open_store: Store) -> Store:
    open_store.invoker.invoked.clear()
    open_store.invoker.enqueued.clear()
    return open_store


async def test_c19_a_put_and_an_event_answer_before_the_event_is_handled(store: Store) -> None:
    answered = await store.ask('mutation { dispatchOrder(id: "d1", customer: "Ada") { id status } }')

    assert answered == {"data": {"dispatchOrder": {"id": "d1", "status": "DISPATCHED"}}}


async def test_c22_the_next_function_reads_a_stored_item_as_plain_json(store: Store) -> None:
    await store.ask('mutation { dispatchOrder(id: "d2", customer: "Ada") { id } }')

    assert store.invoker.enqueued == [("carrier", {"id": "d2", "customer": "Ada", "status": "DISPATCHED"})]


async def test_c65_a_conditional_put_on_a_different_item_fails_and_returns_the_stored_item(store: Store) -> None:
    place = 'mutation { placeOrder(id: "o65", customer: "%s") { id customer } }'
    await store.ask(place % "Ada")

    refused = await store.ask(place % "Bob")

    [error] = refused["errors"]
    assert refused["data"] == {"placeOrder": None}
    assert error["errorType"] == "DynamoDB:ConditionalCheckFailedException"
    assert error["data"] == {"id": "o65", "customer": "Ada"}
    assert "Error Code: ConditionalCheckFailedException" in error["message"]


async def test_c66_the_same_put_again_succeeds_with_the_stored_item(store: Store) -> None:
    place = 'mutation { placeOrder(id: "o66", customer: "Ada", placedAt: "%s") { id placedAt } }'

    first = await store.ask(place % "monday")
    second = await store.ask(place % "monday")
    differing = await store.ask(place % "tuesday")

    assert first == second == differing == {"data": {"placeOrder": {"id": "o66", "placedAt": "monday"}}}


async def test_a_stored_item_is_found_and_a_missing_one_is_null(store: Store) -> None:
    await store.ask('mutation { placeOrder(id: "o1", customer: "Ada") { id } }')

    answered = await store.ask('{ order(id: "o1") { customer status } none: order(id: "no") { id } }')

    assert answered == {"data": {"order": {"customer": "Ada", "status": "PLACED"}, "none": None}}


async def test_a_field_of_every_item_of_a_list_is_one_invocation(store: Store) -> None:
    await store.ask('mutation { placeOrder(id: "o1", customer: "Ada") { id } }')

    answered = await store.ask('{ order(id: "o1") { lines { sku price } } }')

    lines = answered["data"]["order"]["lines"]
    assert lines == [{"sku": "a", "price": 100}, {"sku": "bb", "price": 200}, {"sku": "ccc", "price": 300}]
    assert store.invoker.calls("prices") == [["a", "bb", "ccc"]]


async def test_c88_an_early_return_skips_data_source_and_response_and_becomes_the_previous_result(
    store: Store,
) -> None:
    answered = await store.ask("{ skipped }")

    assert json.loads(answered["data"]["skipped"]) == {
        "seen": ["leaves: request", {"left": "early"}],
        "last": "looked",
    }


async def test_c89_a_loop_may_run_a_thousand_times_and_not_once_more(store: Store) -> None:
    answered = await store.ask("{ enough: repeated(times: 1000) tooMuch: repeated(times: 1001) }")

    assert answered["data"] == {"enough": 1000, "tooMuch": None}
    [error] = answered["errors"]
    assert error["errorType"] == "Code"
    assert error["message"].startswith("code.js:5:")
    assert "exceeds the limit of 1000 iterations" in error["message"]


@pytest.mark.parametrize("given", ['{"a": [1, {"b": null}]}', "[1]", '"text"', "3"])
async def test_c91_json_is_parsed_in_arguments_and_serialized_in_results(store: Store, given: str) -> None:
    answered = await store.ask("query ($value: AWSJSON) { echo(value: $value) }", {"value": given})

    out = answered["data"]["echo"]
    assert isinstance(out, str)
    parsed = json.loads(given)
    assert json.loads(out) == {"given": parsed, "isObject": isinstance(parsed, dict | list)}


async def test_c92_a_header_sent_twice_is_a_list_and_cookies_are_hidden(store: Store) -> None:
    sent = [("x-trace", "a"), ("x-trace", "b"), ("x-once", "c"), ("cookie", "secret=1")]

    answered, _ = await store.respond("{ told }", headers=sent)

    seen = json.loads(answered["data"]["told"])
    assert (seen["x-trace"], seen["x-once"]) == (["a", "b"], "c")
    assert "cookie" not in seen


async def test_c93_a_resolver_may_add_a_response_header(store: Store) -> None:
    answered, headers = await store.respond('{ labelled(name: "x-app", value: "1") }')

    assert answered == {"data": {"labelled": "labelled"}}
    assert headers["x-app"] == "1"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-amzn-foo", "1"), ("X-AMZ-Foo", "1"), ("content-type", "text/html"), ("access-control-allow-origin", "x"),
        ("bad name", "1"), ("x-app", "a\r\nset-cookie: b"), ("x-app", "v" * 4092),
    ],
)  # fmt: skip
async def test_c93_a_restricted_malformed_or_too_large_header_is_refused_and_the_data_is_kept(
    store: Store, name: str, value: str
) -> None:
    answered, headers = await store.respond(
        "query ($n: String!, $v: String!) { labelled(name: $n, value: $v) }", {"n": name, "v": value}
    )

    assert answered["data"] == {"labelled": "labelled"}
    assert [error["errorType"] for error in answered["errors"]] == ["ResponseHeaderError"]
    assert "set-cookie" not in headers
    assert headers.get("x-app") is None
    assert headers["content-type"] == "application/json;charset=UTF-8"


async def test_an_http_endpoint_is_asked_and_its_answer_is_the_result(store: Store) -> None:
    answered = await store.ask('{ quoted(sku: "a1") }')

    assert json.loads(answered["data"]["quoted"]) == {
        "status": 200,
        "body": {"path": "/prices/a1", "from": "store"},
    }


async def test_a_direct_lambda_resolver_receives_the_context_and_returns_the_field(store: Store) -> None:
    answered = await store.ask('{ direct(text: "hello") }')

    seen = json.loads(answered["data"]["direct"])
    assert seen["arguments"] == {"text": "hello"}
    assert (seen["info"]["fieldName"], seen["info"]["parentTypeName"]) == ("direct", "Query")
    assert seen.keys() == {"arguments", "source", "identity", "request", "info", "stash", "prev"}


async def test_the_exception_of_a_direct_lambda_resolver_becomes_the_error_type(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def throw(_: Any) -> Any:
        raise FunctionFailed("Lambda:Unhandled", "out of stock", "OutOfStock")

    monkeypatch.setitem(store.invoker.functions, "prices", throw)

    [error] = (await store.ask("{ direct }"))["errors"]

    assert (error["errorType"], error["message"], error["path"]) == ("OutOfStock", "out of stock", ["direct"])


async def test_an_eviction_is_reported_in_the_response(store: Store) -> None:
    assert await store.ask("mutation { forgetPrices }") == {
        "data": {"forgetPrices": True},
        "extensions": {"apiCacheEntriesDeleted": 0},
    }
