"""A pytest plugin: a test fails when an error in a callback or background task was not handled.

asyncio and uvloop log such errors to the logger `asyncio` and continue, so a test would pass without noticing them.
Errors in threads and in finalizers need no code here: pytest turns them into warnings, and warnings are errors.
"""

import logging
from collections.abc import Iterator

import pytest


class _Collector(logging.Handler):
    """Collects the errors that an event loop logs."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))


@pytest.fixture(autouse=True)
def unhandled_errors() -> Iterator[list[str]]:
    """The errors that event loops have logged during this test, each with its trace.

    A test that causes one on purpose checks the list and clears it; any other test fails at its end.
    """
    collector = _Collector()
    logger = logging.getLogger("asyncio")
    logger.addHandler(collector)
    try:
        yield collector.texts
    finally:
        logger.removeHandler(collector)
    if collector.texts:
        pytest.fail("an error in a callback or background task was not handled:\n\n" + "\n\n".join(collector.texts))
