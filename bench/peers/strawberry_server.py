"""Strawberry on uvicorn, uvloop and httptools: `python -m bench.peers.strawberry_server PORT`."""

import sys
from collections.abc import AsyncIterator
from enum import Enum

import strawberry  # type: ignore[import-not-found]  # in the bench's own environment
import uvicorn  # type: ignore[import-not-found]
from strawberry.asgi import GraphQL  # type: ignore[import-not-found]

from bench.application import VERSION
from bench.peers.jobs import Jobs


@strawberry.enum
class Status(Enum):
    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


@strawberry.type
class InferenceStatus:
    job_id: strawberry.ID
    owner: str
    status: Status
    sequence: int
    attempt: int
    progress: float | None = None
    message: str | None = None
    delta: str | None = None
    model: str | None = None
    updated_at: str | None = None


@strawberry.input
class UpdateStatusInput:
    job_id: strawberry.ID
    owner: str
    status: Status
    sequence: int
    attempt: int
    progress: float | None = None
    message: str | None = None
    delta: str | None = None
    model: str | None = None
    updated_at: str | None = None


jobs: Jobs[InferenceStatus] = Jobs()


@strawberry.type
class Query:
    @strawberry.field  # type: ignore[untyped-decorator]
    def version(self) -> str | None:
        return VERSION


@strawberry.type
class Mutation:
    @strawberry.mutation  # type: ignore[untyped-decorator]
    async def update_status(self, input: UpdateStatusInput) -> InferenceStatus:  # noqa: A002  # the schema's name
        status = InferenceStatus(**input.__dict__)
        jobs.publish(status.job_id, status)
        return status


@strawberry.type
class Subscription:
    @strawberry.subscription  # type: ignore[untyped-decorator]
    async def on_inference_status_change(self, job_id: strawberry.ID) -> AsyncIterator[InferenceStatus | None]:
        async for status in jobs.subscribe(job_id):
            yield status


app = GraphQL(strawberry.Schema(Query, Mutation, Subscription))

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
