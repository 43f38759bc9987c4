"""A program that uses the engine alone. It runs in an environment with `appsync-local` and its dependencies only.

It serves a small API of its own, runs a query, a mutation and a subscription over real sockets, and prints what it
received as one line of JSON.
"""

import asyncio
import base64
import importlib.util
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

import appsync_local
from appsync_local import (
    Api,
    ApiKey,
    AuthMode,
    Engine,
    FunctionRuntime,
    FunctionSpec,
    LambdaSource,
    NoneSource,
    UnitResolver,
)

SCHEMA = """
type Note { id: ID! text: String! length: Int! }
type Query { greeting(name: String!): String! }
type Mutation { write(id: ID!, text: String!): Note }
type Subscription { written(id: ID): Note @aws_subscribe(mutations: ["write"]) }
"""
GREETING = """
export function request(ctx) { return { payload: `Hello, ${ctx.args.name}` }; }
export function response(ctx) { return ctx.result; }
"""
WRITE = """
export function request(ctx) { return { operation: "Invoke", payload: ctx.args }; }
export function response(ctx) { return ctx.result; }
"""
HANDLER = """
def write(event, context):
    return event | {"length": len(event["text"])}
"""
KEY = "da2-wheel"
API = Api(
    modes=(AuthMode.API_KEY,),
    authorizer=None,
    sources=(NoneSource("Nothing"), LambdaSource("Notes", "write")),
    functions=(),
    resolvers=(UnitResolver("Query.greeting", "Nothing"), UnitResolver("Mutation.write", "Notes")),
)
OURS = ("app", "chalicelib", "infrastructure", "local_stack", "longcall", "tests")


def write_files(root: Path) -> None:
    resolvers = root / "graphql" / "resolvers"
    resolvers.mkdir(parents=True)
    (root / "graphql" / "schema.graphql").write_text(SCHEMA)
    (resolvers / "Query.greeting.js").write_text(GREETING)
    (resolvers / "Mutation.write.js").write_text(WRITE)
    (root / "handlers.py").write_text(HANDLER)


async def ask(session: aiohttp.ClientSession, url: str, query: str) -> Any:
    async with session.post(url, json={"query": query}, headers={"x-api-key": KEY}) as response:
        return await response.json()


async def subscribed_event(session: aiohttp.ClientSession, engine: Engine) -> Any:
    """The event that a subscriber receives when a note is written."""
    authorization = {"host": "localhost", "x-api-key": KEY}
    header = base64.urlsafe_b64encode(json.dumps(authorization).encode()).decode().rstrip("=")
    async with session.ws_connect(engine.realtime_url, protocols=("graphql-ws", f"header-{header}")) as socket:
        data = json.dumps({"query": 'subscription { written(id: "n2") { id length } }'})
        await socket.send_json({"type": "connection_init"})
        payload = {"data": data, "extensions": {"authorization": authorization}}
        await socket.send_json({"type": "start", "id": "s1", "payload": payload})
        while (message := await socket.receive_json())["type"] != "start_ack":
            assert message["type"] in ("connection_ack", "ka"), message
        await ask(session, engine.graphql_url, 'mutation { write(id: "n2", text: "four") { id length } }')
        return await socket.receive_json()


async def main(root: Path) -> None:
    write_files(root)
    functions = FunctionRuntime(
        (FunctionSpec("write", "handlers.write", {}, timeout=10.0),), root=root, queue=root / "events.sqlite"
    )
    engine = Engine(
        api=API,
        schema=root / "graphql" / "schema.graphql",
        code=root / "graphql",
        invoker=functions,
        handlers={"write"},
        api_keys=(ApiKey(KEY, expires=datetime(2100, 1, 1, tzinfo=UTC)),),
    )
    await functions.start()
    await engine.start(port=0)
    try:
        async with asyncio.timeout(60), aiohttp.ClientSession() as session:
            seen = {
                "query": await ask(session, engine.graphql_url, '{ greeting(name: "Ada") }'),
                "mutation": await ask(
                    session, engine.graphql_url, 'mutation { write(id: "n1", text: "one") { id text length } }'
                ),
                "event": await subscribed_event(session, engine),
            }
    finally:
        await engine.stop()
        await functions.stop()
    seen["ours"] = [name for name in OURS if importlib.util.find_spec(name) is not None]
    seen["engine"] = str(Path(appsync_local.__file__).parent)
    sys.stdout.write(json.dumps(seen) + "\n")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
