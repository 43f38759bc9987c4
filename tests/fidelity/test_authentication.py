"""Checklist B1: which credentials are accepted."""

import json
import time
from typing import Any

import pytest

from appsync_local.errors import FunctionFailed
from tests.fidelity.application import DESK, EXPIRED_KEY, KEY, NOBODY, VISITOR
from tests.fidelity.callers import ApiClient, Callers, Credentials, bearer, signer
from tests.support.engine_clients import subprotocol_of
from tests.support.engine_doubles import RecordingInvoker
from tests.support.issuer import ISSUER, id_claims, signing_key

WHO = "{ whoAmI }"
NOT_AUTHORIZED = (401, "UnauthorizedException", "You are not authorized to make this call.")
NO_CREDENTIAL = (401, "UnauthorizedException", "Valid authorization header not provided.")
REFUSED_SOCKET = {
    "type": "connection_error",
    "payload": {
        "errors": [
            {
                "errorType": "UnauthorizedException",
                "message": "You are not authorized to make this call.",
                "errorCode": 401,
            }
        ]
    },
}


async def who(client: ApiClient, credentials: Credentials) -> Any:
    """Return the identity that the engine gives a caller."""
    answer = await client.ask(WHO, credentials=credentials)
    return json.loads(answer["data"]["whoAmI"])


async def refusal(client: ApiClient, credentials: Credentials) -> tuple[int, str, str]:
    """Return status, type and message of an error, and check that the error header has the same type."""
    return (await client.request(WHO, credentials=credentials)).error


def throw(_: Any) -> Any:
    raise FunctionFailed("Lambda:Unhandled", "the door is jammed")


async def test_c27_a_request_without_a_credential_is_refused(client: ApiClient) -> None:
    response = await client.request(WHO, credentials=lambda url, body: {})

    assert response.json == {
        "errors": [{"errorType": "UnauthorizedException", "message": "Valid authorization header not provided."}]
    }
    assert response.error == NO_CREDENTIAL


@pytest.mark.parametrize("key", ["da2-guessed", EXPIRED_KEY.key])
async def test_c28_a_wrong_or_expired_api_key_is_refused(client: ApiClient, key: str) -> None:
    assert await refusal(client, lambda url, body: {"x-api-key": key}) == NOT_AUTHORIZED


@pytest.mark.parametrize("name", ["x-api-key", "X-Api-Key"])
async def test_an_api_key_is_accepted_in_any_case_of_its_header(client: ApiClient, name: str) -> None:
    assert (await who(client, lambda url, body: {name: KEY.key}))["identity"] is None


@pytest.mark.parametrize("prefix", ["", "Bearer "])
async def test_c29_id_and_access_tokens_are_accepted_with_and_without_bearer(
    client: ApiClient, callers: Callers, prefix: str
) -> None:
    now = int(time.time())
    id_token = callers.issuer.sign(id_claims(iat=now, exp=now + 60))

    for token in (callers.user(), id_token):
        assert (await who(client, bearer(prefix + token)))["identity"]["username"] == "alice"


async def test_c30_a_token_with_a_bad_signature_a_foreign_issuer_or_a_past_expiry_is_refused(
    client: ApiClient, callers: Callers
) -> None:
    now = int(time.time())
    claims = id_claims(iat=now, exp=now + 60)
    forged = callers.issuer.sign(claims, key=signing_key("forger"), kid="first")

    assert await refusal(client, bearer(forged)) == NO_CREDENTIAL
    assert await refusal(client, bearer(callers.user(iss="https://elsewhere.test/pool"))) == NO_CREDENTIAL
    assert await refusal(client, bearer(callers.user(exp=now - 60))) == (
        401,
        "UnauthorizedException",
        "Token has expired.",
    )


async def test_a_token_for_a_client_outside_the_regular_expression_is_refused(
    client: ApiClient, callers: Callers
) -> None:
    assert (await who(client, bearer(callers.user(client_id="other-app"))))["identity"]["username"] == "alice"
    assert await refusal(client, bearer(callers.user(client_id="another-app"))) == NO_CREDENTIAL


async def test_tokens_of_every_pool_are_accepted(client: ApiClient, callers: Callers) -> None:
    identity = (await who(client, bearer(callers.user(iss=f"{ISSUER}-staff", client_id="any"))))["identity"]

    assert identity["issuer"] == f"{ISSUER}-staff"


