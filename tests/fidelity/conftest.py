"""One engine serves the library API to all tests; each test may replace its Lambda functions."""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from pytest_asyncio import is_async_test

from appsync_local import AuthorizerOptions, DynamoDbEndpoint, Engine, OidcProvider, UserPool
from tests.contract.conftest import MOTO, serving
from tests.fidelity.application import (
    API,
    DESK,
    EXPIRED_KEY,
    HANDLERS,
    KEY,
    LIBRARY,
    NOBODY,
    OIDC_ISSUER,
    SCHEMA,
    VISITOR,
    catalogue,
    doorkeeper,
)
from tests.fidelity.callers import ApiClient, Callers
from tests.support.engine_doubles import RecordingInvoker
from tests.support.issuer import CLIENT_ID, ISSUER, running_issuer, signing_key

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents and is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session")
def callers() -> Iterator[Callers]:
    with running_issuer() as issuer, running_issuer() as oidc:
        oidc.keys = [signing_key("oidc")]
        yield Callers(issuer, oidc)


@pytest.fixture(scope="session")
def dynamodb() -> Iterator[DynamoDbEndpoint]:
    """Moto's DynamoDB, with the tables of all tests."""
    with serving(sys.executable, "-c", MOTO) as url:
        yield DynamoDbEndpoint(url)


@pytest.fixture(scope="session")
def functions() -> RecordingInvoker:
    """The Lambda functions of the library, shared by all tests."""
    return RecordingInvoker()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def library(functions: RecordingInvoker, callers: Callers) -> AsyncIterator[Engine]:
    engine = Engine(
        api=API,
        schema=SCHEMA,
        code=LIBRARY,
        invoker=functions,
        handlers=HANDLERS,
        user_pools=(
            UserPool(ISSUER, callers.issuer.jwks_url, f"{CLIENT_ID}|other-.*"),
            UserPool(f"{ISSUER}-staff", callers.issuer.jwks_url),
        ),
        oidc_providers=(OidcProvider(OIDC_ISSUER, callers.oidc.jwks_url, "reading-.*"),),
        api_keys=(KEY, EXPIRED_KEY),
        principals=(DESK, VISITOR, NOBODY),
        authorizer=AuthorizerOptions(identity_validation=r"(custom|library)-.+"),
    )
    await engine.start(port=0)
    yield engine
    await engine.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def invoker(functions: RecordingInvoker) -> RecordingInvoker:
    """The Lambda functions, reset to their defaults."""
    functions.functions = {"catalogue": catalogue, "courier": lambda _: None, "doorkeeper": doorkeeper}
    functions.invoked.clear()
    functions.enqueued.clear()
    return functions


@pytest.fixture
def client(library: Engine, session: aiohttp.ClientSession, callers: Callers, invoker: RecordingInvoker) -> ApiClient:
    """A client of the library with a token of the user pool."""
    return ApiClient(library, session, callers.cognito)
