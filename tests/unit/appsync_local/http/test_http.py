import io
import json
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from graphql import build_client_schema, get_introspection_query
from yarl import URL

from appsync_local import Engine
from tests.support.engine_clients import TOKEN, Http
from tests.support.engine_doubles import RecordingInvoker

NOTE = 'query Read { note(id: "n1") { id words } }'


async def test_a_query_is_answered_by_its_lambda_function(http: Http, invoker: RecordingInvoker) -> None:
    answer = await http.ask(NOTE)

    assert answer == {"data": {"note": {"id": "n1", "words": 12}}}
    [payload] = invoker.calls("notes")
    assert payload["arguments"] == {"id": "n1"}
    assert payload["identity"] == {"resolverContext": {"token": "custom-ada"}}


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=UTF-8", "application/graphql"])
async def test_the_media_type_of_a_request_is_ignored(http: Http, content_type: str) -> None:
    headers = {"authorization": "custom-ada", "content-type": content_type}

    response = await http.send(json.dumps({"query": NOTE, "extensions": {"unknown": 1}}), headers)

    assert response.json == {"data": {"note": {"id": "n1", "words": 12}}}


async def test_every_response_has_a_request_id_of_its_own(http: Http) -> None:
    responses = [await http.send(json.dumps({"query": NOTE})) for _ in range(2)]

    assert len({response.headers["x-amzn-requestid"] for response in responses}) == 2
    assert responses[0].headers["content-type"] == "application/json;charset=UTF-8"
    assert int(responses[0].headers["x-amzn-appsync-tokensconsumed"]) >= 1


async def test_a_page_of_this_machine_may_call(http: Http) -> None:
    asked = "authorization,content-type,x-api-key,x-amz-user-agent"
    headers = {"origin": "http://localhost:3000", "access-control-request-headers": asked}

    async with http.session.options(http.url, headers=headers) as preflight:
        assert preflight.status == 200
        assert preflight.headers["access-control-allow-origin"] == "http://localhost:3000"
        assert preflight.headers["access-control-allow-headers"] == asked
        assert "POST" in preflight.headers["access-control-allow-methods"]
    answered = await http.send(json.dumps({"query": NOTE}), {"authorization": TOKEN, "origin": "http://localhost:3000"})
    assert answered.headers["access-control-allow-origin"] == "http://localhost:3000"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "Request body is empty."),
        ("meow", "Unable to parse GraphQL query."),
        ("{}", "Unable to parse GraphQL query."),
        ("[]", "Unable to parse GraphQL query."),
        ('{"query": 3}', "Unable to parse GraphQL query."),
        ('{"query": "{a}", "variables": []}', "Unable to parse GraphQL query."),
    ],
)
async def test_a_body_without_a_query_is_malformed(http: Http, body: str, message: str) -> None:
    response = await http.send(body)

    assert response.error == (400, "MalformedHttpRequestException", message)


async def test_a_request_must_name_one_of_several_operations(http: Http) -> None:
    query = 'query A { note(id: "a") { id } } query B { note(id: "b") { id } }'

    unnamed = await http.send(json.dumps({"query": query}))
    named = await http.send(json.dumps({"query": query, "operationName": "B"}))
    unknown = await http.send(json.dumps({"query": query, "operationName": "C"}))

    assert unnamed.error == (400, "BadRequestException", "Missing operation name.")
    assert named.json == {"data": {"note": {"id": "b"}}}
    assert unknown.error == (400, "BadRequestException", "Unknown operation named 'C'.")


async def test_a_subscription_over_http_is_refused(http: Http) -> None:
    answer = await http.ask("subscription { written { id } }")

    assert answer["data"] is None
    assert answer["errors"][0]["errorType"] == "OperationNotSupported"


async def test_a_body_beyond_a_megabyte_is_refused(http: Http) -> None:
    body = json.dumps({"query": NOTE, "padding": "x" * 1_100_000}).encode()
    response = await http.send(io.BytesIO(body))

    assert response.error == (413, "BadRequestException", "the request body is larger than 1 MB")


async def test_other_paths_and_methods_are_refused(http: Http) -> None:
    async with http.session.put(http.url, data="{}") as put:
        assert put.status == 405
    async with http.session.get(http.url) as got:
        assert got.status == 400
        assert "send a POST request, or a GET request with `query`" in await got.text()
    async with http.session.post(http.url + "s", data="{}") as elsewhere:
        assert elsewhere.status == 404


