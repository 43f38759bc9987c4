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
    """A process keeps one client for as long as it lives; a test's is not left for the garbage collector to find."""
    yield
    for client in [it for it in gc.get_objects() if issubclass(type(it), openai.OpenAI)]:
        client.close()
    service_of.cache_clear()
