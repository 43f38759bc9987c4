"""Items of the checklist that describe the application, tested on a whole local stack of Longcall."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from tests.acceptance.stack import LocalStack, running_stack
from tests.support.engine_clients import Realtime, subprotocol_of

START = "mutation Start($input: InferenceInput!) { startInference(input: $input) { jobId status sequence } }"
CANCEL = """mutation Cancel($id: ID!) {
  cancelInference(jobId: $id) { jobId owner status sequence attempt audience { owner } }
}"""
EVENTS = "query Events($id: ID!) { inferenceEvents(jobId: $id) { status sequence } }"
WATCH = "subscription Watch($id: ID!) { onInferenceStatusChange(jobId: $id) { jobId status sequence } }"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    with running_stack(tmp_path_factory.mktemp("fidelity") / "data") as stack:
        yield stack


class User:
    """The first test user, with the Lambda authorizer or the user pool."""

    def __init__(self, stack: LocalStack, session: aiohttp.ClientSession, token: str) -> None:
        self._url = stack.url
        self._session = session
        self._token = token

    async def ask(self, query: str, variables: Any) -> tuple[int, Any]:
        body = {"query": query, "variables": variables}
        async with self._session.post(self._url, json=body, headers={"Authorization": self._token}) as response:
            return response.status, await response.json()

    async def start(self, job_id: str, **values: Any) -> Any:
        given = {"jobId": job_id, "prompt": "Hi", "model": "simulated.story"} | values
        status, answer = await self.ask(START, {"input": given})
        assert status == 200
        return answer

    async def events(self, job_id: str) -> list[dict[str, Any]]:
        _, answer = await self.ask(EVENTS, {"id": job_id})
        found: list[dict[str, Any]] = answer["data"]["inferenceEvents"]
        return found

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Realtime]:
        protocols = ("graphql-ws", subprotocol_of(self.authorization))
        url = self._url.replace("http:", "ws:") + "/realtime"
        async with self._session.ws_connect(url, protocols=protocols) as socket:
            client = Realtime(socket)
            await client.send(type="connection_init")
            assert (await client.receive())["type"] == "connection_ack"
            yield client

    @property
    def authorization(self) -> dict[str, str]:
        return {"host": self._url.split("/")[2], "Authorization": self._token}

    async def subscribe_successfully(self, socket: Realtime, job_id: str) -> None:
        answer = await socket.start("1", WATCH, {"id": job_id}, auth=self.authorization)
        assert answer == {"id": "1", "type": "start_ack"}


@pytest.fixture(params=["", "Lambda-Auth-"], ids=["user pool", "Lambda authorizer"])
async def user(request: pytest.FixtureRequest, stack: LocalStack, session: aiohttp.ClientSession) -> User:
    return User(stack, session, request.param + await stack.sign_in()())


@pytest.fixture
def job_id() -> str:
    return str(uuid.uuid4())


async def test_whoever_watches_the_socket_alone_from_before_the_start_hears_every_status(
    user: User, job_id: str
) -> None:
    heard: list[dict[str, Any]] = []
    async with user.connected() as socket, asyncio.timeout(30):
        await user.subscribe_successfully(socket, job_id)
        await user.start(job_id, processTime=0.1)
        while not heard or heard[-1]["status"] != "COMPLETED":
            heard.append((await socket.receive())["payload"]["data"]["onInferenceStatusChange"])

    assert list(dict.fromkeys(event["status"] for event in heard)) == ["PENDING", "PROCESSING", "COMPLETED"]
    sequences = [event["sequence"] for event in heard]
    assert sequences == list(range(1, len(heard) + 1)), "in order, and the announcement is event 1"


async def test_whoever_subscribes_after_the_start_reads_in_the_log_what_was_pushed_before(
    user: User, job_id: str
) -> None:
    await user.start(job_id, processTime=0.1)

    async with user.connected() as socket, asyncio.timeout(30):
        await user.subscribe_successfully(socket, job_id)  # as a page that opens its socket after the answer
        events = await user.events(job_id)
        while events[-1]["status"] != "COMPLETED":
            pushed = (await socket.receive())["payload"]["data"]["onInferenceStatusChange"]
            events += [pushed] if pushed["sequence"] > events[-1]["sequence"] else []

    assert list(dict.fromkeys(event["status"] for event in events)) == ["PENDING", "PROCESSING", "COMPLETED"]


async def test_c09_an_event_sent_right_after_start_ack_is_delivered(user: User, job_id: str) -> None:
    await user.start(job_id, processTime=60)

    async with user.connected() as socket:
        await user.subscribe_successfully(socket, job_id)
        await user.ask(CANCEL, {"id": job_id})

        seen: list[str] = []
        while "CANCELLED" not in seen:
            frame = await socket.receive()
            assert (frame["id"], frame["type"]) == ("1", "data")
            seen.append(frame["payload"]["data"]["onInferenceStatusChange"]["status"])


async def test_c11_events_of_another_job_are_not_received(user: User, job_id: str) -> None:
    other = str(uuid.uuid4())
    async with user.connected() as socket:
        await user.subscribe_successfully(socket, other)

        await user.start(job_id, processTime=60)
        await user.ask(CANCEL, {"id": job_id})

        assert await socket.silent()


@pytest.mark.parametrize("values", [{"processTime": 60}, {"model": "simulated.error"}])
async def test_c19_a_started_job_is_pending_at_once(user: User, job_id: str, values: dict[str, Any]) -> None:
    answer = await user.start(job_id, **values)

    assert answer == {"data": {"startInference": {"jobId": job_id, "status": "PENDING", "sequence": 1}}}
    await user.ask(CANCEL, {"id": job_id})


async def test_c48_only_the_backend_publishes(user: User, job_id: str) -> None:
    await user.start(job_id, processTime=60)
    update = "mutation Forge($id: ID!) { updateStatus(input: {jobId: $id, status: COMPLETED}) { jobId status } }"

    async with user.connected() as socket:
        await user.subscribe_successfully(socket, job_id)
        status, answer = await user.ask(update, {"id": job_id})
        await user.ask(CANCEL, {"id": job_id})

        assert (status, answer["data"]) == (200, None)  # the field is non-null, so null propagates to the root
        [entry] = answer["errors"]
        assert (entry["errorType"], entry["path"]) == ("Unauthorized", ["updateStatus"])
        assert entry["message"] == "Not Authorized to access updateStatus on type Mutation"
        statuses: list[str] = []
        async with asyncio.timeout(20):
            while "CANCELLED" not in statuses:
                frame = await socket.receive()
                statuses.append(frame["payload"]["data"]["onInferenceStatusChange"]["status"])
        assert "COMPLETED" not in statuses


async def test_c58_an_unknown_field_is_named_as_appsync_names_it(user: User) -> None:
    status, answer = await user.ask("{ badfield }", None)

    message = "Validation error of type FieldUndefined: Field 'badfield' in type 'Query' is undefined @ 'badfield'"
    assert status == 200
    assert json.dumps(answer) == json.dumps(
        {
            "data": None,
            "errors": [{"path": None, "locations": [{"line": 1, "column": 3, "sourceName": None}], "message": message}],
        }
    )
