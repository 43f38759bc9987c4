"""Delayed calls that share one timer of the event loop."""

from appsync_local.devtools.health import Health
from appsync_local.realtime.keep_alive import DelayedCalls
from tests.fidelity.clock import Advance, on_a_clock


def test_each_call_is_made_after_its_own_delay() -> None:
    called: list[str] = []

    async def scenario(advance: Advance) -> list[list[str]]:
        delays = DelayedCalls(10, called.append, Health().loop("timer"))
        seen = []
        delays.wait("first")
        await advance(6)
        delays.wait("second")
        for seconds in (3, 2, 6):
            await advance(seconds)
            seen.append(called.copy())
        return seen

    with on_a_clock() as run:
        assert run(scenario) == [[], ["first"], ["first", "second"]]


def test_a_cancelled_call_is_not_made_and_a_repeated_wait_starts_again() -> None:
    called: list[str] = []

    async def scenario(advance: Advance) -> tuple[bool, bool, list[str]]:
        delays = DelayedCalls(10, called.append, Health().loop("timer"))
        for name in ("forgotten", "again", "once"):
            delays.wait(name)
        delays.cancel("forgotten")
        delays.cancel("never there")
        await advance(6)
        delays.wait("again")
        await advance(6)
        return "again" in delays, "once" in delays, called.copy()

    with on_a_clock() as run:
        assert run(scenario) == (True, False, ["once"])


def test_a_call_may_wait_again() -> None:
    called: list[str] = []

    async def scenario(advance: Advance) -> None:
        def due(name: str) -> None:
            called.append(name)
            delays.wait(name)

        delays = DelayedCalls(10, due, Health().loop("timer"))
        delays.wait("ka")
        for _ in range(3):
            await advance(11)

    with on_a_clock() as run:
        run(scenario)
    assert called == ["ka"] * 3
