"""The record of background loops and queues."""

import asyncio
import logging

import pytest

from appsync_local.devtools.findings import CheckStatus
from appsync_local.devtools.health import RECENT, Health, QueueState
from appsync_local.devtools.health_checks import health_findings


class Clock:
    """A clock that moves only when the test sets it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(clock: Clock) -> Health:
    return Health(clock=clock)


def test_a_failed_turn_is_suppressed_counted_and_logged_with_its_traceback(
    health: Health, caplog: pytest.LogCaptureFixture
) -> None:
    loop = health.loop("schedules")

    with loop.turn():
        raise OSError("no space left on device")

    assert (loop.failures, loop.failures_in_a_row, loop.last_turn) == (1, 1, 1000.0)
    assert loop.last_error == "OSError: no space left on device"
    assert loop.last_success is None
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "schedules: one turn failed and the loop continues (1 in a row): OSError" in record.message
    assert record.exc_info is not None


def test_repeated_failures_are_logged_without_repeating_the_traceback(
    health: Health, caplog: pytest.LogCaptureFixture
) -> None:
    loop = health.loop("schedules")

    for _ in range(3):
        with loop.turn():
            raise OSError("no space left on device")

    assert [bool(record.exc_info) for record in caplog.records] == [True, False, False]
    assert "(3 in a row)" in caplog.records[-1].message


def test_a_successful_turn_resets_the_failures_in_a_row_and_keeps_the_total(health: Health, clock: Clock) -> None:
    loop = health.loop("schedules")
    with loop.turn():
        raise OSError("no space left on device")

    clock.now = 1060.0
    with loop.turn():
        pass

    assert (loop.failures, loop.failures_in_a_row) == (1, 0)
    assert (loop.last_failure, loop.last_success, loop.last_turn) == (1000.0, 1060.0, 1060.0)
    assert loop.failed_recently(now=1000.0 + RECENT)
    assert not loop.failed_recently(now=1001.0 + RECENT)


def test_a_loop_that_still_fails_has_failed_recently_however_long_ago(health: Health) -> None:
    loop = health.loop("schedules")
    loop.failed(OSError("no space left on device"))

    assert loop.failed_recently(now=1000.0 + 100 * RECENT)


def test_cancellation_passes_through_a_turn_and_is_not_a_failure(health: Health) -> None:
    loop = health.loop("schedules")

    with pytest.raises(asyncio.CancelledError), loop.turn():
        raise asyncio.CancelledError

    assert (loop.failures, loop.last_turn) == (0, None)


def test_one_name_is_one_loop(health: Health) -> None:
    assert health.loop("schedules") is health.loop("schedules")
    assert [loop.name for loop in health.loops()] == ["schedules"]


def test_a_queue_that_cannot_be_measured_does_not_hide_the_others(health: Health) -> None:
    def broken() -> QueueState:
        raise OSError("disk I/O error")

    health.observe_queue("events", broken)
    health.observe_queue("other events", lambda: QueueState(3, 940.0))

    assert health.describe() == {
        "loops": [],
        "queues": [
            {"name": "events", "length": None, "oldest": None, "error": "OSError: disk I/O error"},
            {"name": "other events", "length": 3, "oldest": 940.0, "error": None},
        ],
    }


def test_a_loop_that_fails_is_a_bad_finding_with_its_error(health: Health, clock: Clock) -> None:
    for _ in range(3):
        health.loop("schedules").failed(OSError("no space left on\x1b device"))

    [finding] = health_findings(health, now=clock.now + 12)

    assert (finding.about, finding.status) == ("schedules", CheckStatus.BAD)
    assert finding.found == (
        "the last 3 turns failed, most recently 12 s ago: OSError: no space left on\N{REPLACEMENT CHARACTER} device"
    )


def test_a_loop_that_has_recovered_is_a_note_while_the_failure_is_recent(health: Health, clock: Clock) -> None:
    health.loop("schedules").failed(OSError("disk full"))
    clock.now += 60
    health.loop("schedules").succeeded()

    [recent] = health_findings(health, now=clock.now)
    [later] = health_findings(health, now=clock.now + RECENT)

    assert (recent.status, later.status) == (CheckStatus.NOTE, CheckStatus.GOOD)
    assert recent.found == "last turn 0 s ago; a turn failed 60 s ago: OSError: disk full (1 in total)"
    assert later.found == "last turn 10 min ago"


def test_a_loop_before_its_first_turn_and_a_queue_are_notes(health: Health, clock: Clock) -> None:
    health.loop("schedules")
    health.observe_queue("events", lambda: QueueState(3, clock.now - 90))

    loop, queue = health_findings(health, now=clock.now)

    assert (loop.status, loop.found) == (CheckStatus.NOTE, "no turn yet")
    assert (queue.about, queue.found) == ("events queue", "3 waiting or running; the oldest has waited for 90 s")


def test_a_queue_that_cannot_be_read_is_a_bad_finding(health: Health, clock: Clock) -> None:
    def broken() -> QueueState:
        raise OSError("disk I/O error")

    health.observe_queue("events", broken)

    [finding] = health_findings(health, now=clock.now)

    assert (finding.status, finding.found) == (CheckStatus.BAD, "it cannot be read: OSError: disk I/O error")
