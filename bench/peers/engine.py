"""The engine in a separate process: `python -m bench.peers.engine PORT [WITHOUT]`."""

import asyncio
import sys

import uvloop

from appsync_local import ApiKey, Engine
from appsync_local.api.model import Api, AuthMode, NoneSource, UnitResolver
from bench.application import API_KEY, FOLDER, SCHEMA

API = Api(
    modes=(AuthMode.API_KEY,),
    authorizer=None,
    sources=(NoneSource("Nothing"),),
    functions=(),
    resolvers=(UnitResolver("Query.version", "Nothing"), UnitResolver("Mutation.updateStatus", "Nothing")),
)


class NoFunctions:
    """The API invokes no function."""

    async def invoke(self, function: str, payload: object) -> object:  # noqa: ARG002  # the seam's
        raise AssertionError(function)

    async def enqueue(self, function: str, payload: object) -> str:  # noqa: ARG002  # the seam's
        raise AssertionError(function)


async def serve(port: int) -> None:
    engine = Engine(
        api=API,
        schema=SCHEMA,
        code=FOLDER,
        invoker=NoFunctions(),
        api_keys=(ApiKey(API_KEY),),
        keep_alive=3600,  # as everywhere in the bench: the client counts every byte
    )
    await engine.start(port=port)
    await asyncio.Event().wait()


def main(port: str, *less: str) -> None:
    is_uvloop = True
    for name in less:
        from bench.peers.without import Measure, take_out

        take_out(Measure(name))
        is_uvloop = Measure(name) is not Measure.UVLOOP
    (uvloop.run if is_uvloop else asyncio.run)(serve(int(port)))


if __name__ == "__main__":
    main(*sys.argv[1:])
