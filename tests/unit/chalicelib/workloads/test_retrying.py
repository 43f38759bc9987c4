from collections.abc import Callable, Generator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.jobs.errors import ErrorType, WorkloadFailed
from chalicelib.workloads import Chunk, Outcome, Piece, WorkloadContext
from chalicelib.workloads.retrying import FEW, FIRST_WAIT, LONGEST_WAIT, MOST, Backoff, Call, Passing, tried
from tests.unit.chalicelib.workloads.running import FakeClock, Run, run_to_end

ANSWER = Outcome("yes", {"outputTokens": 1})
LAST = Backoff(random=lambda: 1.0)  # waits as long as it may


def busy(*, asked: float | None = None, most: int = MOST) -> Passing:
    return Passing("model m is busy (request r)", "ask later", ErrorType.MODEL_THROTTLED, asked=asked, most=most)


def fails(times: int, failure: Callable[[], Exception] = busy, *, says: str = "") -> Call:
    """A call that fails so often, after saying something where it is to, and then answers."""
    left = iter([failure()] * times)

    def call() -> Generator[Piece, None, Outcome]:
        error = next(left, None)
        if says:
            yield Chunk(says)
        if error is not None:
            raise error
        yield Chunk("yes")
        return ANSWER

    return call


def run(call: Call, *, deadline: float = 900.0, clock: FakeClock | None = None) -> Run:
    clock = clock or FakeClock()
    return run_to_end(tried(call, WorkloadContext(deadline, clock), backoff=LAST, sleep=clock.sleep), clock)


def test_call_that_fails_in_passing_is_made_again_until_it_answers() -> None:
    clock = FakeClock()

    it = run(fails(3), clock=clock)

    assert it.finished == ANSWER
    assert it.chunks == ["yes"]
    assert clock.sleeps == [1.0, 2.0, 4.0]


def test_those_who_watch_are_told_why_nothing_comes() -> None:
    it = run(fails(2))

    assert [step.message for step in it.progress] == [
        "model m is busy (request r); trying again (2)",
        "model m is busy (request r); trying again (3)",
    ]


def test_nothing_is_tried_again_once_a_token_is_out() -> None:
    clock = FakeClock()

    it = run(fails(1, says="It was"), clock=clock)

    assert it.output == "It was"
    assert str(it.error) == "model m is busy (request r); ask later"
    assert clock.sleeps == []


def test_failure_that_stays_is_passed_on_with_the_number_of_calls() -> None:
    it = run(fails(99))

    assert isinstance(it.error, WorkloadFailed)
    assert it.error.error_type is ErrorType.MODEL_THROTTLED
    assert str(it.error) == f"model m is busy (request r), also when it was tried {MOST} times; ask later"


def test_failure_says_how_many_calls_it_is_worth() -> None:
    assert f"tried {FEW} times" in str(run(fails(99, lambda: busy(most=FEW))).error)


def test_other_failures_are_final() -> None:
    clock = FakeClock()

    it = run(fails(1, lambda: WorkloadFailed("model m takes no images")), clock=clock)

    assert str(it.error) == "model m takes no images"
    assert clock.sleeps == []


def test_server_that_names_a_time_is_left_alone_for_that_time() -> None:
    clock = FakeClock()

    run(fails(1, lambda: busy(asked=30.0)), clock=clock)

    assert clock.sleeps == [31.0]


def test_no_wait_goes_beyond_the_deadline() -> None:
    clock = FakeClock()

    it = run(fails(99), clock=clock, deadline=5.0)

    assert clock.sleeps == [1.0, 2.0]
    assert "tried 3 times" in str(it.error)


def test_call_is_closed_when_its_reader_goes_away() -> None:
    closed = []

    def call() -> Generator[Piece, None, Outcome]:
        try:
            yield Chunk("It was")
            return ANSWER
        finally:
            closed.append(True)

    pieces = tried(call, WorkloadContext(900.0, FakeClock()))
    next(pieces)
    pieces.close()

    assert closed == [True]


@given(calls=st.integers(1, MOST - 1), chance=st.floats(0, 1, exclude_max=True), left=st.floats(0, 900))
def test_wait_is_jittered_bounded_and_inside_the_deadline(calls: int, chance: float, left: float) -> None:
    wait = Backoff(random=lambda: chance).wait(busy(), calls, left=left)

    assert wait is None or 0 <= wait <= min(LONGEST_WAIT, FIRST_WAIT * 2 ** (calls - 1))
    assert wait is None or wait < left


def test_without_jitter_waits_double_up_to_the_longest() -> None:
    waits = [LAST.wait(busy(), calls, left=900.0) for calls in range(1, MOST + 1)]

    assert waits == pytest.approx([1.0, 2.0, 4.0, 8.0, 16.0, 20.0, 20.0, None])
