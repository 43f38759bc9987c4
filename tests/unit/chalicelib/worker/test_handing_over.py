"""When the runner ends an attempt so that the next invocation continues, and what it reports before."""

import itertools
import time
from typing import Any

import pytest

from chalicelib.jobs.errors import ErrorType, OutOfTime, PublishFailed, WorkloadFailed
from chalicelib.jobs.limits import MAX_CHECKPOINT
from chalicelib.jobs.model import DispatchNext, InferenceRequest, Job, Json, Status, Wait
from chalicelib.worker.handover import SLACK, AttemptSpan
from chalicelib.workloads import Checkpoint, Chunk, Outcome, Workload, WorkloadContext
from tests.unit.chalicelib.publisher.api import JOB_ID, Api, Fault
from tests.unit.chalicelib.worker.test_runner import LateClock, run


class WorkClock:
    """A clock that only the work advances. It begins now, because the publisher uses the clock of the machine."""

    def __init__(self) -> None:
        self.now = time.monotonic()

    def __call__(self) -> float:
        return self.now


def counting(*, until: int, clock: WorkClock) -> Workload:
    """One number after another, half a second for each, and a checkpoint after it."""

    def work(request: InferenceRequest, context: WorkloadContext) -> Any:
        number: Any = context.checkpoint or 0
        while number < until:
            clock.now += 0.5
            number += 1
            yield Chunk(f"{number} ")
            yield Checkpoint(number)
        return Outcome(None)

    return work


def run_counting(api: Api, *, until: int = 60, request_id: str = "request 1") -> None:
    """The output that fits into one invocation: the work has 25 of its 30 seconds."""
    clock = WorkClock()
    run(api, counting(until=until, clock=clock), clock=clock, request_id=request_id)


def numbers(until: int) -> str:
    return "".join(f"{number} " for number in range(1, until + 1))


def test_an_attempt_ends_at_its_last_checkpoint_and_the_next_one_goes_on_from_there(api: Api) -> None:
    run_counting(api, request_id="first")
    handed_over = api.log[-1]
    said = api.output

    assert (handed_over.status, handed_over.wait) == (Status.PROCESSING, Wait.HANDED_OVER)
    assert (api.dispatches, api.passed_on) == ([DispatchNext(JOB_ID, 1)], 1)
    assert numbers(60).startswith(said)
    assert said != ""

    run_counting(api, request_id="second")

    claim = next(job for job in api.log if job.attempt == 2)
    assert claim.output_kept == len(said)
    assert claim.message == "attempt 2: continues from its last checkpoint"
    assert (api.log[-1].status, api.log[-1].result, api.output) == (Status.COMPLETED, numbers(60), numbers(60))
    api.assert_is_sound()


@pytest.mark.parametrize("raises", [True, False])
def test_what_was_put_out_behind_the_last_checkpoint_is_made_again(api: Api, raises: bool) -> None:
    def work(request: InferenceRequest, context: WorkloadContext) -> Any:
        yield Chunk("kept ")
        yield Checkpoint({"at": 1})
        yield Chunk("lost ")
        if raises:
            raise OutOfTime(1)
        time.sleep(60)

    run(api, work, clock=time.monotonic if raises else LateClock(), request_id="first")
    assert api.log[-1].wait is Wait.HANDED_OVER

    def rest(request: InferenceRequest, context: WorkloadContext) -> Any:
        assert context.checkpoint == {"at": 1}
        yield Chunk("made again")
        return Outcome(None)

    run(api, rest, request_id="second")

    assert api.output == api.log[-1].result == "kept made again"


@pytest.mark.parametrize("states", [[], [{"at": 7}]])
def test_an_attempt_that_got_nowhere_fails_the_job_and_does_not_hand_over(api: Api, states: list[Json]) -> None:
    def work(request: InferenceRequest, context: WorkloadContext) -> Any:
        yield from map(Checkpoint, states)
        time.sleep(60)

    if states:  # where an earlier attempt was already
        run(api, work, clock=LateClock(), request_id="first")
        assert api.log[-1].wait is Wait.HANDED_OVER
    run(api, work, clock=LateClock(), request_id="second")

    assert (api.log[-1].status, api.log[-1].error_type) == (Status.FAILED, ErrorType.DEADLINE_EXCEEDED)