async def test_a_token_of_an_openid_provider_is_accepted_for_its_clients(client: ApiClient, callers: Callers) -> None:
    by_audience = await who(client, callers.openid)
    by_party = await who(client, bearer(callers.oidc_user(aud=["x"], azp="reading-app")))

    assert (by_audience["authType"], by_party["authType"]) == ("Open ID Connect Authorization",) * 2
    assert await refusal(client, bearer(callers.oidc_user(aud="writing-room"))) == NO_CREDENTIAL
    assert await refusal(client, bearer(callers.oidc_user(iat=None))) == NO_CREDENTIAL
    assert await refusal(client, bearer(callers.oidc_user(exp=int(time.time()) - 60))) == (
        401, "UnauthorizedException", "Token has expired.",
    )  # fmt: skip


async def test_c31_an_opaque_token_is_sent_to_the_authorizer_once_and_its_answer_is_the_identity(
    client: ApiClient, invoker: RecordingInvoker
) -> None:
    seen = await who(client, bearer("custom-c31"))

    assert len(invoker.calls("doorkeeper")) == 1
    assert seen["identity"] == {"resolverContext": {"shown": "custom-c31"}}


@pytest.mark.parametrize("answer", [{"isAuthorized": False}, {}, None, {"isAuthorized": "yes"}, throw])
async def test_c32_any_other_answer_of_the_authorizer_is_a_refusal(
    client: ApiClient, invoker: RecordingInvoker, answer: Any
) -> None:
    invoker.functions["doorkeeper"] = answer if callable(answer) else lambda _: answer

    assert await refusal(client, bearer("custom-c32")) == NOT_AUTHORIZED


async def test_c33_a_token_in_the_shape_of_a_jwt_never_reaches_the_authorizer_and_with_a_prefix_it_does(
    client: ApiClient, callers: Callers, invoker: RecordingInvoker
) -> None:
    token = callers.user(iss="https://elsewhere.test/pool")

    assert await refusal(client, bearer(token)) == NO_CREDENTIAL
    assert await refusal(client, bearer(f"Bearer {token}")) == NO_CREDENTIAL
    assert invoker.calls("doorkeeper") == []
    assert (await who(client, bearer(f"custom-{token}")))["authType"] == "Lambda Authorization"
    assert [call["authorizationToken"] for call in invoker.calls("doorkeeper")] == [f"custom-{token}"]


@pytest.mark.parametrize("token", ["ada", "a custom-ada", "custom-"])
async def test_c34_a_token_that_does_not_match_the_identity_validation_is_refused_without_a_call(
    client: ApiClient, invoker: RecordingInvoker, token: str
) -> None:
    assert await refusal(client, bearer(token)) == NOT_AUTHORIZED
    assert invoker.calls("doorkeeper") == []


async def test_c35_an_answer_is_kept_for_its_time_to_live_by_token(
    client: ApiClient, invoker: RecordingInvoker
) -> None:
    async def calls(*tokens: str, ttl: int | None) -> int:
        answer = {"isAuthorized": True} | ({} if ttl is None else {"ttlOverride": ttl})
        invoker.functions["doorkeeper"] = lambda _: answer
        invoker.invoked.clear()
        for token in tokens:
            await who(client, bearer(token))
        return len(invoker.calls("doorkeeper"))

    assert await calls("custom-kept", "custom-kept", ttl=300) == 1
    assert await calls("custom-kept", "custom-else", ttl=300) == 1
    assert await calls("custom-never", "custom-never", ttl=0) == 2
    assert await calls("custom-unsaid", "custom-unsaid", ttl=None) == 2


@pytest.mark.parametrize(
    "field", ["Mutation.addBook", "arn:aws:appsync:us-east-1:111122223333:apis/abc/types/Mutation/fields/addBook"]
)
async def test_c36_a_field_that_the_authorizer_denies_is_null_and_its_siblings_are_not(
    client: ApiClient, invoker: RecordingInvoker, field: str
) -> None:
    invoker.functions["doorkeeper"] = lambda _: {
        "isAuthorized": True,
        "resolverContext": {"a": "b"},
        "deniedFields": [field],
    }

    response = await client.request(
        'mutation { addBook(isbn: "b1") { isbn } other: addBook(isbn: "b2") { isbn } __typename }',
        credentials=bearer("custom-c36"),
    )

    assert response.status == 200
    assert response.json["data"] == {"addBook": None, "other": None, "__typename": "Mutation"}
    assert [(e["errorType"], e["message"], e["path"]) for e in response.json["errors"]] == [
        ("Unauthorized", "Not Authorized to access addBook on type Mutation", ["addBook"]),
        ("Unauthorized", "Not Authorized to access addBook on type Mutation", ["other"]),
    ]
    assert invoker.calls("catalogue") == []


