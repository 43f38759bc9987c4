from collections.abc import Iterator

import pytest

from tests.acceptance.stack import LocalStack, running_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """One stack for all tests that do not change its configuration or stop it."""
    with running_stack(tmp_path_factory.mktemp("stack") / "data") as stack:
        yield stack
