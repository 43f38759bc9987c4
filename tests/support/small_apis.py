"""A small API for one test: a schema, and the body of each resolver's `response` function."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from appsync_local import ApiKey, Engine
from appsync_local.api.model import Api, AuthMode, NoneSource, UnitResolver
from tests.support.engine_clients import Http, Realtime, connected
from tests.support.engine_doubles import RecordingInvoker

KEY = "da2-test"
HEADERS = {"x-api-key": KEY}

_CODE = """import {{ util, extensions }} from "@aws-appsync/utils";
export function request(ctx) {{ return {{ payload: null }}; }}
export function response(ctx) {{ {body} }}
"""


class SmallApi:
    """A running engine, and clients for it."""

    def __init__(self, engine: Engine, session: aiohttp.ClientSession) -> None:
        self.engine = engine
        self.session = session

    async def ask(self, query: str, variables: Any = None) -> Any:
        """The response's JSON."""
        return await Http(self.engine, self.session).ask(query, variables, headers=HEADERS)

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Realtime]:
        """A realtime connection."""
        async with connected(self.engine, self.session, {"host": "localhost", **HEADERS}) as client:
            yield client


@asynccontextmanager
async def small_api(
    folder: Path, schema: str, responses: Mapping[str, str], *, environment: Mapping[str, str] | None = None
) -> AsyncIterator[SmallApi]:
    """Serve an API with an API key.

    Args:
        folder: An empty folder.
        schema: The schema.
        responses: By `Type.field`: the body of the resolver's `response(ctx)`.
        environment: The API's environment variables.
    """
    (folder / "schema.graphql").write_text(schema, encoding="utf-8")
    (folder / "resolvers").mkdir()
    for name, body in responses.items():
        (folder / "resolvers" / f"{name}.js").write_text(_CODE.format(body=body), encoding="utf-8")
    api = Api(
        modes=(AuthMode.API_KEY,),
        authorizer=None,
        sources=(NoneSource("Nothing"),),
        functions=(),
        resolvers=tuple(UnitResolver(name, "Nothing") for name in responses),
        environment=environment or {},
    )
    engine = Engine(
        api=api, schema=folder / "schema.graphql", code=folder, invoker=RecordingInvoker(), api_keys=(ApiKey(KEY),)
    )
    await engine.start(port=0)
    try:
        async with aiohttp.ClientSession() as session:
            yield SmallApi(engine, session)
    finally:
        await engine.stop()
