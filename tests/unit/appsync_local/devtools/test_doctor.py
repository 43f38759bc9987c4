"""The doctor over HTTP: the reasons for which a token may not use a field, and the advice."""

import json
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from appsync_local import Engine
from appsync_local.authorization.user_pools import UserPool
from appsync_local.devtools.doctor import Doctor, TokenRequirements
from appsync_local.devtools.health import Health, QueueState
from tests.support.engine_doubles import RecordingInvoker
from tests.support.issuer import CLIENT_ID, ISSUER, Issuer

Token = Callable[..., str]


class DoctorClient:
    """Asks one engine's doctor."""

    def __init__(self, engine: Engine, session: aiohttp.ClientSession, issuer: Issuer) -> None:
        pools = (UserPool(ISSUER, issuer.jwks_url, CLIENT_ID),)
        engine.offer(Doctor(lambda: engine.served, TokenRequirements(pools, "Pass-", "sign in anew")))
        self.url = engine.graphql_url.replace("/graphql", "/doctor")
        self._session = session

    async def ask(self, authorization: str | None, field: str | None = None) -> dict[str, Any]:
        """The findings, by subject."""
        headers = {} if authorization is None else {"Authorization": authorization}
        async with self._session.post(self.url, json={"headers": headers, "field": field}) as response:
            answer = await response.json()
        assert response.status == 200, answer
        assert all(authorization not in json.dumps(answer) for authorization in headers.values())
        return {finding["about"]: finding for finding in answer["findings"]}


@pytest.fixture
async def doctor(engine: Engine, session: aiohttp.ClientSession, issuer: Issuer) -> DoctorClient:
    return DoctorClient(engine, session, issuer)


def statuses(findings: dict[str, Any]) -> dict[str, str]:
    return {about: finding["status"] for about, finding in findings.items()}


async def test_answer_reports_loops_and_queues(engine: Engine, session: aiohttp.ClientSession) -> None:
    health = Health(clock=lambda: 7.0)
    health.loop("sweep").succeeded()
    health.observe_queue("events", lambda: QueueState(2, 5.0))
    engine.offer(Doctor(lambda: engine.served, TokenRequirements(), health))
    url = engine.graphql_url.replace("/graphql", "/doctor")

    async with session.post(url, json={"headers": {}}) as response:
        reported = (await response.json())["health"]

    assert [(loop["name"], loop["lastTurn"]) for loop in reported["loops"]] == [("sweep", 7.0)]
    assert reported["queues"] == [{"name": "events", "length": 2, "oldest": 5.0, "error": None}]


async def test_a_valid_token_gets_good_findings_up_to_its_field(doctor: DoctorClient, user: Token) -> None:
    found = await doctor.ask(user(**{"cognito:groups": []}), "Mutation.write")

    assert set(statuses(found).values()) <= {"good", "note"}
    assert found["mode"]["found"].startswith("AMAZON_COGNITO_USER_POOLS: ")
    assert found["expiry"]["found"] == "valid for another 10 min"
    assert found["access"]["found"].endswith("may use Mutation.write")
    assert found["below"]["found"] == "this caller cannot select: Note.secret"


@pytest.mark.parametrize(
    ("changes", "about", "words"),
    [
        ({"iss": "https://elsewhere.example"}, "issuer", "but this stack accepts tokens of"),
        ({"client_id": "another-client"}, "client", "another-client, but this stack's client is"),
        ({"token_use": "refresh"}, "token", "neither an access nor an ID token"),
    ],
)
async def test_an_invalid_claim_is_a_bad_finding_with_advice(
    doctor: DoctorClient, user: Token, changes: dict[str, Any], about: str, words: str
) -> None:
    found = await doctor.ask(user(**changes))

    assert found[about]["status"] == "bad"
    assert words in found[about]["found"]
    assert found[about]["advice"] == "sign in anew"
    assert found["caller"]["status"] == "bad"
    assert found["caller"]["advice"] == "sign in anew"


async def test_an_expired_token_shows_how_long_ago_it_expired(doctor: DoctorClient, user: Token) -> None:
    found = await doctor.ask(user(exp=int(time.time()) - 3600))

    assert found["expiry"]["status"] == "bad"
    assert found["expiry"]["found"] == "it expired 60 min ago"
    assert found["expiry"]["advice"] == "sign in anew"
    assert found["caller"]["status"] == "bad"


