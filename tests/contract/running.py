"""A worker on a relay in the same process: the whole handlers without a network."""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from chalicelib.api.relay import Relay
from chalicelib.jobs.dispatch import parse_dispatch
from chalicelib.jobs.model import DispatchNext, Redispatch, StatusUpdate
from chalicelib.publisher.appsync import Channel
from chalicelib.publisher.coalescing import Pace
from chalicelib.publisher.connection import Connection
from chalicelib.publisher.delivery import Backoff
from chalicelib.publisher.fencing import UpdateAnswer
from chalicelib.publisher.messages import parse, render
from chalicelib.publisher.publisher import Publisher
from chalicelib.worker.runner import JobRunner
from chalicelib.workloads import registry
from chalicelib.workloads.contract import Workload

OWNER = {"sub": "ada", "username": "ada", "claims": {}}
BACKEND = {"userArn": "arn:aws:sts::123456789012:assumed-role/worker/inference"}


@dataclass(frozen=True)
class DirectEndpoint:
    """An endpoint that passes updates to the relay itself."""

    relay: Relay

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Channel]:
        yield self

    async def send(self, update: StatusUpdate | Redispatch | DispatchNext) -> UpdateAnswer:
        assert not isinstance(update, Redispatch | DispatchNext)
        values = json.loads(json.dumps(render(update)))
        if "usage" in values:
            values["usage"] = json.loads(values["usage"])  # AppSync parses AWSJSON
        return parse(ask(self.relay, "updateStatus", {"input": values}, BACKEND))


def ask(relay: Relay, field: str, arguments: Mapping[str, Any], identity: Any = OWNER) -> Any:
    answer = relay.answer({"field": field, "arguments": arguments, "identity": identity})
    assert "error" not in answer, answer
    return answer["data"]


def run(relay: Relay, *, load: Callable[[str], Workload] = registry.load, **values: Any) -> Any:
    """Run a job to its end, and return it as its owner reads it."""
    started = ask(relay, "startInference", {"input": values})
    connection = Connection(DirectEndpoint(relay))
    runner = JobRunner(
        open_publisher=partial(Publisher, connection=connection, pace=Pace(), backoff=Backoff()),
        load=load,
        megabytes=512,
        objects=relay.objects,
    )
    try:
        runner.run(parse_dispatch(started["dispatch"]), request_id="event", seconds_left=900)
    finally:
        connection.close(timeout=5.0)
    return ask(relay, "getInference", {"jobId": started["job"]["jobId"]})