async def test_a_nested_field_and_a_subscription_that_the_authorizer_denies_are_refused_too(
    client: ApiClient, invoker: RecordingInvoker
) -> None:
    denied = ["Book.title", "Subscription.onBook"]
    invoker.functions["doorkeeper"] = lambda _: {"isAuthorized": True, "deniedFields": denied}
    credentials = bearer("custom-denied")

    answer = await client.ask('{ book(isbn: "b1") { isbn title } books { isbn } }', credentials=credentials)
    async with client.connected(credentials=credentials) as reader:
        refused = await reader.subscribe("1", "subscription { onBook { isbn } }")

    assert answer["data"]["book"] == {"isbn": "b1", "title": None}
    assert [entry["path"] for entry in answer["errors"]] == [["book", "title"]]
    assert refused["payload"]["errors"][0]["message"] == "Not Authorized to access onBook on type Subscription"


async def test_c37_the_authorizer_receives_the_request_unchanged(client: ApiClient, invoker: RecordingInvoker) -> None:
    query = "query Q($isbn: ID!) {  book(isbn: $isbn) { isbn } }"
    variables = {"isbn": "b1", "unused": [1]}
    credentials = bearer("custom-c37")

    await client.request(query, variables, credentials=credentials)
    await client.request(query, variables, credentials=credentials, operationName=None)
    await client.request(query, variables, credentials=credentials, operationName="Q")

    contexts = [call["requestContext"] for call in invoker.calls("doorkeeper")]
    assert [context.get("operationName", "absent") for context in contexts] == ["absent", None, "Q"]
    assert {context["queryString"] for context in contexts} == {query}
    assert [context["variables"] for context in contexts] == [variables] * 3
    assert all({"apiId", "accountId", "requestId"} <= context.keys() for context in contexts)


async def test_c38_the_authorizer_is_called_for_a_connection_and_for_every_start(
    client: ApiClient, invoker: RecordingInvoker
) -> None:
    query = "subscription ($isbn: ID) { onBook(isbn: $isbn) { isbn } }"

    async with client.connected(credentials=bearer("custom-c38")) as reader:
        await reader.subscribe_successfully("1", query, {"isbn": "b1"})

    connect, start = (call["requestContext"] for call in invoker.calls("doorkeeper"))
    assert (connect["operationName"], connect["queryString"], connect["variables"]) == ("Deepdish:Connect", "", {})
    assert (start["queryString"], start["variables"]) == (query, {"isbn": "b1"})
    assert "operationName" not in start


async def test_c39_a_request_signed_for_appsync_is_accepted_and_one_signed_for_anything_else_is_not(
    client: ApiClient,
) -> None:
    imposter = type(DESK)(DESK.access_key_id, "guessed", DESK.arn, DESK.account_id, DESK.allowed)

    assert (await who(client, signer(DESK)))["identity"]["userArn"] == DESK.arn
    for credentials in (
        signer(imposter),
        signer(DESK, service="execute-api"),
        signer(DESK, region="eu-west-1"),
        lambda url, body: signer(DESK)(url, body + " "),
        lambda url, body: signer(DESK)(url + "/connect", body),
    ):
        status, error_type, _ = await refusal(client, credentials)
        assert (status, error_type) == (403, "InvalidSignatureException")


async def test_a_principal_without_any_permission_is_refused(client: ApiClient) -> None:
    assert await refusal(client, signer(NOBODY)) == (401, "UnauthorizedException", "Permission denied")


@pytest.mark.parametrize("path", ["", "/realtime"])
async def test_c40_a_connection_is_signed_over_the_connect_path_wherever_the_socket_opens(
    client: ApiClient, path: str
) -> None:
    async with client.open(credentials=signer(DESK), url=client.engine.realtime_url + path) as reader:
        await reader.send(type="connection_init")
        assert (await reader.receive())["type"] == "connection_ack"


@pytest.mark.parametrize("signed_path", ["", "/realtime/connect", "/realtime"])
async def test_c40_a_connection_signed_over_another_path_is_refused(client: ApiClient, signed_path: str) -> None:
    sent = {"host": client.host} | signer(DESK)(client.engine.graphql_url + signed_path, "{}")

    async with client.open(protocols=("graphql-ws", subprotocol_of(sent))) as reader:
        await reader.send(type="connection_init")
        [error] = (await reader.receive_any())["payload"]["errors"]
        assert (error["errorType"], error["errorCode"]) == ("BadRequestException", 400)
        assert "The Canonical String for this request should have been\n'POST\n/graphql/connect\n" in error["message"]
        assert await reader.closed()


