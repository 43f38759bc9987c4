"""Another owner, who tries every field of the schema on jobs of others."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
from graphql import OperationType

from appsync_local.api.schema import load_schema
from certify.documents import Trial, trials
from certify.observation import Observation
from certify.product import ROOT
from certify.tokens import SignIn
from certify.watchers import CLIENT_TIMING
from infrastructure.backend_fields import backend_fields
from longcall import LambdaToken, LongcallError
from longcall.addresses import realtime_url_of
from longcall.authorization import authorized
from longcall.realtime.connection import Connection

PAUSE: Final = 0.3  # seconds between two tries
REVEALING: Final = frozenset({"JobUnfinished", "InvalidTransition"})  # types of errors that depend on a job
STARTS: Final = "Mutation.startInference"
SCHEMA: Final = ROOT / "graphql" / "schema.graphql"


class Eavesdropper:
    """A signed-in user without jobs. Whatever the API answers or pushes to it about a job is a violation."""

    def __init__(self, url: str, sign_in: SignIn) -> None:
        self._url = url
        self._authorization = LambdaToken(sign_in)
        self._session: aiohttp.ClientSession | None = None
        self._trials = trials(load_schema(SCHEMA), frozenset(backend_fields(SCHEMA.read_text("utf-8"))))

    async def __aenter__(self) -> "Eavesdropper":
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CLIENT_TIMING.answer))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._session is not None:
            await self._session.close()

    async def listen(self, observation: Observation) -> None:
        """Subscribe to the job in every way repeatedly, until cancelled, and count the pushes that arrive."""
        while True:
            try:
                await self._listen_once(observation)
            except (LongcallError, OSError) as error:
                observation.retries[f"foreign {type(error).__name__}"] += 1
            await asyncio.sleep(PAUSE)

    async def ask(self, observation: Observation, start_input: Mapping[str, Any]) -> None:
        """Try every query and mutation on the job, and count the answers that say anything about it.

        Args:
            observation: Of the job.
            start_input: The input with which its owner started it.
        """
        for trial in self._trials:
            if trial.operation is OperationType.SUBSCRIPTION:
                continue
            variables = {"input": start_input} if trial.field == STARTS else trial.about(observation.job_id)
            try:
                answer = await self._send(trial.text, variables)
            except (aiohttp.ClientError, TimeoutError, LongcallError, ValueError) as error:
                observation.retries[f"foreign {type(error).__name__}"] += 1
                continue
            if says_something(answer):
                observation.read[trial.field] += 1

    async def _listen_once(self, observation: Observation) -> None:
        connection = await authorized(
            self._authorization,
            lambda headers: Connection.open(
                realtime_url_of(self._url), host=urlsplit(self._url).netloc, headers=headers, timing=CLIENT_TIMING
            ),
        )
        try:
            async with asyncio.TaskGroup() as group:
                for trial in self._trials:
                    if trial.operation is OperationType.SUBSCRIPTION:
                        group.create_task(self._hear(connection, trial, observation))
        except* LongcallError as errors:
            for error in errors.exceptions:
                observation.retries[f"foreign {type(error).__name__}"] += 1
        finally:
            await connection.close()

    async def _hear(self, connection: Connection, trial: Trial, observation: Observation) -> None:
        data = json.dumps({"query": trial.text, "variables": trial.about(observation.job_id)})
        try:
            subscription = await authorized(self._authorization, lambda headers: connection.start(data, headers))
        except LongcallError as error:  # a subscription that selects what only the backend may select is refused
            observation.retries[f"foreign {type(error).__name__}"] += 1
            return
        while await subscription.next() is not None:
            observation.overheard += 1

    async def _send(self, text: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
        assert self._session is not None  # noqa: S101  # it is open
        headers = await self._authorization.headers()
        async with self._session.post(
            self._url, json={"query": text, "variables": dict(variables)}, headers=dict(headers)
        ) as response:
            if response.status == 401:
                self._authorization.refused(headers)
            answer: Mapping[str, Any] = await response.json(content_type=None)
            return answer


def says_something(answer: Mapping[str, Any]) -> bool:
    """Whether an answer to a user without jobs contains a job, or an error that depends on one."""
    if any(_has_content(value) for value in (answer.get("data") or {}).values()):
        return True
    kinds = {str(error.get("errorType")) for error in answer.get("errors") or ()}
    return bool(kinds & REVEALING)


def _has_content(value: Any) -> bool:
    """Whether a value has anything in it but empty lists and nulls."""
    return any(leaf is not None for leaf in _leaves(value))


def _leaves(value: Any) -> Iterator[Any]:
    match value:
        case dict():
            for each in value.values():
                yield from _leaves(each)
        case list():
            for each in value:
                yield from _leaves(each)
        case _:
            yield value
