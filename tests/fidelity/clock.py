"""An event loop whose clock a test moves forward, for behaviour after minutes or hours."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")
Advance = Callable[[float], Awaitable[None]]
Scenario = Callable[[Advance], Awaitable[T]]


@contextmanager
def on_a_clock() -> Iterator[Callable[[Scenario[T]], T]]:
    """Yield a function that runs a scenario; the scenario receives the function that advances the clock."""
    ahead = 0.0
    with asyncio.Runner() as runner:
        loop = runner.get_loop()
        real = loop.time
        loop.time = lambda: real() + ahead  # type: ignore[method-assign]

        async def advance(seconds: float) -> None:
            nonlocal ahead
            ahead += seconds
            for _ in range(10):  # run the callbacks that are due now, and those that they schedule
                await asyncio.sleep(0)

        async def carry_out(scenario: Scenario[T]) -> T:
            return await scenario(advance)

        yield lambda scenario: runner.run(carry_out(scenario))