async def test_c41_a_start_whose_signature_covers_another_text_is_refused(client: ApiClient) -> None:
    data = json.dumps({"query": "subscription { onBook { isbn } }"})

    async with client.connected(credentials=signer(DESK)) as reader:
        await reader.start_with("1", data, signed_text=data.replace("isbn", "title"))
        refused = await reader.receive()
        await reader.start_with("2", data)
        accepted = await reader.receive()

    [error] = refused["payload"]["errors"]
    assert (refused["id"], refused["type"], error["errorType"]) == ("1", "error", "BadRequestException")
    assert error["message"].startswith("The request signature we calculated does not match")
    assert accepted == {"id": "2", "type": "start_ack"}


async def test_c42_connection_and_every_start_are_authorized_separately(client: ApiClient, callers: Callers) -> None:
    query = "subscription { onBook { isbn } }"

    async with client.connected(credentials=callers.key) as reader:
        await reader.subscribe_successfully("1", query, credentials=callers.cognito)
        await reader.subscribe_successfully("2", query, credentials=signer(DESK))
        await reader.subscribe_successfully("3", query, credentials=callers.opaque)
        await reader.subscribe_successfully("4", query, credentials=callers.openid)
        refused = await reader.subscribe("5", query, credentials=bearer("nonsense"))

        assert refused["payload"]["errors"][0]["errorType"] == "UnauthorizedException"
        assert await reader.silent()


@pytest.mark.parametrize(
    "credentials", [bearer("nonsense"), signer(NOBODY), lambda url, body: {"x-api-key": "da2-guessed"}, bearer("a.b.c")]
)
async def test_c43_a_connection_with_a_refused_credential_ends_with_connection_error_and_no_keep_alive(
    client: ApiClient, credentials: Credentials
) -> None:
    async with client.open(credentials=credentials) as reader:
        await reader.send(type="connection_init")
        frame = await reader.receive_any()

        assert frame["type"] == "connection_error"
        [entry] = frame["payload"]["errors"]
        assert (entry["errorType"], entry["errorCode"]) == ("UnauthorizedException", 401)
        assert await reader.closed()


@pytest.mark.parametrize(
    ("protocols", "message"),
    [((), "NoProtocolError"), (("mqtt",), "SubProtocolNotSupportedError")],
)
async def test_c44_a_connection_without_the_subprotocol_ends_with_its_error(
    client: ApiClient, protocols: tuple[str, ...], message: str
) -> None:
    async with client.open(protocols=protocols) as reader:
        await reader.send(type="connection_init")
        error = {"message": message, "errorCode": 400}
        assert await reader.receive_any() == {"type": "connection_error", "payload": {"errors": [error]}}
        assert await reader.closed()


async def test_c45_a_connection_without_a_header_object_ends_with_its_error(client: ApiClient) -> None:
    async with client.open(protocols=("graphql-ws",)) as reader:
        error = {"message": "Required headers are missing.", "errorCode": 400}
        assert await reader.receive_any() == {"type": "connection_error", "payload": {"errors": [error]}}
        assert await reader.closed()


async def test_c46_a_signature_has_priority_over_an_api_key(client: ApiClient) -> None:
    both = await who(client, lambda url, body: signer(DESK)(url, body) | {"x-api-key": KEY.key})

    assert both["authType"] == "IAM Authorization"
    assert await refusal(
        client, lambda url, body: signer(NOBODY)(url, body) | {"x-api-key": KEY.key}
    ) == (401, "UnauthorizedException", "Permission denied")  # fmt: skip


async def test_an_api_key_has_priority_over_a_token(client: ApiClient, callers: Callers) -> None:
    both = await who(client, lambda url, body: {"x-api-key": KEY.key, "authorization": callers.user()})

    assert both["authType"] == "API Key Authorization"


async def test_a_principal_may_call_only_the_root_fields_in_its_permissions(client: ApiClient) -> None:
    answer = await client.ask('{ book(isbn: "b1") { isbn } whoAmI }', credentials=signer(VISITOR))
    async with client.connected(credentials=signer(VISITOR)) as reader:
        refused = await reader.subscribe("1", "subscription { onBook { isbn } }")

    assert answer["data"] == {"book": {"isbn": "b1"}, "whoAmI": None}
    assert [entry["message"] for entry in answer["errors"]] == ["Not Authorized to access whoAmI on type Query"]
    assert refused["payload"]["errors"] == [{"errorType": "UnauthorizedException", "message": "Permission denied"}]
