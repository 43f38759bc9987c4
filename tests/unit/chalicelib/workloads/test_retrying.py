"""Calls to a model that are made again, and those that are not."""

from collections.abc import Callable, Generator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tenacity import wait_exponential

from chalicelib.jobs.errors import ErrorType, WorkloadFailed
from chalicelib.workloads import Chunk, Outcome, Piece, WorkloadContext
from chalicelib.workloads.retrying import (
    BACKOFF,
    FIRST_WAIT,
    LONGEST_WAIT,
    MAX_CALLS_BUSY,
    MAX_CALLS_DOWN,
    Call,
    TemporaryFailure,
    with_retries,
)
from tests.unit.chalicelib.workloads.running import FakeClock, Run, run_to_end

ANSWER = Outcome("yes", {"outputTokens": 1})
WITHOUT_JITTER = wait_exponential(FIRST_WAIT, LONGEST_WAIT)  # the longest waits that `BACKOFF` may choose


def busy(*, retry_after: float | None = None, max_calls: int = MAX_CALLS_BUSY) -> TemporaryFailure:
    return TemporaryFailure(
        "model m is busy (request r)", "ask later", ErrorType.MODEL_THROTTLED,
        retry_after=retry_after, max_calls=max_calls,
    )  # fmt: skip


def fails(times: int, failure: Callable[[], Exception] = busy, *, after: str = "") -> Call:
    """A call that fails this many times, each time after some output if there is any, and then answers."""
    left = iter([failure()] * times)

    def call() -> Generator[Piece, None, Outcome]:
        error = next(left, None)
        if after:
            yield Chunk(after)
        if error is not None:
            raise error
        yield Chunk("yes")
        return ANSWER

    return call


def run(call: Call, *, seconds: float = 900.0, clock: FakeClock | None = None) -> Run:
    clock = clock or FakeClock()
    context = WorkloadContext(seconds, clock)
    return run_to_end(with_retries(call, context, backoff=WITHOUT_JITTER, sleep=clock.sleep), clock)


def test_a_call_that_fails_temporarily_is_made_again_until_it_answers() -> None:
    clock = FakeClock()

    done = run(fails(3), clock=clock)

    assert done.finished == ANSWER
    assert done.chunks == ["yes"]
    assert clock.sleeps == [1.0, 2.0, 4.0]


def test_watchers_see_why_the_job_waits() -> None:
    done = run(fails(2))

    assert [step.message for step in done.progress] == [
        "model m is busy (request r); trying again (2)",
        "model m is busy (request r); trying again (3)",
    ]


def test_no_call_is_repeated_after_its_first_chunk() -> None:
    clock = FakeClock()

    done = run(fails(1, after="It was"), clock=clock)

    assert done.output == "It was"
    assert str(done.error) == "model m is busy (request r); ask later"
    assert clock.sleeps == []


def test_a_failure_of_every_call_ends_the_job_with_the_number_of_calls() -> None:
    done = run(fails(99))

    assert isinstance(done.error, WorkloadFailed)
    assert done.error.error_type is ErrorType.MODEL_THROTTLED
    assert str(done.error) == (f"model m is busy (request r), also when it was tried {MAX_CALLS_BUSY} times; ask later")


def test_a_failure_limits_its_number_of_calls() -> None:
    done = run(fails(99, lambda: busy(max_calls=MAX_CALLS_DOWN)))

    assert f"tried {MAX_CALLS_DOWN} times" in str(done.error)


def test_any_other_failure_is_final() -> None:
    clock = FakeClock()

    done = run(fails(1, lambda: WorkloadFailed("model m takes no images")), clock=clock)

    assert str(done.error) == "model m takes no images"
    assert clock.sleeps == []


def test_the_wait_that_a_server_asks_for_is_added() -> None:
    clock = FakeClock()

    run(fails(1, lambda: busy(retry_after=30.0)), clock=clock)

    assert clock.sleeps == [31.0]


def test_no_wait_reaches_the_deadline() -> None:
    clock = FakeClock()

    done = run(fails(99), clock=clock, seconds=5.0)

    assert clock.sleeps == [1.0, 2.0]
    assert "tried 3 times" in str(done.error)


def test_a_call_is_closed_when_its_reader_closes_the_pieces() -> None:
    closed = []

    def call() -> Generator[Piece, None, Outcome]:
        try:
            yield Chunk("It was")
            return ANSWER
        finally:
            closed.append(True)

    pieces = with_retries(call, WorkloadContext(900.0, FakeClock()))
    next(pieces)
    pieces.close()

    assert closed == [True]


@given(seconds=st.floats(0, 900))
def test_waits_are_random_up_to_a_limit_that_doubles_and_end_before_the_deadline(seconds: float) -> None:
    clock = FakeClock()

    run_to_end(with_retries(fails(99), WorkloadContext(seconds, clock), backoff=BACKOFF, sleep=clock.sleep))

    limits = [min(LONGEST_WAIT, FIRST_WAIT * 2**number) for number in range(MAX_CALLS_BUSY - 1)]
    assert all(0 <= wait <= limit for wait, limit in zip(clock.sleeps, limits, strict=False))
    assert sum(clock.sleeps) < max(seconds, 1e-9)


def test_without_jitter_the_waits_double_up_to_the_longest() -> None:
    clock = FakeClock()

    run(fails(99), clock=clock)

    assert clock.sleeps == pytest.approx([1.0, 2.0, 4.0, 8.0, 16.0, 20.0, 20.0])
