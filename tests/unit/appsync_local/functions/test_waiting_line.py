"""When another worker is started for the invocations that wait. Time is an argument."""

import math

from appsync_local.functions.waiting_line import SLOW, WaitingLine


def line(*, at_once: int = 0, starts: int = 100, busy: bool = False) -> WaitingLine[str]:
    return WaitingLine(at_once=at_once, starts=starts, warm_wait=1.0, processors_are_busy=lambda: busy)


def test_an_empty_line_starts_nothing() -> None:
    assert line().starts_at(5.0, 0) == math.inf


def test_the_oldest_is_taken_first() -> None:
    waiting = line()
    waiting.add("a", 0.0)
    waiting.add("b", 1.0)

    assert [waiting.take(), waiting.take(), waiting.take()] == ["a", "b", None]


def test_the_first_workers_are_started_at_once() -> None:
    waiting = line(at_once=2)
    waiting.add("a", 5.0)

    assert waiting.starts_at(5.0, 1) <= 5.0
    assert waiting.starts_at(5.0, 2) == 6.0


def test_a_line_that_moves_starts_no_worker() -> None:
    waiting = line()
    waiting.add("a", 0.0)
    waiting.worker_freed(0.9)

    assert waiting.starts_at(1.5, 4) == 1.9


def test_a_line_that_moves_and_stays_too_long_gets_another_worker_now_and_then() -> None:
    waiting = line()
    waiting.add("a", 0.0)
    waiting.worker_freed(SLOW)

    assert waiting.starts_at(SLOW, 4) == SLOW

    waiting.worker_starts(1, SLOW)
    waiting.worker_started(1)
    waiting.worker_freed(2 * SLOW - 0.5)

    assert waiting.starts_at(2 * SLOW - 0.5, 5) == 2 * SLOW


def test_a_line_that_moves_gets_no_worker_while_the_processors_are_busy() -> None:
    waiting = line(busy=True)
    waiting.add("a", 0.0)
    waiting.worker_freed(SLOW + 0.5)

    assert waiting.starts_at(SLOW + 1, 4) == SLOW + 1.5
    assert waiting.starts_at(SLOW + 1.5, 4) == SLOW + 1.5


def test_only_so_many_workers_start_at_a_time() -> None:
    waiting = line(at_once=100, starts=2)
    waiting.add("a", 0.0)
    waiting.worker_starts(1, 0.0)
    waiting.worker_starts(2, 0.5)

    assert waiting.starts_at(0.5, 2) == SLOW

    waiting.worker_started(2)

    assert waiting.starts_at(0.5, 2) <= 0.5


def test_slow_starts_hold_up_no_further_one() -> None:
    waiting = line(at_once=100, starts=1)
    waiting.add("a", 0.0)
    waiting.worker_starts(1, 0.0)

    assert waiting.starts_at(SLOW, 1) <= SLOW
