"""Ariadne on uvicorn, uvloop and httptools: `python -m bench.peers.ariadne_server PORT`."""

import sys
from collections.abc import AsyncIterator
from typing import Any

import uvicorn  # type: ignore[import-not-found]  # in the bench's own environment
from ariadne import MutationType, QueryType, SubscriptionType, make_executable_schema  # type: ignore[import-not-found]
from ariadne.asgi import GraphQL  # type: ignore[import-not-found]
from ariadne.asgi.handlers import GraphQLTransportWSHandler  # type: ignore[import-not-found]

from bench.application import SCHEMA, VERSION
from bench.peers.jobs import Jobs

DIRECTIVE = "directive @aws_subscribe(mutations: [String!]!) on FIELD_DEFINITION"

query, mutation, subscription = QueryType(), MutationType(), SubscriptionType()
jobs: Jobs[dict[str, Any]] = Jobs()


def version(*_: Any) -> str:
    return VERSION


def update_status(_: Any, __: Any, input: dict[str, Any]) -> dict[str, Any]:  # noqa: A002  # the schema's name
    jobs.publish(input["jobId"], input)
    return input


def changes(_: Any, __: Any, jobId: str) -> AsyncIterator[dict[str, Any]]:  # noqa: N803  # the schema's name
    return jobs.subscribe(jobId)


def change(status: dict[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
    return status


query.set_field("version", version)
mutation.set_field("updateStatus", update_status)
subscription.set_source("onInferenceStatusChange", changes)
subscription.set_field("onInferenceStatusChange", change)
app = GraphQL(
    make_executable_schema([DIRECTIVE, SCHEMA.read_text()], query, mutation, subscription),
    websocket_handler=GraphQLTransportWSHandler(),
)

if __name__ == "__main__":
    uvicorn.run(
        app,
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_ping_interval=None,  # as everywhere in the bench: the client counts every byte
        log_level="warning",
    )
