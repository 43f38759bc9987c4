from collections.abc import Iterator

import pytest

from tests.acceptance.stack import LocalStack, running_stack


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """One stack for all scenarios that leave it as it was."""
    with running_stack(tmp_path_factory.mktemp("stack") / "data") as stack:
        yield stack
