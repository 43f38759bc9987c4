"""A Lambda runtime in memory, and a small API about notes that the engine's tests serve."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from appsync_local.api.model import (
    Api,
    AuthMode,
    LambdaSource,
    NoneSource,
    PipelineFunction,
    PipelineResolver,
    UnitResolver,
)
from appsync_local.errors import FunctionFailed

NOTES = Path(__file__).with_name("notes")
SCHEMA = NOTES / "schema.graphql"
HANDLERS = frozenset({"notes", "worker", "authorizer"})

API = Api(
    modes=(AuthMode.LAMBDA, AuthMode.COGNITO, AuthMode.IAM),
    authorizer="authorizer",
    sources=(LambdaSource("Notes", "notes"), LambdaSource("Worker", "worker"), NoneSource("Nothing")),
    functions=(
        PipelineFunction("first", "Nothing"),
        PipelineFunction("throws", "Nothing"),
        PipelineFunction("skips", "Nothing"),
        PipelineFunction("last", "Nothing"),
        PipelineFunction("open", "Notes"),
        PipelineFunction("send", "Worker"),
    ),
    resolvers=(
        *(UnitResolver(f"Query.{name}", "Notes") for name in ("note", "notes", "search", "ledger")),
        *(UnitResolver(f"Query.{name}", "Notes") for name in ("defaultOnly", "forEditors")),
        *(UnitResolver(f"Query.{name}", "Nothing") for name in ("echo", "fails", "partly")),
        PipelineResolver("Query.broken", ("first", "throws", "last")),
        PipelineResolver("Query.early", ("first", "skips", "last")),
        UnitResolver("Mutation.write", "Notes"),
        UnitResolver("Mutation.erase", "Notes"),
        UnitResolver("Mutation.tally", "Notes"),
        PipelineResolver("Mutation.queue", ("open", "send")),
        UnitResolver("Person.notes", "Notes"),
        UnitResolver("Subscription.inRoom", "Nothing"),
    ),
)

Function = Callable[[Any], Any]


class RecordingInvoker:
    """Invokes Python callables and records every call. A callable raises FunctionFailed to fail the call."""

    def __init__(self, **functions: Function) -> None:
        self.functions: dict[str, Function] = dict(functions)
        self.invoked: list[tuple[str, Any]] = []
        self.enqueued: list[tuple[str, Any]] = []

    async def invoke(self, function: str, payload: object) -> object:
        self.invoked.append((function, payload))
        return self.functions[function](payload)

    async def enqueue(self, function: str, payload: object) -> str:
        if function not in self.functions:
            raise FunctionFailed("Lambda:TooManyRequestsException", "Rate Exceeded.")
        self.enqueued.append((function, payload))
        return f"request-{len(self.enqueued)}"

    def calls(self, function: str) -> list[Any]:
        """The payloads that one function was invoked with."""
        return [payload for name, payload in self.invoked if name == function]


def note(id_: str, **changes: Any) -> dict[str, Any]:
    """Return a note as the function `notes` returns it."""
    return {"id": id_, "room": "hall", "words": 12, "revision": 1, "writtenAt": "2026-03-01T12:00:00Z"} | changes


def answer_notes(payload: Any) -> Any:
    """The Lambda function `notes`: returns the arguments as a note."""
    if "open" in payload:
        return note(payload["open"])
    arguments = payload["arguments"]
    match payload["field"]:
        case "write" | "note":
            if arguments["id"] == "boom":
                raise FunctionFailed("Lambda:Unhandled", "boom")
            return note(**{"id_" if name == "id" else name: value for name, value in arguments.items()})
        case "notes":
            return [note("n1"), note("n2", author={"id": "p1", "name": "Ada"})] if not payload["source"] else []
        case other:
            return other


def allow(payload: Any) -> Any:
    """A Lambda authorizer that accepts every token and returns it in the resolver context."""
    return {"isAuthorized": True, "resolverContext": {"token": payload["authorizationToken"]}}