async def test_an_invalid_signature_is_distinguished_from_invalid_claims(doctor: DoctorClient, user: Token) -> None:
    head, claims, signature = user().split(".")
    forged = f"{head}.{claims}.{signature[:-6]}AAAAAA"

    found = await doctor.ask(forged)

    assert [about for about, status in statuses(found).items() if status == "bad"] == ["caller"]
    assert "its signature is not: it was changed or forged" in found["caller"]["advice"]


async def test_field_for_another_mode_names_that_mode_and_the_directive(doctor: DoctorClient, user: Token) -> None:
    found = await doctor.ask(user(), "Mutation.erase")

    assert found["field"]["found"] == "Mutation.erase is for @aws_iam"
    assert found["access"]["status"] == "bad"
    assert found["access"]["found"].startswith("Not Authorized to access erase on type Mutation: ")
    assert "call it through AWS_IAM" in found["access"]["advice"]
    assert "add @aws_cognito_user_pools to the field" in found["access"]["advice"]


async def test_field_for_a_group_names_the_group(doctor: DoctorClient, user: Token) -> None:
    outside = await doctor.ask(user(**{"cognito:groups": ["readers"]}), "Query.forEditors")
    inside = await doctor.ask(user(**{"cognito:groups": ["editors"]}), "Query.forEditors")

    assert "in none of the groups editors" in outside["access"]["found"]
    assert inside["access"]["status"] == "good"


async def test_a_token_after_a_prefix_is_read_and_the_authorizer_is_invoked(
    doctor: DoctorClient, user: Token, invoker: RecordingInvoker
) -> None:
    found = await doctor.ask(f"Pass-{user()}", "Mutation.write")

    assert found["mode"]["found"].startswith("AWS_LAMBDA: ")
    assert found["expiry"]["status"] == "good"
    assert found["access"]["status"] == "good"
    assert len(invoker.calls("authorizer")) == 1


async def test_fields_that_the_authorizer_denies_are_named(
    doctor: DoctorClient, user: Token, invoker: RecordingInvoker
) -> None:
    invoker.functions["authorizer"] = lambda _: {"isAuthorized": True, "deniedFields": ["Mutation.write"]}

    found = await doctor.ask(f"Pass-{user()}", "Mutation.write")

    assert found["denied fields"]["found"] == "the authorizer refuses Mutation.write"
    assert "the authorizer denies it (deniedFields)" in found["access"]["found"]


@pytest.mark.parametrize(
    ("prefix", "advice"),
    [
        ("Pass-", "the authorizer function rejects its signature, or failed: see its log"),
        ("Other-", "the authorizer expects 'Pass-' before the JWT; put it there"),
    ],
)
async def test_a_refusal_of_the_authorizer_is_explained_by_the_credential(
    doctor: DoctorClient, user: Token, invoker: RecordingInvoker, prefix: str, advice: str
) -> None:
    invoker.functions["authorizer"] = lambda _: {"isAuthorized": False}

    found = await doctor.ask(prefix + user())

    assert found["caller"]["advice"].endswith(advice)


async def test_a_credential_without_a_jwt_is_reported(doctor: DoctorClient, invoker: RecordingInvoker) -> None:
    invoker.functions["authorizer"] = lambda _: {"isAuthorized": False}

    found = await doctor.ask("open sesame")

    assert found["caller"]["advice"] == "there is no JWT in it; sign in anew"


async def test_a_missing_credential_is_reported(doctor: DoctorClient) -> None:
    found = await doctor.ask(None)

    assert found["mode"]["status"] == "bad"
    assert found["mode"]["found"].startswith("there is no credential for any of the API's modes: AWS_LAMBDA, ")


async def test_an_unknown_field_is_answered_with_existing_ones(doctor: DoctorClient, user: Token) -> None:
    misplaced = await doctor.ask(user(), "Query.write")
    unknown = await doctor.ask(user(), "whatever")

    assert misplaced["field"]["advice"] == "write it as Type.field; the schema has Mutation.write"
    assert "Mutation.erase" in unknown["field"]["advice"]


async def test_another_site_is_refused(doctor: DoctorClient, session: aiohttp.ClientSession) -> None:
    body = json.dumps({"headers": {"Authorization": "x"}, "field": None})

    async with session.post(doctor.url, data=body, headers={"Origin": "https://elsewhere.example"}) as response:
        assert response.status == 403


@pytest.mark.parametrize("body", ["", "[]", '{"headers": []}', '{"headers": 3, "field": null}'])
async def test_a_malformed_request_is_refused(doctor: DoctorClient, session: aiohttp.ClientSession, body: str) -> None:
    async with session.post(doctor.url, data=body) as response:
        assert response.status == 400
