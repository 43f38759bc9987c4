"""The API that is attacked: a notice board with its resolvers, keys and authorizer."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from appsync_local import ApiKey, Engine, IamPrincipal, UserPool
from appsync_local.api.model import Api, AuthMode, NoneSource, UnitResolver
from tests.support.issuer import CLIENT_ID, ISSUER

BOARD: Final = Path(__file__).with_name("board")
KEY: Final = "da2-board"
SLOW: Final = "slow-"  # prefix of tokens for which the authorizer takes 0.2 s
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


class AllowingAuthorizer:
    """Invokes the authorizer, which accepts every token."""

    async def invoke(self, function: str, payload: object) -> object:
        assert isinstance(payload, dict)
        if str(payload["authorizationToken"]).startswith(SLOW):
            await asyncio.sleep(0.2)
        return {"isAuthorized": True, "resolverContext": {"door": "open"}}

    async def enqueue(self, function: str, payload: object) -> str:
        raise NotImplementedError(function)


def board_engine(jwks_url: str) -> Engine:
    """Create the engine for the board; the caller starts it."""
    return Engine(
        api=API,
        schema=BOARD / "schema.graphql",
        code=BOARD,
        invoker=AllowingAuthorizer(),
        handlers=frozenset({"authorizer"}),
        user_pools=(UserPool(ISSUER, jwks_url, CLIENT_ID),),
        api_keys=(ApiKey(KEY, expires=datetime(2100, 1, 1, tzinfo=UTC)),),
        principals=(PRINCIPAL,),
    )