async def test_introspection_describes_the_schema(http: Http) -> None:
    answer = await http.ask(
        """{ __schema { queryType { name } types { name kind } directives { name } }
             __type(name: "Note") { fields { name type { kind name ofType { name } } } } __typename }"""
    )

    names = {type_["name"]: type_["kind"] for type_ in answer["data"]["__schema"]["types"]}
    assert names["Note"] == "OBJECT"
    assert names["AWSJSON"] == "SCALAR"
    assert {"name": "id", "type": {"kind": "NON_NULL", "name": None, "ofType": {"name": "ID"}}} in answer["data"][
        "__type"
    ]["fields"]
    assert answer["data"]["__typename"] == "Query"


async def test_the_usual_introspection_query_is_answered_in_full(http: Http) -> None:
    answer = await http.ask(get_introspection_query(descriptions=True, directive_is_repeatable=True))

    assert "errors" not in answer
    assert build_client_schema(answer["data"]).get_type("Found") is not None


async def test_an_operation_leaves_one_log_line_without_token_variables_or_result(
    http: Http, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "appsync_local")

    await http.ask("query Read($id: ID!) { note(id: $id) { id } }", {"id": "private-id"})

    [line] = [record.getMessage() for record in caplog.records if record.name == "appsync_local.operations"]
    assert line.startswith("query Read (AWS_LAMBDA) ")
    assert line.endswith(" ms ok")
    assert "private-id" not in line
    assert "custom-ada" not in line


async def test_a_stopped_engine_fetches_no_keys(
    engine: Engine, user: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await engine.stop()
    opened: list[object] = []
    monkeypatch.setattr(aiohttp, "ClientSession", lambda **options: opened.append(options))

    response = await engine.served.requests.answer(
        b'{"query": "{ unanswered }"}', headers={"authorization": user()}, query="", peer="127.0.0.1", request_id="r"
    )

    assert response.status == 401
    assert opened == []


async def test_urls_of_an_engine_on_ipv6_have_brackets_and_lead_to_it(engine: Engine, http: Http) -> None:
    await engine.stop()
    try:
        await engine.start(host="::1", port=0)
    except OSError as error:
        pytest.skip(f"this machine has no IPv6 loopback address: {error}")

    answer = await Http(engine, http.session).ask(NOTE)

    assert engine.graphql_url.startswith("http://[::1]:")
    assert engine.realtime_url.startswith("ws://[::1]:")
    assert answer == {"data": {"note": {"id": "n1", "words": 12}}}


async def got(http: Http, headers: dict[str, str] | None = None, **parameters: str) -> tuple[int, Any]:
    sent = {"authorization": TOKEN} if headers is None else headers
    async with http.session.get(http.url, params=parameters, headers=sent) as response:
        return response.status, await response.json()


async def test_a_query_and_a_mutation_are_served_by_get(http: Http) -> None:
    query = "query One($id: ID!) { note(id: $id) { id } } query Two { fails }"

    one = await got(http, query=query, variables='{"id": "a b+c"}', operationName="One", extensions="{}")
    two = await got(http, query=query, operationName="Two", variables="")
    written = await got(http, query='mutation { queue(id: "n1") { id } }')

    assert one == (200, {"data": {"note": {"id": "a b+c"}}})
    assert (two[0], two[1]["data"]) == (200, {"fails": None})
    assert written == (200, {"data": {"queue": {"id": "n1"}}})


async def test_a_get_without_a_credential_is_refused_before_it_runs(http: Http, invoker: RecordingInvoker) -> None:
    status, answer = await got(http, headers={}, query='mutation { queue(id: "n1") { id } }')

    assert (status, answer["errors"][0]["errorType"]) == (401, "UnauthorizedException")
    assert invoker.enqueued == []


async def test_a_subscription_by_get_is_not_supported(http: Http) -> None:
    status, answer = await got(http, query="subscription { written { id } }")

    assert (status, answer["errors"][0]["errorType"]) == (200, "OperationNotSupported")


@pytest.mark.parametrize(
    ("query_string", "message"),
    [
        ("variables={}", "Unable to parse GraphQL query."),
        ("query=", "Unable to parse GraphQL query."),
        ("query=%7Bfails%7D&variables=%5B%5D", "Unable to parse GraphQL query."),
        ("query=%7Bfails%7D&variables=%7B", "the parameter variables must be JSON"),
        ("query=%7Bfails%7D&query=%7Bfails%7D", "a parameter of the query string is repeated; send each one once"),
        ("query=%ff", "Unable to parse GraphQL query."),
        ("query=%7Bfails%7D" + "&a=1" * 200, "Unable to parse GraphQL query."),
    ],
)
async def test_a_malformed_get_is_refused(http: Http, query_string: str, message: str) -> None:
    url = URL(f"{http.url}?{query_string}", encoded=True)
    async with http.session.get(url, headers={"authorization": TOKEN}) as response:
        error = (await response.json())["errors"][0]

    assert (response.status, error["errorType"], error["message"]) == (400, "MalformedHttpRequestException", message)
