"""Looks at a source of events until it is cancelled, less often while the source stays empty."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from appsync_local.devtools.health import LoopHealth

SHORTEST_WAIT: Final = 0.05  # seconds between two looks, after one that found something
LONGEST_WAIT: Final = 0.5  # seconds between two looks at a source that stays empty


async def keep_looking(
    look: Callable[[], Awaitable[int]], health: LoopHealth, failure_wait: Callable[[], float]
) -> None:
    """Look again and again. A look that fails is recorded, and the next one follows.

    Args:
        look: Delivers what is there now, and returns its number.
        health: Counts the looks that fail.
        failure_wait: Returns the seconds to wait after a look that failed.
    """
    wait = SHORTEST_WAIT
    while True:
        found: int | None = None
        with health.turn():
            found = await look()
        if found is None:
            await asyncio.sleep(failure_wait())
        elif found:
            wait = SHORTEST_WAIT
        else:
            wait = min(2 * wait, LONGEST_WAIT)
            await asyncio.sleep(wait)
