import time
from collections.abc import AsyncIterator, Callable, Iterator

import aiohttp
import pytest

from appsync_local import Engine, UserPool
from tests.support.engine_clients import BACKEND, POWERLESS, READER, Http, Realtime, connected
from tests.support.engine_doubles import API, HANDLERS, NOTES, SCHEMA, RecordingInvoker, allow, answer_notes
from tests.support.issuer import CLIENT_ID, ISSUER, Issuer, access_claims, running_issuer


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    """A user pool's keys, served over HTTP."""
    with running_issuer() as issuer:
        yield issuer


@pytest.fixture
def user(issuer: Issuer) -> Callable[..., str]:
    """Tokens of the user pool."""

    def token(**changes: object) -> str:
        return issuer.sign(access_claims(**({"exp": int(time.time()) + 600, "iat": int(time.time())} | changes)))

    return token


@pytest.fixture
def invoker() -> RecordingInvoker:
    return RecordingInvoker(notes=answer_notes, worker=lambda payload: None, authorizer=allow)


@pytest.fixture
async def engine(invoker: RecordingInvoker, issuer: Issuer) -> AsyncIterator[Engine]:
    """The notes API, listening on a free port."""
    engine = Engine(
        api=API,
        schema=SCHEMA,
        code=NOTES,
        invoker=invoker,
        user_pools=(UserPool(ISSUER, issuer.jwks_url, CLIENT_ID),),
        principals=(BACKEND, READER, POWERLESS),
        handlers=HANDLERS,
    )
    await engine.start(port=0)
    yield engine
    await engine.stop()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def http(engine: Engine, session: aiohttp.ClientSession) -> Http:
    return Http(engine, session)


@pytest.fixture
async def realtime(engine: Engine, session: aiohttp.ClientSession) -> AsyncIterator[Realtime]:
    """A connection with the Lambda authorizer's token."""
    async with connected(engine, session) as client:
        yield client
