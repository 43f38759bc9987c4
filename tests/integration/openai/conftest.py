import gc
from collections.abc import Iterator

import openai
import pytest

from chalicelib.workloads.openai.service import service_of
from tests.integration.openai.server import Script, serving


@pytest.fixture
def server() -> Iterator[Script]:
    with serving() as script:
        yield script


@pytest.fixture(autouse=True)
def _closed_clients() -> Iterator[None]:
    """Close the client, which a process otherwise keeps until it ends."""
    yield
    for client in [it for it in gc.get_objects() if issubclass(type(it), openai.OpenAI)]:
        client.close()
    service_of.cache_clear()
