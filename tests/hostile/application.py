"""The notice board that is attacked: its wiring, and who may use it."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from appsync_local import ApiKey, Engine, IamPrincipal, UserPool
from appsync_local.api.model import Api, AuthMode, NoneSource, UnitResolver
from tests.support.issuer import CLIENT_ID, ISSUER

BOARD: Final = Path(__file__).with_name("board")
KEY: Final = "da2-board"
SLOW: Final = "slow-"  # how tokens begin about which the authorizer thinks for a while
PRINCIPAL: Final = IamPrincipal(
    "AKIDBOARD", "board-secret", "arn:aws:iam::111122223333:role/board", "111122223333", frozenset({"Query.note"})
)

FIELDS: Final = tuple(sorted(path.stem for path in (BOARD / "resolvers").glob("*.js")))
API: Final = Api(
    modes=(AuthMode.API_KEY, AuthMode.LAMBDA, AuthMode.COGNITO, AuthMode.IAM),
    authorizer="authorizer",
    sources=(NoneSource("Nothing"),),
    functions=(),
    resolvers=tuple(UnitResolver(field, "Nothing") for field in FIELDS),
)


class Doorkeeper:
    """The authorizer, which lets everybody in."""

    async def invoke(self, function: str, payload: object) -> object:
        assert isinstance(payload, dict)
        if str(payload["authorizationToken"]).startswith(SLOW):
            await asyncio.sleep(0.2)
        return {"isAuthorized": True, "resolverContext": {"door": "open"}}

    async def enqueue(self, function: str, payload: object) -> str:
        raise NotImplementedError(function)


def board_engine(jwks_url: str) -> Engine:
    """The board, not listening yet."""
    return Engine(
        api=API,
        schema=BOARD / "schema.graphql",
        code=BOARD,
        invoker=Doorkeeper(),
        handlers=frozenset({"authorizer"}),
        user_pools=(UserPool(ISSUER, jwks_url, CLIENT_ID),),
        api_keys=(ApiKey(KEY, expires=datetime(2100, 1, 1, tzinfo=UTC)),),
        principals=(PRINCIPAL,),
    )
