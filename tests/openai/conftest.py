from collections.abc import Iterator

import pytest

from tests.openai.server import Script, serving


@pytest.fixture
def server() -> Iterator[Script]:
    with serving() as script:
        yield script
