"""What `longcall doctor` shows of a local stack's background work."""

from typing import Any

import pytest

from appsync_local.devtools.health import Health, QueueState
from longcall.cli.findings import CheckStatus, Finding
from longcall.cli.stack_health import ADVICE, RECENT, health_findings


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(clock: Clock) -> Health:
    """The engine's own record."""
    return Health(clock=clock)


def findings(health: Health, clock: Clock) -> list[Finding]:
    return list(health_findings(health.describe(), now=clock.now))


def test_last_sweep_is_shown_with_its_age(health: Health, clock: Clock) -> None:
    sweep = health.loop("schedule sweep")
    before = findings(health, clock)

    sweep.succeeded()
    clock.now += 42.0

    assert before == [Finding("last sweep", CheckStatus.NOTE, "none since the stack was started")]
    assert findings(health, clock) == [Finding("last sweep", CheckStatus.GOOD, "42.0 s ago")]


def test_queue_is_shown_with_its_length_and_age(health: Health, clock: Clock) -> None:
    def broken() -> QueueState:
        raise OSError("disk full\x1b[2J")

    health.observe_queue("events", lambda: QueueState(3, clock.now - 12.5))
    health.observe_queue("delays", lambda: QueueState(0))
    health.observe_queue("broken", broken)

    assert findings(health, clock) == [
        Finding("queue events", CheckStatus.NOTE, "3 waiting, the oldest for 12.5 s"),
        Finding("queue delays", CheckStatus.GOOD, "empty"),
        Finding("queue broken", CheckStatus.BAD, "it could not be measured: OSError: disk full\\x1b[2J", ADVICE),
    ]


def test_loop_that_fails_is_bad_until_it_recovers_and_is_forgotten_after_a_while(health: Health, clock: Clock) -> None:
    loop = health.loop("deliveries")
    for _ in range(3):
        loop.failed(OSError("disk full"))
    clock.now += 5.0

    failing = findings(health, clock)
    loop.succeeded()
    recovered = findings(health, clock)
    clock.now += RECENT

    assert failing == [
        Finding(
            "loop deliveries", CheckStatus.BAD, "failed 3 times in a row, last 5.0 s ago: OSError: disk full", ADVICE
        )
    ]
    assert recovered == [
        Finding("loop deliveries", CheckStatus.NOTE, "has recovered from a failure 5.0 s ago: OSError: disk full")
    ]
    assert findings(health, clock) == []


@pytest.mark.parametrize("health", [None, {}, {"loops": []}, "text"])
def test_stack_of_an_older_version_reports_nothing(health: Any) -> None:
    assert list(health_findings(health, now=0.0)) == []
