"""The doctor over HTTP: every reason for which a token may not use a field, and what to do."""

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


class Patient:
    """Asks one engine's doctor."""

    def __init__(self, engine: Engine, session: aiohttp.ClientSession, issuer: Issuer) -> None:
        pools = (UserPool(ISSUER, issuer.jwks_url, CLIENT_ID),)
        engine.offer(Doctor(lambda: engine.served, TokenRequirements(pools, "Pass-", "sign in anew")))
        self.url = engine.graphql_url.replace("/graphql", "/doctor")
        self._session = session

    async def ask(self, authorization: str | None, field: str | None = None) -> dict[str, Any]:
        """The findings, by what they are about."""
        headers = {} if authorization is None else {"Authorization": authorization}
        async with self._session.post(self.url, json={"headers": headers, "field": field}) as response:
            told = await response.json()
        assert response.status == 200, told
        assert all(authorization not in json.dumps(told) for authorization in headers.values())
        return {finding["about"]: finding for finding in told["findings"]}


@pytest.fixture
async def patient(engine: Engine, session: aiohttp.ClientSession, issuer: Issuer) -> Patient:
    return Patient(engine, session, issuer)


def verdicts(findings: dict[str, Any]) -> dict[str, str]:
    return {about: finding["verdict"] for about, finding in findings.items()}


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


async def test_good_token_is_followed_to_the_field_that_it_may_use(patient: Patient, user: Token) -> None:
    found = await patient.ask(user(**{"cognito:groups": []}), "Mutation.write")

    assert set(verdicts(found).values()) <= {"good", "note"}
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
async def test_what_is_wrong_with_a_token_is_named_with_what_to_do(
    patient: Patient, user: Token, changes: dict[str, Any], about: str, words: str
) -> None:
    found = await patient.ask(user(**changes))

    assert found[about]["verdict"] == "bad"
    assert words in found[about]["found"]
    assert found[about]["advice"] == "sign in anew"
    assert found["caller"]["verdict"] == "bad"
    assert found["caller"]["advice"] == "sign in anew"


async def test_expired_token_is_told_how_long_ago_it_expired(patient: Patient, user: Token) -> None:
    found = await patient.ask(user(exp=int(time.time()) - 3600))

    assert found["expiry"]["verdict"] == "bad"
    assert found["expiry"]["found"] == "it expired 60 min ago"
    assert found["expiry"]["advice"] == "sign in anew"
    assert found["caller"]["verdict"] == "bad"


async def test_token_whose_signature_does_not_fit_is_told_from_one_whose_claims_do_not(
    patient: Patient, user: Token
) -> None:
    head, claims, signature = user().split(".")
    forged = f"{head}.{claims}.{signature[:-6]}AAAAAA"

    found = await patient.ask(forged)

    assert [about for about, verdict in verdicts(found).items() if verdict == "bad"] == ["caller"]
    assert "its signature is not: it was changed or forged" in found["caller"]["advice"]


async def test_field_for_another_mode_names_that_mode_and_the_directive(patient: Patient, user: Token) -> None:
    found = await patient.ask(user(), "Mutation.erase")

    assert found["field"]["found"] == "Mutation.erase is for @aws_iam"
    assert found["access"]["verdict"] == "bad"
    assert found["access"]["found"].startswith("Not Authorized to access erase on type Mutation: ")
    assert "call it through AWS_IAM" in found["access"]["advice"]
    assert "add @aws_cognito_user_pools to the field" in found["access"]["advice"]


async def test_field_for_a_group_names_the_group(patient: Patient, user: Token) -> None:
    outside = await patient.ask(user(**{"cognito:groups": ["readers"]}), "Query.forEditors")
    inside = await patient.ask(user(**{"cognito:groups": ["editors"]}), "Query.forEditors")

    assert "in none of the groups editors" in outside["access"]["found"]
    assert inside["access"]["verdict"] == "good"


async def test_token_after_a_prefix_is_read_and_the_authorizer_is_asked(
    patient: Patient, user: Token, invoker: RecordingInvoker
) -> None:
    found = await patient.ask(f"Pass-{user()}", "Mutation.write")

    assert found["mode"]["found"].startswith("AWS_LAMBDA: ")
    assert found["expiry"]["verdict"] == "good"
    assert found["access"]["verdict"] == "good"
    assert len(invoker.calls("authorizer")) == 1


async def test_fields_that_the_authorizer_denies_are_named(
    patient: Patient, user: Token, invoker: RecordingInvoker
) -> None:
    invoker.functions["authorizer"] = lambda _: {"isAuthorized": True, "deniedFields": ["Mutation.write"]}

    found = await patient.ask(f"Pass-{user()}", "Mutation.write")

    assert found["denied fields"]["found"] == "the authorizer refuses Mutation.write"
    assert "the authorizer denies it (deniedFields)" in found["access"]["found"]


@pytest.mark.parametrize(
    ("prefix", "advice"),
    [
        ("Pass-", "the authorizer function rejects its signature, or failed: see its log"),
        ("Other-", "the authorizer expects 'Pass-' before the JWT; put it there"),
    ],
)
async def test_authorizers_refusal_is_explained_by_what_was_sent(
    patient: Patient, user: Token, invoker: RecordingInvoker, prefix: str, advice: str
) -> None:
    invoker.functions["authorizer"] = lambda _: {"isAuthorized": False}

    found = await patient.ask(prefix + user())

    assert found["caller"]["advice"].endswith(advice)


async def test_text_without_a_jwt_is_said_to_have_none(patient: Patient, invoker: RecordingInvoker) -> None:
    invoker.functions["authorizer"] = lambda _: {"isAuthorized": False}

    found = await patient.ask("open sesame")

    assert found["caller"]["advice"] == "there is no JWT in it; sign in anew"


async def test_nothing_at_all_is_said_to_be_missing(patient: Patient) -> None:
    found = await patient.ask(None)

    assert found["mode"]["verdict"] == "bad"
    assert found["mode"]["found"].startswith("there is no credential for any of the API's modes: AWS_LAMBDA, ")


async def test_field_that_does_not_exist_is_answered_with_those_that_do(patient: Patient, user: Token) -> None:
    misplaced = await patient.ask(user(), "Query.write")
    unknown = await patient.ask(user(), "whatever")

    assert misplaced["field"]["advice"] == "write it as Type.field; the schema has Mutation.write"
    assert "Mutation.erase" in unknown["field"]["advice"]


async def test_another_site_is_told_nothing(patient: Patient, session: aiohttp.ClientSession) -> None:
    body = json.dumps({"headers": {"Authorization": "x"}, "field": None})

    async with session.post(patient.url, data=body, headers={"Origin": "https://elsewhere.example"}) as response:
        assert response.status == 403


@pytest.mark.parametrize("body", ["", "[]", '{"headers": []}', '{"headers": 3, "field": null}'])
async def test_request_that_is_none_is_refused(patient: Patient, session: aiohttp.ClientSession, body: str) -> None:
    async with session.post(patient.url, data=body) as response:
        assert response.status == 400
