"""The DynamoDB data source: request objects made by the `dynamodb` module, run against two emulators."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from yarl import URL

from appsync_local.data_sources.dynamodb.client import DynamoDbClient
from appsync_local.data_sources.dynamodb.endpoint import DynamoDbEndpoint
from appsync_local.data_sources.dynamodb.source import DynamoDbDataSource
from appsync_local.data_sources.dynamodb.values import item_to_plain, item_to_wire
from appsync_local.data_sources.http_client import HttpClient, Response
from appsync_local.errors import FieldError, SourceFailed
from tests.support.engine_doubles import RecordingInvoker
from tests.unit.appsync_local.data_sources.conftest import Table, field_context

KEY = "key: { id: 'a', n: 1 }"
ABSENT = "condition: { id: { attributeExists: false } }"


async def failure(table: Table, expression: str) -> SourceFailed:
    with pytest.raises(SourceFailed) as caught:
        await table.run(expression)
    return caught.value


async def test_a_put_item_is_read_back_as_plain_values(table: Table) -> None:
    put = await table.run(
        f"ddb.put({{ {KEY}, item: {{ s: 'text', f: 1.5, yes: true, nothing: null, list: [1, {{ deep: 'x' }}], "
        "letters: ddb.toStringSet(['q', 'p']), numbers: ddb.toNumberSet([1, 2.5]) } })"
    )
    got = await table.run(f"ddb.get({{ {KEY}, consistentRead: true }})")

    assert put == {
        "id": "a", "n": 1, "s": "text", "f": 1.5, "yes": True, "nothing": None, "list": [1, {"deep": "x"}],
        "letters": ["q", "p"], "numbers": [1, 2.5],
    }  # fmt: skip
    assert {**got, "letters": sorted(got["letters"], reverse=True), "numbers": sorted(got["numbers"])} == put


async def test_a_missing_item_is_null_and_a_projection_selects_attributes(table: Table) -> None:
    await table.run(f"ddb.put({{ {KEY}, item: {{ keep: {{ it: [7], not: 8 }}, drop: 1 }} }})")

    assert await table.run("ddb.get({ key: { id: 'b', n: 1 } })") is None
    assert await table.run(f"ddb.get({{ {KEY}, projection: ['n', 'keep.it'] }})") == {"n": 1, "keep": {"it": [7]}}


async def test_an_update_returns_the_item_after_the_update(table: Table) -> None:
    await table.run(
        f"ddb.put({{ {KEY}, item: {{ count: 1, items: [2], gone: 1, deep: {{ a: 1, b: 2 }}, whole: {{ a: 1 }} }} }})"
    )

    updated = await table.run(
        f"ddb.update({{ {KEY}, update: {{ count: ddb.operations.increment(4), items: ddb.operations.append([3]), "
        "gone: ddb.operations.remove(), deep: { a: 5 }, whole: ddb.operations.replace({ c: 1 }), "
        "added: ddb.operations.add('x'), plain: 'y' } })"
    )
    again = await table.run(
        f"ddb.update({{ {KEY}, update: {{ count: ddb.operations.decrement(), items: ddb.operations.prepend([1]) }} }})"
    )
    last = await table.run(f"ddb.update({{ {KEY}, update: {{ items: [ddb.operations.updateListItem(9, 1)] }} }})")

    assert updated == {
        "id": "a", "n": 1, "count": 5, "items": [2, 3], "deep": {"a": 5, "b": 2}, "whole": {"c": 1}, "added": "x",
        "plain": "y",
    }  # fmt: skip
    assert (again["count"], again["items"]) == (4, [1, 2, 3])
    assert last["items"] == [1, 9, 3]


async def test_a_delete_returns_the_deleted_item(table: Table) -> None:
    await table.run(f"ddb.put({{ {KEY}, item: {{ v: 1 }} }})")

    assert await table.run(f"ddb.remove({{ {KEY} }})") == {"id": "a", "n": 1, "v": 1}
    assert await table.run(f"ddb.remove({{ {KEY} }})") is None


async def test_a_query_returns_pages_in_either_order(table: Table) -> None:
    for n in range(1, 6):
        await table.run(
            f"ddb.put({{ key: {{ id: 'a', n: {n} }}, item: {{ even: {'true' if n % 2 == 0 else 'false'} }} }})"
        )

    first = await table.run("ddb.query({ query: { id: { eq: 'a' } }, limit: 2 })")
    token = first["nextToken"]
    second = await table.run(f"ddb.query({{ query: {{ id: {{ eq: 'a' }} }}, limit: 9, nextToken: '{token}' }})")
    backwards = await table.run(
        "ddb.query({ query: { id: { eq: 'a' }, n: { between: [2, 4] } }, scanIndexForward: false, "
        "filter: { even: { eq: true } }, projection: ['n'] })"
    )

    assert [item["n"] for item in first["items"]] == [1, 2]
    assert ([item["n"] for item in second["items"]], second["nextToken"]) == ([3, 4, 5], None)
    assert backwards == {"items": [{"n": 4}, {"n": 2}], "nextToken": None, "scannedCount": 3}


async def test_a_scan_is_filtered_and_counts_the_scanned_items(table: Table) -> None:
    for name in ("ada", "bob", "cyd"):
        await table.run(f"ddb.put({{ key: {{ id: '{name}', n: 1 }}, item: {{ name: '{name}' }} }})")

    found = await table.run(
        "ddb.scan({ filter: { or: [{ name: { beginsWith: 'a' } }, { name: { in: ['cyd'] } }], "
        "not: { n: { gt: 1 } } } })"
    )

    assert sorted(item["id"] for item in found["items"]) == ["ada", "cyd"]
    assert found["scannedCount"] == 3


async def test_an_invented_page_token_is_refused(table: Table) -> None:
    with pytest.raises(FieldError, match="Invalid pagination token given"):
        await table.run("ddb.scan({ nextToken: 'bm9uc2Vuc2U=' })")


async def test_batches_return_results_in_the_order_of_their_keys(table: Table) -> None:
    put = await table.run("ddb.batchPut({ tables: { [table]: [{ id: 'a', n: 1, v: 1 }, { id: 'b', n: 2, v: 2 }] } })")
    got = await table.run(
        "ddb.batchGet({ tables: { [table]: "
        "{ keys: [{ id: 'b', n: 2 }, { id: 'none', n: 1 }, { id: 'a', n: 1 }], projection: ['id', 'n', 'v'] } } })"
    )
    deleted = await table.run("ddb.batchDelete({ tables: { [table]: [{ id: 'a', n: 1 }] } })")

    a, b = {"id": "a", "n": 1, "v": 1}, {"id": "b", "n": 2, "v": 2}
    assert put == {"data": {table.name: [a, b]}, "unprocessedItems": {table.name: []}}
    assert got == {"data": {table.name: [b, None, a]}, "unprocessedKeys": {table.name: []}}
    assert deleted == {"data": {table.name: [{"id": "a", "n": 1}]}, "unprocessedKeys": {table.name: []}}
    assert await table.has("b")


async def test_a_put_whose_condition_fails_returns_the_stored_item(table: Table) -> None:
    await table.run(f"ddb.put({{ {KEY}, item: {{ v: 1 }} }})")

    failed = await failure(table, f"ddb.put({{ {KEY}, item: {{ v: 2 }}, {ABSENT} }})")

    assert failed.type == "DynamoDB:ConditionalCheckFailedException"
    assert failed.result == {"id": "a", "n": 1, "v": 1}
    assert (
        "(Service: AmazonDynamoDBv2; Status Code: 400; Error Code: ConditionalCheckFailedException;" in failed.message
    )


async def test_a_repeated_put_succeeds_although_its_condition_fails(table: Table) -> None:
    put = f"ddb.put({{ {KEY}, item: {{ v: 1, set: ddb.toStringSet(['b', 'a']) }}, {ABSENT} }})"
    await table.run(put)

    assert (await table.run(put.replace("['b', 'a']", "['a', 'b']")))["v"] == 1


async def test_ignored_attributes_may_differ_in_a_repeated_put(table: Table) -> None:
    def put(at: int, *, ignored: str) -> str:
        return (
            "{ operation: 'PutItem', key: util.dynamodb.toMapValues({ id: 'a', n: 1 }), "
            f"attributeValues: util.dynamodb.toMapValues({{ v: 1, at: {at} }}), "
            f"condition: {{ expression: 'attribute_not_exists(id)', equalsIgnore: ['{ignored}'] }} }}"
        )

    await table.run(put(1, ignored="at"))

    assert await table.run(put(2, ignored="at")) == {"id": "a", "n": 1, "v": 1, "at": 1}
    assert (await failure(table, put(2, ignored="v"))).result == {"id": "a", "n": 1, "v": 1, "at": 1}


async def test_an_update_whose_condition_fails_is_rejected_even_if_it_would_change_nothing(table: Table) -> None:
    await table.run(f"ddb.put({{ {KEY}, item: {{ v: 1 }} }})")

    failed = await failure(table, f"ddb.update({{ {KEY}, update: {{ v: 1 }}, condition: {{ v: {{ eq: 2 }} }} }})")

    assert failed.result == {"id": "a", "n": 1, "v": 1}


async def test_a_delete_of_a_missing_item_succeeds_whatever_its_condition(table: Table) -> None:
    remove = f"ddb.remove({{ {KEY}, condition: {{ v: {{ eq: 1 }} }} }})"

    assert await table.run(remove) is None
    await table.run(f"ddb.put({{ {KEY}, item: {{ v: 2 }} }})")
    assert (await failure(table, remove)).result == {"id": "a", "n": 1, "v": 2}


CUSTOM = (
    "condition: { expression: 'attribute_not_exists(id)', conditionalCheckFailedHandler: "
    "{ strategy: 'Custom', lambdaArn: 'arn:aws:lambda:us-east-1:1:function:judge' } }"
)
PUT_AGAIN = (
    "{ operation: 'PutItem', key: util.dynamodb.toMapValues({ id: 'a', n: 1 }), "
    f"attributeValues: util.dynamodb.toMapValues({{ v: 2 }}), {CUSTOM} }}"
)


async def test_the_function_of_a_condition_receives_the_request_and_may_discard_the_write(table: Table) -> None:
    await table.run(f"ddb.put({{ {KEY}, item: {{ v: 1 }} }})")
    table.invoker.functions["judge"] = lambda payload: {"action": "discard"}

    assert await table.run(PUT_AGAIN, why="test") == {"id": "a", "n": 1, "v": 1}

    [event] = table.invoker.calls("judge")
    assert event["arguments"] == {"why": "test"}
    assert event["currentValue"] == {"id": "a", "n": 1, "v": 1}
    assert event["requestMapping"]["operation"] == "PutItem"
    assert (event["resolver"]["tableName"], event["resolver"]["field"]) == (table.name, "f")
    assert event["identity"] == {"resolverContext": {"sub": "ada"}}


async def test_the_function_of_a_condition_may_reject_the_write_or_request_another(table: Table) -> None:
    await table.run(f"ddb.put({{ {KEY}, item: {{ v: 1 }} }})")
    table.invoker.functions["judge"] = lambda payload: {"action": "reject"}
    assert (await failure(table, PUT_AGAIN)).result == {"id": "a", "n": 1, "v": 1}

    other = {"condition": {"expression": "v = :v", "expressionValues": {":v": {"N": 1}}}}
    table.invoker.functions["judge"] = lambda payload: {"action": "retry", "retryMapping": other}

    assert await table.run(PUT_AGAIN) == {"id": "a", "n": 1, "v": 2}


async def test_a_transaction_writes_all_items_and_returns_their_keys(transactional: Table) -> None:
    table = transactional
    await table.run("ddb.put({ key: { id: 'old', n: 1 }, item: { v: 1 } })")

    written = await table.run(
        "ddb.transactWrite({ items: ["
        "{ putItem: { table, key: { id: 'new', n: 1 }, item: { v: 1 }, "
        "condition: { id: { attributeExists: false } } } },"
        "{ updateItem: { table, key: { id: 'more', n: 1 }, update: { v: 3 } } },"
        "{ deleteItem: { table, key: { id: 'old', n: 1 } } },"
        "{ conditionCheck: { table, key: { id: 'x', n: 1 }, condition: { id: { attributeExists: false } } } }] })"
    )
    read = await table.run(
        "ddb.transactGet({ items: [{ table, key: { id: 'more', n: 1 } }, { table, key: { id: 'old', n: 1 } }] })"
    )

    keys = [{"id": id_, "n": 1} for id_ in ("new", "more", "old", "x")]
    assert written == {"keys": keys, "cancellationReasons": None}
    assert read == {"items": [{"id": "more", "n": 1, "v": 3}, None], "cancellationReasons": None}
    assert await table.has("new", "more")


async def test_a_cancelled_transaction_writes_nothing_and_has_a_reason_per_item(transactional: Table) -> None:
    table = transactional
    await table.run("ddb.put({ key: { id: 'a', n: 1 }, item: { v: 1 } })")

    failed = await failure(
        table,
        "ddb.transactWrite({ items: [{ putItem: { table, key: { id: 'b', n: 1 }, item: {} } },"
        "{ putItem: { table, key: { id: 'a', n: 1 }, item: {}, condition: { id: { attributeExists: false } } } }] })",
    )

    assert failed.type == "DynamoDB:TransactionCanceledException"
    result: Any = failed.result
    assert result["keys"] is None
    assert [reason["type"] for reason in result["cancellationReasons"]] == ["None", "ConditionalCheckFailed"]
    assert result["cancellationReasons"][1]["item"] == {"id": "a", "n": 1, "v": 1}
    assert await table.has("a")


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ("{}", r"Value for field '\$\[operation\]' not found\."),
        ("{ operation: 'GetItem' }", r"Value for field '\$\[key\]' not found\."),
        ("{ operation: 'DropTable' }", "Unsupported operation 'DropTable'"),
        ("ddb.sync({})", "Sync needs a versioned data source"),
        ("{ operation: 'GetItem', key: { id: 'a' } }", "is not a typed value; write one with util.dynamodb.toDynamoDB"),
        ("{ operation: 'GetItem', key: { id: { S: true } } }", "not a typed value of DynamoDB"),
        ("{ operation: 'Query', query: 'id = 1' }", "must be an object with an `expression`"),
        (
            "{ operation: 'TransactWriteItems', transactItems: [{ table: 't', operation: 'X', key: {} }] }",
            "operation 'X'",
        ),
    ],
)
async def test_a_malformed_request_object_never_reaches_the_table(
    transactional: Table, request_: str, message: str
) -> None:
    with pytest.raises(FieldError, match=message) as caught:
        await transactional.run(request_)

    assert caught.value.type == "MappingTemplate"


async def test_an_error_of_dynamodb_keeps_its_name(table: Table) -> None:
    missing = DynamoDbDataSource("nowhere", table.client, table.invoker)

    with pytest.raises(SourceFailed) as caught:
        await missing.execute({"operation": "GetItem", "key": {"id": {"S": "a"}, "n": {"N": 1}}}, field_context())

    assert caught.value.type == "DynamoDB:ResourceNotFoundException"


async def test_an_endpoint_without_a_listener_fails_the_data_source() -> None:
    http_client = HttpClient()
    client = DynamoDbClient(DynamoDbEndpoint("http://127.0.0.1:1"), http_client)

    with pytest.raises(SourceFailed) as caught:
        await DynamoDbDataSource("t", client, RecordingInvoker()).execute(
            {"operation": "GetItem", "key": {"id": {"S": "a"}}}, field_context()
        )
    await http_client.close()

    assert caught.value.type == "DynamoDB:SdkClientException"


class RecordingHttpClient(HttpClient):
    """Keeps the last request and answers `{}`."""

    headers: Mapping[str, str]
    body: bytes

    async def send(self, method: str, url: URL, headers: Mapping[str, str], body: bytes, *, within: float) -> Response:
        self.headers, self.body = headers, body
        return Response(200, {}, b"{}")


@pytest.mark.parametrize("token", [None, "a session token"], ids=["long-term key", "session token"])
@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "https://dynamodb.eu-west-1.amazonaws.com"])
async def test_a_call_has_the_signature_that_botocore_computes(url: str, token: str | None) -> None:
    sent = RecordingHttpClient()
    endpoint = DynamoDbEndpoint(url, "eu-west-1", "AKID", "the secret", token)

    await DynamoDbClient(endpoint, sent, lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)).call("GetItem", {"a": 1})

    signed = {name: value for name, value in sent.headers.items() if name != "authorization"}
    request = AWSRequest("POST", url + "/", headers=signed, data=sent.body)
    request.context["timestamp"] = "20260102T030405Z"
    botocore = SigV4Auth(Credentials("AKID", "the secret", token), "dynamodb", "eu-west-1")
    expected = botocore.signature(botocore.string_to_sign(request, botocore.canonical_request(request)), request)
    assert sent.headers["authorization"].endswith(f"Signature={expected}")


def test_numbers_keep_their_value_in_both_directions() -> None:
    wire = item_to_wire({"a": {"N": 10}, "b": {"N": 2.0}, "c": {"N": "123456789012345678901"}, "d": {"NS": [1, 0.1]}})

    assert wire == {
        "a": {"N": "10"}, "b": {"N": "2"}, "c": {"N": "123456789012345678901"}, "d": {"NS": ["1", "0.1"]},
    }  # fmt: skip
    assert item_to_plain(wire) == {"a": 10, "b": 2, "c": 1.2345678901234568e20, "d": [1, 0.1]}
