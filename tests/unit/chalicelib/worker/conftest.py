from collections.abc import Iterator

import pytest

from tests.unit.chalicelib.publisher.api import Api


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as api:
        yield api
