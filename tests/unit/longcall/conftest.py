"""An AppSync for the tests, and clients of it with short waits."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from longcall import Client, LambdaToken, Timing
from tests.unit.longcall.appsync import AppSync

SHORT = Timing(gap=0.02, silence=30.0, pause=0.001, longest_pause=0.01, answer=5.0)


async def token() -> str:
    return "token"


@pytest.fixture
async def service() -> AsyncIterator[AppSync]:
    service = AppSync()
    await service.open()
    yield service
    await service.close()


@pytest.fixture
async def client(service: AppSync) -> AsyncIterator[Client]:
    """A client that reads the log on a gap, and never because of silence."""
    async with Client(service.url, authorization=LambdaToken(token), timing=SHORT) as client:
        yield client


@pytest.fixture
async def uneasy_client(service: AppSync) -> AsyncIterator[Client]:
    """A client that reads the log as soon as nothing is received."""
    timing = replace(SHORT, silence=0.02)
    async with Client(service.url, authorization=LambdaToken(token), timing=timing) as client:
        yield client