def test_other_errors_of_the_work_fail_the_job_however_far_it_got(api: Api) -> None:
    def work(request: InferenceRequest, context: WorkloadContext) -> Any:
        yield Checkpoint(1)
        raise WorkloadFailed("no such column")

    run(api, work)

    assert (api.log[-1].status, api.log[-1].error) == (Status.FAILED, "no such column")


def test_a_cancel_while_the_last_update_is_on_its_way_wins_and_nobody_is_sent_for(api: Api) -> None:
    api.after_update = lambda job: api.cancel() if job.checkpoint else None

    run_counting(api)

    assert api.log[-1].status is Status.CANCELLED
    assert api.dispatches == []


def test_a_worker_that_cannot_send_for_the_next_one_is_retried_and_goes_on_itself(api: Api) -> None:
    api.after_update = lambda job: api.faults.append(Fault.FORBIDDEN) if job.wait else None

    with pytest.raises(PublishFailed):
        run_counting(api, request_id="first")
    assert api.log[-1].wait is Wait.HANDED_OVER
    api.faults.clear()
    api.after_update = lambda job: None
    run_counting(api, request_id="first")

    assert (api.log[-1].attempt, api.output, api.log[-1].result) == (2, numbers(60), numbers(60))


def test_a_hand_over_whose_answers_are_lost_is_written_once(api: Api) -> None:
    answered: set[int] = set()

    def lose_the_first_answer(job: Job) -> None:
        if job.sequence not in answered:
            answered.add(job.sequence)
            api.faults.append(Fault.LOST_ANSWER)

    api.after_update = lose_the_first_answer

    run_counting(api)

    assert [job.wait for job in api.log].count(Wait.HANDED_OVER) == 1
    assert api.passed_on >= 1
    api.assert_is_sound()


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (None, "not null"),
        (float("nan"), "is not JSON"),
        ({1, 2}, "is not JSON"),
        ("é" * (MAX_CHECKPOINT // 2), "65538 bytes of JSON, and must have at most 65536"),
    ],
)
def test_a_state_that_cannot_be_kept_fails_the_job_in_words(api: Api, state: Any, words: str) -> None:
    def work(request: InferenceRequest, context: WorkloadContext) -> Any:
        yield Checkpoint(state)

    run(api, work)

    assert api.log[-1].status is Status.FAILED
    assert words in (api.log[-1].error or "")


def test_a_state_is_kept_as_it_was_when_it_was_yielded_and_to_the_byte(api: Api) -> None:
    state: dict[str, Json] = {"é": [2**70, 0.1, "\ud83d\ude00", "\x00"]}

    def work(request: InferenceRequest, context: WorkloadContext) -> Any:
        if context.checkpoint is not None:
            assert context.checkpoint == {"é": [2**70, 0.1, "\U0001f600", "\x00"]}
            return Outcome("the same")
        changing = dict(state)
        yield Checkpoint(changing)
        changing["later"] = True
        raise OutOfTime(1)

    run(api, work, request_id="first")
    run(api, work, request_id="second")

    assert api.log[-1].result == "the same"


class TestLeg:
    """With times as arguments."""

    def test_the_last_checkpoint_is_the_one_after_which_another_would_come_too_late(self) -> None:
        now = 0.0
        span = AttemptSpan(WorkloadContext(100.0, lambda: now))
        reached = []
        for state in itertools.count():
            now += 10.0
            span.add(Checkpoint(state))
            reached.append(now)
            if span.is_ended:
                break

        assert reached[-1] == 90.0
        assert 100.0 - reached[-2] >= SLACK * 10.0 > 100.0 - reached[-1]

    def test_the_longest_way_counts(self) -> None:
        now = 0.0
        span = AttemptSpan(WorkloadContext(100.0, lambda: now))
        for step in (50.0, 1.0):
            now += step
            span.add(Checkpoint(now))

        assert span.is_ended

    def test_an_attempt_that_stands_where_it_began_is_never_over(self) -> None:
        now = 0.0
        span = AttemptSpan(WorkloadContext(10.0, lambda: now, checkpoint={"at": 1}))
        now = 9.0
        span.add(Checkpoint({"at": 1}))
        assert (span.has_progressed, span.is_ended) == (False, False)

        span.add(Checkpoint({"at": 2}))
        assert (span.has_progressed, span.is_ended) == (True, True)
