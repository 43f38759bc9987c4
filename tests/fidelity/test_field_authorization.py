"""Checklist B2: authorization of single fields."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from appsync_local import DefaultAction, Engine, UserPool
from appsync_local.api.model import AuthMode
from tests.fidelity.application import API, DESK, HANDLERS, LIBRARY, SCHEMA, catalogue
from tests.fidelity.callers import ApiClient, Callers, signer
from tests.support.engine_doubles import RecordingInvoker
from tests.support.issuer import CLIENT_ID, ISSUER


def denied(field: str, type_: str, *path: object) -> dict[str, Any]:
    return {
        "path": list(path),
        "data": None,
        "errorType": "Unauthorized",
        "errorInfo": None,
        "message": f"Not Authorized to access {field} on type {type_}",
    }


def entries(answer: Any) -> list[dict[str, Any]]:
    """Return the errors without their locations."""
    assert all(entry["locations"] for entry in answer["errors"])
    return [{name: value for name, value in entry.items() if name != "locations"} for entry in answer["errors"]]


@asynccontextmanager
async def pool_alone(
    client: ApiClient, callers: Callers, action: DefaultAction = DefaultAction.ALLOW
) -> AsyncIterator[ApiClient]:
    """The library API with its user pool as the only mode."""
    engine = Engine(
        api=replace(API, modes=(AuthMode.COGNITO,), authorizer=None),
        schema=SCHEMA,
        code=LIBRARY,
        invoker=RecordingInvoker(catalogue=catalogue),
        handlers=HANDLERS,
        user_pools=(UserPool(ISSUER, callers.issuer.jwks_url, CLIENT_ID, action),),
    )
    await engine.start(port=0)
    try:
        yield replace(client, engine=engine)
    finally:
        await engine.stop()


async def test_c47_a_field_without_directives_allows_the_default_mode_only(client: ApiClient, callers: Callers) -> None:
    assert await client.ask("{ membersOnly }") == {"data": {"membersOnly": "membersOnly"}}
    for credentials in (callers.opaque, callers.openid, callers.key):
        answer = await client.ask("{ membersOnly }", credentials=credentials)
        assert answer["data"] == {"membersOnly": None}
        assert entries(answer) == [denied("membersOnly", "Query", "membersOnly")]


async def test_c48_a_field_for_the_backend_is_denied_to_a_user_and_publishes_nothing(
    client: ApiClient, invoker: RecordingInvoker
) -> None:
    async with client.connected() as reader:
        await reader.subscribe_successfully("1", "subscription { onBook { isbn } }")

        response = await client.request('mutation { withdraw(isbn: "b1") { isbn } }')

        assert response.status == 200
        assert response.json["data"] == {"withdraw": None}
        assert entries(response.json) == [denied("withdraw", "Mutation", "withdraw")]
        assert await reader.silent()
    assert invoker.calls("catalogue") == []


async def test_c49_a_type_for_two_modes_is_allowed_to_both_and_denied_field_by_field_to_a_third(
    client: ApiClient, callers: Callers
) -> None:
    query = "{ ledger { year loans __typename } }"
    data = {"data": {"ledger": {"year": 2026, "loans": 12, "__typename": "Ledger"}}}

    assert await client.ask(query) == data
    assert await client.ask(query, credentials=signer(DESK)) == data
    answer = await client.ask(query, credentials=callers.key)
    assert answer["data"] == {"ledger": {"year": None, "loans": None, "__typename": "Ledger"}}
    assert entries(answer) == [denied("year", "Ledger", "ledger", "year"), denied("loans", "Ledger", "ledger", "loans")]


async def test_c50_the_directives_of_a_field_replace_those_of_its_type(
    client: ApiClient, callers: Callers, invoker: RecordingInvoker
) -> None:
    invoker.functions["catalogue"] = lambda _: {"isbn": "b1", "price": 9.5, "copies": 1}
    query = '{ book(isbn: "b1") { isbn price } }'

    by_librarian = await client.ask(query, credentials=callers.librarian)
    by_authorizer = await client.ask(query, credentials=callers.opaque)

    assert by_librarian == {"data": {"book": {"isbn": "b1", "price": 9.5}}}
    assert by_authorizer["data"] == {"book": {"isbn": "b1", "price": None}}
    assert entries(by_authorizer) == [denied("price", "Book", "book", "price")]


async def test_denied_fields_in_lists_are_reported_one_by_one_with_their_index(client: ApiClient) -> None:
    answer = await client.ask("{ books { isbn price } }")

    assert [entry["path"] for entry in answer["errors"]] == [["books", 0, "price"], ["books", 1, "price"]]
    assert [book["isbn"] for book in answer["data"]["books"]] == ["b1", "b2"]


async def test_c51_a_field_for_a_group_is_allowed_to_its_members_only(client: ApiClient, callers: Callers) -> None:
    inside = await client.ask("{ librariansOnly }", credentials=callers.librarian)
    outside = await client.ask("{ librariansOnly }")

    assert inside == {"data": {"librariansOnly": "librariansOnly"}}
    assert outside["data"] == {"librariansOnly": None}
    assert entries(outside) == [denied("librariansOnly", "Query", "librariansOnly")]


async def test_c52_aws_auth_has_an_effect_only_if_user_pools_are_the_only_mode(
    client: ApiClient, callers: Callers
) -> None:
    assert await client.ask("{ oldRule }") == {"data": {"oldRule": "oldRule"}}

    async with pool_alone(client, callers) as alone:
        assert await alone.ask("{ oldRule }", credentials=callers.librarian) == {"data": {"oldRule": "oldRule"}}
        assert entries(await alone.ask("{ oldRule }")) == [denied("oldRule", "Query", "oldRule")]


async def test_a_default_action_of_deny_refuses_fields_without_directives(client: ApiClient, callers: Callers) -> None:
    async with pool_alone(client, callers, DefaultAction.DENY) as alone:
        answer = await alone.ask("{ membersOnly whoAmI }")

    assert entries(answer) == [denied("membersOnly", "Query", "membersOnly")]
    assert json.loads(answer["data"]["whoAmI"])["identity"]["defaultAuthStrategy"] == "DENY"


@pytest.mark.parametrize("token", ["nonsense", "a.b.c", "Bearer x"])
async def test_an_unreadable_token_is_reported_as_such_if_only_tokens_are_accepted(
    client: ApiClient, callers: Callers, token: str
) -> None:
    async with pool_alone(client, callers) as alone:
        response = await alone.request("{ membersOnly }", credentials=lambda url, body: {"authorization": token})

    assert response.error == (401, "UnauthorizedException", "Unable to parse JWT token.")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("subscription { onWithdrawn { isbn } }", "onWithdrawn on type Subscription"),
        ("subscription { onBook { isbn author { name } price } }", "price on type Book"),
    ],
)
async def test_c53_a_start_on_a_refused_field_is_an_error_and_the_socket_stays_open(
    client: ApiClient, query: str, field: str
) -> None:
    async with client.connected() as reader:
        answer = await reader.subscribe("1", query)

        error = {"errorType": "Unauthorized", "message": f"Not Authorized to access {field}"}
        assert answer == {"id": "1", "type": "error", "payload": {"errors": [error]}}
        assert await reader.silent()
        await reader.subscribe_successfully("1", "subscription { onBook { isbn } }")


@pytest.mark.parametrize(
    ("door_state", "error"),
    [
        ("closed", {"errorType": "Unauthorized", "message": "Not Authorized to access onGuarded on type Subscription"}),
        ("full", {"errorType": "RoomFull", "message": "the room is full"}),
    ],
)
async def test_c54_a_subscriptions_resolver_may_refuse_it(
    client: ApiClient, door_state: str, error: dict[str, str]
) -> None:
    async with client.connected() as reader:
        answer = await reader.subscribe(
            "1", "subscription ($d: String) { onGuarded(door: $d) { isbn } }", {"d": door_state}
        )

        assert answer == {"id": "1", "type": "error", "payload": {"errors": [error]}}
        assert await reader.silent()
    assert len(client.engine.registry) == 0


async def test_c55_a_field_that_the_publisher_may_not_read_is_sent_to_nobody(
    client: ApiClient,
) -> None:
    async with client.connected() as reader:
        await reader.subscribe_successfully("1", 'subscription { onReceipt(number: "n1") { number reader } }')

        answer = await client.ask('mutation { stamp(number: "n1") { number reader } }', credentials=signer(DESK))

        assert answer["data"] == {"stamp": {"number": None, "reader": None}}
        assert entries(answer) == [
            denied("number", "Receipt", "stamp", "number"),
            denied("reader", "Receipt", "stamp", "reader"),
        ]
        assert await reader.silent()


async def test_c56_each_mode_has_an_identity_with_its_own_members(client: ApiClient, callers: Callers) -> None:
    expected = {
        "User Pool Authorization": (
            callers.cognito,
            {"sub", "issuer", "username", "claims", "sourceIp", "defaultAuthStrategy", "groups"},
        ),
        "IAM Authorization": (
            signer(DESK),
            {
                "accountId", "cognitoIdentityPoolId", "cognitoIdentityId", "sourceIp", "username", "userArn",
                "cognitoIdentityAuthType", "cognitoIdentityAuthProvider",
            },
        ),
        "Open ID Connect Authorization": (callers.openid, {"sub", "issuer", "claims"}),
        "Lambda Authorization": (callers.opaque, {"resolverContext"}),
    }  # fmt: skip

    for auth_type, (credentials, members) in expected.items():
        seen = json.loads((await client.ask("{ whoAmI }", credentials=credentials))["data"]["whoAmI"])
        assert (seen["authType"], seen["identity"].keys()) == (auth_type, members)
    by_key = json.loads((await client.ask("{ whoAmI }", credentials=callers.key))["data"]["whoAmI"])
    assert (by_key["authType"], by_key["identity"]) == ("API Key Authorization", None)


async def test_the_source_addresses_are_the_forwarded_ones_and_the_peer(client: ApiClient, callers: Callers) -> None:
    credentials = callers.cognito
    seen = await client.ask(
        "{ whoAmI }",
        credentials=lambda url, body: credentials(url, body) | {"x-forwarded-for": "203.0.113.7, 10.0.0.1"},
    )

    assert json.loads(seen["data"]["whoAmI"])["identity"]["sourceIp"] == ["203.0.113.7", "10.0.0.1", "127.0.0.1"]
