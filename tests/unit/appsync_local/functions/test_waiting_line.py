"""When the invocations that wait get a worker. Time is an argument."""

import math

from appsync_local.functions.waiting_line import FADING, SHORT, SLOW, Load, WaitingLine

LONG = 2.0 * SHORT


def line(*, starts: int = 100, busy: bool = False, duration: float = LONG) -> WaitingLine[str]:
    made: WaitingLine[str] = WaitingLine(starts=starts, warm_wait=1.0, processors_are_busy=lambda: busy)
    made.invocation_ended(duration)
    return made


def load(busy: int, *, idle: int = 0, at_once: int = 0) -> Load:
    return Load(busy, idle, at_once)


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
    waiting.worker_started(1, SLOW)
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

    waiting.worker_started(2, 0.5)

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
    short = line(busy=True, duration=0.1)

    assert not short.lets_pass(load(4, idle=1, at_once=4))
    assert short.lets_pass(load(3, idle=1, at_once=4))
    assert line(busy=True).lets_pass(load(4, idle=1, at_once=4))
    assert line(busy=False, duration=0.1).lets_pass(load(4, idle=1, at_once=4))


def test_an_invocation_passes_no_older_one() -> None:
    waiting = line()
    waiting.add("a", 0.0)

    assert not waiting.lets_pass(load(0, idle=1, at_once=4))


def test_a_worker_rests_after_a_short_invocation_while_the_processors_and_enough_others_are_busy() -> None:
    short, long = line(busy=True, duration=0.1), line(busy=True)
    short.add("a", 0.0)
    long.add("b", 0.0)

    assert short.worker_freed(1.0, load(4, at_once=4)) is None
    assert short.worker_freed(1.0, load(3, at_once=4)) == "a"
    assert long.worker_freed(1.0, load(4, at_once=4)) == "b"


def test_short_invocations_get_another_worker_after_a_longer_time_while_the_processors_are_busy() -> None:
    short, long = line(busy=True, duration=0.1), line(busy=True)
    short.add("a", 0.0)
    long.add("b", 0.0)

    assert short.starts_at(0.5, load(4)) == SLOW
    assert long.starts_at(0.5, load(4)) == 1.0


def test_short_invocations_get_another_worker_only_after_the_time_that_a_start_takes_on_a_busy_machine() -> None:
    short = line(busy=True, duration=0.1)
    short.worker_starts(1, 0.0)
    short.worker_started(1, 3 * SLOW)
    short.add("a", 3 * SLOW)

    assert short.starts_at(4 * SLOW, load(4)) == 4 * SLOW + 1.0, "asked again: the processors were busy"
    assert short.starts_at(6 * SLOW - 0.5, load(4)) == 6 * SLOW


def test_slow_starts_hold_up_further_ones_while_the_processors_are_busy() -> None:
    waiting = line(starts=2, busy=True)
    waiting.add("a", 0.0)
    waiting.worker_starts(1, 0.0)
    waiting.worker_starts(2, 0.0)

    assert waiting.starts_at(9 * SLOW, load(2, at_once=100)) == 9 * SLOW + 1.0

    waiting.worker_started(2, 9 * SLOW)

    assert waiting.starts_at(9 * SLOW, load(2, at_once=100)) <= 9 * SLOW


def test_an_invocation_that_is_long_on_a_busy_machine_may_be_long_for_that_reason_and_is_not_learnt_from() -> None:
    busy = False
    waiting: WaitingLine[str] = WaitingLine(starts=2, warm_wait=1.0, processors_are_busy=lambda: busy)
    waiting.invocation_ended(0.1)
    busy = True
    waiting.invocation_ended(LONG)

    assert waiting.duration == 0.1

    busy = False
    waiting.invocation_ended(LONG)

    assert waiting.duration == LONG


def test_the_first_invocation_is_learnt_from_and_longer_ones_count_more() -> None:
    waiting: WaitingLine[str] = WaitingLine(starts=2, warm_wait=1.0, processors_are_busy=lambda: True)
    assert waiting.duration == 1.0

    waiting.invocation_ended(9.0)
    waiting.invocation_ended(0.1)

    assert waiting.duration == FADING * 9.0


def test_a_worker_that_ended_before_it_had_started_does_not_say_how_long_a_start_takes() -> None:
    short = line(busy=True, duration=0.1)
    short.worker_starts(1, 0.0)
    short.worker_gone(1)
    short.add("a", 3 * SLOW)

    assert short.starts_at(4 * SLOW, load(4)) == 4 * SLOW
