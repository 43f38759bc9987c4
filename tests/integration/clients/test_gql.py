"""gql, unmodified, with its own AppSync transport and its own HTTP transport: the life of a job."""

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from gql import Client, gql
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.appsync_auth import AppSyncJWTAuthentication
from gql.transport.appsync_websockets import AppSyncWebsocketsTransport
from gql.transport.exceptions import TransportQueryError, TransportServerError

from longcall.authorization import CognitoPassword

TIMEOUT = 20.0  # seconds, for a machine that is busy with other things
FIELDS = "jobId owner status sequence attempt delta result"
START = f"mutation Start($input: InferenceInput!) {{ startInference(input: $input) {{ {FIELDS} }} }}"
CANCEL = f"mutation Cancel($jobId: ID!) {{ cancelInference(jobId: $jobId) {{ {FIELDS} audience {{ owner }} }} }}"
GET = f"query Get($jobId: ID!) {{ getInference(jobId: $jobId) {{ {FIELDS} output }} }}"
WATCH = f"subscription Watch($jobId: ID!) {{ onInferenceStatusChange(jobId: $jobId) {{ {FIELDS} }} }}"

Event = Mapping[str, Any]


class Caller:
    """One user, with gql's clients for requests and subscriptions."""

    def __init__(self, stack: Mapping[str, Any], authorization: str) -> None:
        self._http = AIOHTTPTransport(stack["graphqlUrl"], headers={"authorization": authorization})
        # gql derives only wss:// from https://, so a local stack needs its ws:// address.
        self.realtime = AppSyncWebsocketsTransport(
            stack["realtimeUrl"], auth=AppSyncJWTAuthentication(urlsplit(stack["graphqlUrl"]).netloc, authorization)
        )

    async def ask(self, document: str, **variables: Any) -> Any:
        """The value of the only field in a document."""
        request = gql(document)
        request.variable_values = variables
        async with Client(transport=self._http) as session:
            [answer] = (await session.execute(request)).values()
        return answer

    async def start(self, **given: Any) -> Any:
        return await self.ask(START, input={"model": "simulated.story", "prompt": "The tide", **given})

    @asynccontextmanager
    async def listening(self, job_id: str, acknowledged: "Acknowledgements") -> AsyncIterator["Events"]:
        """Subscribe to a job; yields its events."""
        request = gql(WATCH)
        request.variable_values = {"jobId": job_id}
        events = Events()

        async def listen() -> None:
            async with Client(transport=self.realtime) as session:
                async for data in session.subscribe(request):
                    events.put_nowait(data["onInferenceStatusChange"])

        async with asyncio.TaskGroup() as group:
            listening = group.create_task(listen())
            await acknowledged.next()
            yield events
            listening.cancel()


class Events(asyncio.Queue[Event]):
    """The events that a subscription has received."""

    async def until(self, status: str) -> list[Event]:
        """All events up to the first one with this status."""
        events: list[Event] = []
        async with asyncio.timeout(TIMEOUT):
            while not events or events[-1]["status"] != status:
                events.append(await self.get())
        return events


class Acknowledgements(logging.Handler):
    """Notices each `start_ack`, which gql reports only in its log."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: asyncio.Queue[None] = asyncio.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        if '"start_ack"' in record.getMessage():
            self._seen.put_nowait(None)

    async def next(self) -> None:
        async with asyncio.timeout(TIMEOUT):
            await self._seen.get()


@pytest.fixture
async def acknowledged() -> AsyncIterator[Acknowledgements]:
    log = logging.getLogger("gql.transport.common.base")
    handler, level = Acknowledgements(), log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    log.propagate = False  # whole frames, with tokens: only for this handler
    yield handler
    log.propagate = True
    log.setLevel(level)
    log.removeHandler(handler)


async def token(stack: Mapping[str, Any], user: int) -> str:
    who = stack["users"][user]
    return await CognitoPassword(
        stack["region"], stack["clientId"], who["username"], who["password"], endpoint_url=stack["cognitoUrl"]
    )()


@pytest.fixture(params=["", "Lambda-Auth-"], ids=["cognito", "lambda"])
async def ada(request: pytest.FixtureRequest, stack: Mapping[str, Any]) -> Caller:
    return Caller(stack, request.param + await token(stack, 0))


@pytest.fixture
async def grace(stack: Mapping[str, Any]) -> Caller:
    return Caller(stack, "Lambda-Auth-" + await token(stack, 1))


async def test_client_receives_every_event_and_the_joined_deltas_are_the_result(
    ada: Caller, acknowledged: Acknowledgements
) -> None:
    job_id = str(uuid.uuid4())

    async with ada.listening(job_id, acknowledged) as coming:
        started = await ada.start(jobId=job_id, processTime=0.8, maxTokens=40)
        events = await coming.until("COMPLETED")

    read = await ada.ask(GET, jobId=job_id)
    assert (started["status"], started["sequence"]) == ("PENDING", 1)
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert [event["status"] for event in events[:2]] == ["PENDING", "PROCESSING"]
    assert "".join(event["delta"] or "" for event in events) == read["result"] == read["output"] != ""


async def test_cancel_ends_a_running_job_and_its_watcher_is_notified(
    ada: Caller, acknowledged: Acknowledgements
) -> None:
    job_id = str(uuid.uuid4())

    async with ada.listening(job_id, acknowledged) as coming:
        await ada.start(jobId=job_id, processTime=60)
        await coming.until("PROCESSING")
        answer = await ada.ask(CANCEL, jobId=job_id)
        events = await coming.until("CANCELLED")

    assert answer["status"] == "CANCELLED"
    assert events[-1]["sequence"] == answer["sequence"]


async def test_job_of_another_user_sends_no_events_and_is_not_found(
    ada: Caller, grace: Caller, acknowledged: Acknowledgements
) -> None:
    job_id = str(uuid.uuid4())

    async with ada.listening(job_id, acknowledged) as foreign, grace.listening(job_id, acknowledged) as own:
        await grace.start(jobId=job_id, processTime=0.2, maxTokens=10)
        await own.until("COMPLETED")
        found = await ada.ask(GET, jobId=job_id)

    assert found is None
    assert foreign.empty()


@pytest.fixture
async def forger(stack: Mapping[str, Any]) -> AsyncIterator[Caller]:
    """A caller with a forged token."""
    header, claims, signature = (await token(stack, 0)).split(".")
    caller = Caller(stack, f"Lambda-Auth-{header}.{claims}.{signature[::-1]}")
    yield caller
    await caller.realtime.close()


async def test_request_with_a_forged_token_is_refused_with_gqls_own_error(forger: Caller) -> None:
    with pytest.raises(TransportQueryError, match="UnauthorizedException"):
        await forger.ask(GET, jobId=str(uuid.uuid4()))


async def test_subscription_with_a_forged_token_is_refused_with_gqls_own_error(forger: Caller) -> None:
    with pytest.raises(TransportServerError, match="UnauthorizedException"):
        await forger.realtime.connect()
