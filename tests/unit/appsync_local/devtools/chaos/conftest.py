from collections.abc import AsyncIterator

import pytest

from appsync_local import Engine
from appsync_local.devtools.chaos.switch import Chaos
from tests.support.engine_clients import BACKEND
from tests.support.engine_doubles import API, HANDLERS, NOTES, SCHEMA, RecordingInvoker


@pytest.fixture
def chaos() -> Chaos:
    """A switch with no faults on."""
    return Chaos()


@pytest.fixture
async def engine(invoker: RecordingInvoker, chaos: Chaos) -> AsyncIterator[Engine]:
    """The notes API with that switch, on a free port."""
    engine = Engine(
        api=API, schema=SCHEMA, code=NOTES, invoker=invoker, principals=(BACKEND,), handlers=HANDLERS, chaos=chaos
    )
    await engine.start(port=0)
    yield engine
    await engine.stop()
