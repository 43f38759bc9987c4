"""When the invocations that wait get a worker. Time is an argument."""

import math

from appsync_local.functions.waiting_line import SHORT, SLOW, Load, WaitingLine

LONG = 2.0 * SHORT


def line(*, starts: int = 100, busy: bool = False) -> WaitingLine[str]:
    return WaitingLine(starts=starts, warm_wait=1.0, processors_are_busy=lambda: busy)


def load(busy: int, *, idle: int = 0, at_once: int = 0, duration: float = LONG) -> Load:
    return Load(busy, idle, at_once, duration)


def test_an_empty_line_starts_nothing() -> None:
    assert line().starts_at(5.0, load(0)) == math.inf


def test_the_oldest_is_taken_first() -> None:
    waiting = line()
    waiting.add("a", 0.0)
    waiting.add("b", 1.0)

    assert [waiting.take(), waiting.take(), waiting.take()] == ["a", "b", None]


def test_the_first_workers_are_started_at_once() -> None:
    waiting = line()
    waiting.add("a", 5.0)

    assert waiting.starts_at(5.0, load(1, at_once=2)) <= 5.0
    assert waiting.starts_at(5.0, load(2, at_once=2)) == 6.0


def test_a_line_that_moves_starts_no_worker() -> None:
    waiting = line()
    waiting.add("a", 0.0)
    assert waiting.worker_freed(0.9, load(4)) == "a"
    waiting.add("a", 0.0)

    assert waiting.starts_at(1.5, load(4)) == 1.9


def test_a_line_that_moves_and_stays_too_long_gets_another_worker_now_and_then() -> None:
    waiting = line()
    waiting.add("a", 0.0)
    assert waiting.worker_freed(SLOW, load(4)) == "a"
    waiting.add("a", 0.0)

    assert waiting.starts_at(SLOW, load(4)) == SLOW

    waiting.worker_starts(1, SLOW)
    waiting.worker_started(1)
    assert waiting.worker_freed(2 * SLOW - 0.5, load(4)) == "a"
    waiting.add("a", 0.0)

    assert waiting.starts_at(2 * SLOW - 0.5, load(5)) == 2 * SLOW


def test_a_line_that_moves_gets_no_worker_while_the_processors_are_busy() -> None:
    waiting = line(busy=True)
    waiting.add("a", 0.0)
    assert waiting.worker_freed(SLOW + 0.5, load(4)) == "a"
    waiting.add("a", 0.0)

    assert waiting.starts_at(SLOW + 1, load(4)) == SLOW + 1.5
    assert waiting.starts_at(SLOW + 1.5, load(4)) == SLOW + 1.5


def test_only_so_many_workers_start_at_a_time() -> None:
    waiting = line(starts=2)
    waiting.add("a", 0.0)
    waiting.worker_starts(1, 0.0)
    waiting.worker_starts(2, 0.5)

    assert waiting.starts_at(0.5, load(2, at_once=100)) == SLOW

    waiting.worker_started(2)

    assert waiting.starts_at(0.5, load(2, at_once=100)) <= 0.5


def test_slow_starts_hold_up_no_further_one() -> None:
    waiting = line(starts=1)
    waiting.add("a", 0.0)
    waiting.worker_starts(1, 0.0)

    assert waiting.starts_at(SLOW, load(1, at_once=100)) <= SLOW


def test_an_idle_worker_needs_no_start() -> None:
    waiting = line(starts=1)
    waiting.add("a", 0.0)
    waiting.worker_starts(1, 0.0)

    assert waiting.starts_at(0.5, load(1, at_once=100)) == SLOW
    assert waiting.starts_at(0.5, load(1, idle=1, at_once=100)) <= 0.5


def test_short_invocations_wait_while_the_processors_and_enough_workers_are_busy() -> None:
    waiting = line(busy=True)

    assert not waiting.lets_pass(load(4, idle=1, at_once=4, duration=0.1))
    assert waiting.lets_pass(load(3, idle=1, at_once=4, duration=0.1))
    assert waiting.lets_pass(load(4, idle=1, at_once=4, duration=LONG))
    assert line(busy=False).lets_pass(load(4, idle=1, at_once=4, duration=0.1))


def test_an_invocation_passes_no_older_one() -> None:
    waiting = line()
    waiting.add("a", 0.0)

    assert not waiting.lets_pass(load(0, idle=1, at_once=4))


def test_a_worker_rests_after_a_short_invocation_while_the_processors_and_enough_others_are_busy() -> None:
    waiting = line(busy=True)
    waiting.add("a", 0.0)

    assert waiting.worker_freed(1.0, load(4, at_once=4, duration=0.1)) is None
    assert waiting.worker_freed(1.0, load(3, at_once=4, duration=0.1)) == "a"

    waiting.add("b", 0.0)

    assert waiting.worker_freed(1.0, load(4, at_once=4, duration=LONG)) == "b"


def test_short_invocations_get_another_worker_after_a_longer_time_while_the_processors_are_busy() -> None:
    waiting = line(busy=True)
    waiting.add("a", 0.0)

    assert waiting.starts_at(0.5, load(4, duration=0.1)) == SLOW
    assert waiting.starts_at(0.5, load(4, duration=LONG)) == 1.0
