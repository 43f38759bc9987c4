"""The runner and a real publisher, against an API over real sockets with the real rules behind it."""

import hashlib
import logging
import random
import socket
import threading
import time
from collections.abc import Callable, Generator
from functools import partial

import pytest
from msgspec.structs import replace

from chalicelib.jobs.dispatch import Dispatch
from chalicelib.jobs.errors import BudgetExceeded, ErrorType, InvalidRequest, OutOfTime, PublishFailed, WorkloadFailed
from chalicelib.jobs.limits import MAX_RESULT, MAX_STORED_RESULT
from chalicelib.jobs.model import Image, InferenceRequest, Json, Message, Owner, Role, Status, StoredResult, UploadId
from chalicelib.objects import NoObjects, Objects
from chalicelib.publisher.coalescing import Pace
from chalicelib.publisher.delivery import Backoff
from chalicelib.publisher.policies import Interval
from chalicelib.publisher.publisher import Publisher
from chalicelib.worker.runner import JobRunner, reserve
from chalicelib.workloads import Chunk, Outcome, Piece, Progress, Usage, Workload, WorkloadContext, registry
from tests.support.memory_objects import MemoryObjects
from tests.unit.chalicelib.publisher.api import JOB_ID, Api, Fault

OWNER = Owner("ada")
SECRET = "the caller's private words"
WORK = Dispatch(JOB_ID, InferenceRequest(prompt=SECRET, model="test.model"), OWNER)
NOTHING = NoObjects()
Steps = Generator[Piece, None, Outcome]


class LateClock:
    """A clock that jumps after its first reading, so that the work of an invocation of 30 seconds has only `LEFT`."""

    LEFT = 2.0  # seconds

    def __init__(self) -> None:
        self._jump = 0.0

    def __call__(self) -> float:
        now = time.monotonic() + self._jump
        self._jump = 30.0 - reserve(30.0) - self.LEFT
        return now


def runner_of(
    api: Api, workload: Workload, objects: Objects = NOTHING, clock: Callable[[], float] = time.monotonic
) -> JobRunner:
    open_publisher = partial(
        Publisher,
        connection=api.connect(),
        pace=Pace(Interval(0.005, 1024), heartbeat=0.02),
        backoff=Backoff(base=0.001, cap=0.002),
    )
    return JobRunner(
        open_publisher=open_publisher, load=lambda model: workload, objects=objects, megabytes=512, clock=clock
    )


def run(
    api: Api,
    workload: Workload,
    *,
    request_id: str = "request 1",
    objects: Objects = NOTHING,
    work_of: Dispatch = WORK,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    runner_of(api, workload, objects, clock).run(work_of, request_id=request_id, seconds_left=30.0)


def longer_than(entries: int) -> Callable[[Api], bool]:
    return lambda api: len(api.log) > entries


def returning(result: str) -> Workload:
    def work(request: InferenceRequest, context: WorkloadContext) -> Steps:
        yield Chunk("start")
        return Outcome(result)

    return work


def of_upload(upload_id: UploadId) -> Dispatch:
    return Dispatch(JOB_ID, InferenceRequest(prompt="", model="test.model", prompt_upload=upload_id), OWNER)


def two_words(request: InferenceRequest, context: WorkloadContext) -> Steps:
    yield Progress(0.0, "reading")
    yield Chunk("two ")
    yield Chunk("words")
    return Outcome("two words", usage={"words": 2})


def raising(error: BaseException) -> Workload:
    def work(request: InferenceRequest, context: WorkloadContext) -> Steps:
        yield Chunk("so far")
        raise error

    return work


def blocked_in(call: Callable[[], object]) -> Workload:
    def work(request: InferenceRequest, context: WorkloadContext) -> Steps:
        yield Chunk("so far")
        call()
        return Outcome("never")

    return work


def receive_nothing() -> None:
    left, right = socket.socketpair()
    with left, right:
        left.recv(1)


def when_output_is(api: Api, output: str, then: Callable[[], object]) -> threading.Thread:
    def wait() -> None:
        api.wait_until(lambda api: api.output == output)
        then()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_a_job_goes_from_pending_to_its_result(api: Api) -> None:
    run(api, two_words)

    last = api.log[-1]
    assert [job.status for job in api.log[:2]] == [Status.PENDING, Status.PROCESSING]
    assert (last.status, last.result, last.usage, last.progress) == (
        Status.COMPLETED, "two words", {"words": 2}, 1.0
    )  # fmt: skip
    assert api.output == "two words"
    api.assert_is_sound()


def test_a_workload_hears_which_attempt_it_is(api: Api) -> None:
    api.claim_by_another("request 1")

    def work(request: InferenceRequest, context: WorkloadContext) -> Steps:
        yield Progress(None, f"attempt {context.attempt}")
        return Outcome("")

    run(api, work)

    assert api.log[-1].message == "attempt 2"


@pytest.mark.parametrize("block", [partial(time.sleep, 60), receive_nothing])
def test_a_cancel_stops_a_blocked_workload(api: Api, block: Callable[[], object]) -> None:
    canceller = when_output_is(api, "so far", api.cancel)

    run(api, blocked_in(block))

    canceller.join()
    assert api.log[-1].status is Status.CANCELLED
    assert api.output == "so far"
    api.assert_is_sound()


def test_a_cancel_stops_a_workload_that_keeps_producing(api: Api) -> None:
    produced: list[str] = []

    def work(request: InferenceRequest, context: WorkloadContext) -> Steps:
        while True:
            produced.append("more ")
            yield Chunk("more ")

    api.after_update = lambda job: api.cancel() if job.sequence == 5 else None

    run(api, work)

    assert api.log[-1].status is Status.CANCELLED
    assert "".join(produced).startswith(api.output)
    api.assert_is_sound()


def test_a_newer_attempt_stops_this_one(api: Api) -> None:
    rival = when_output_is(api, "so far", lambda: api.claim_by_another("request 1"))

    run(api, blocked_in(partial(time.sleep, 60)))

    rival.join()
    assert (api.log[-1].status, api.log[-1].attempt) == (Status.PROCESSING, 2)


def test_time_running_out_fails_the_job_and_keeps_what_was_produced(api: Api) -> None:
    def work(request: InferenceRequest, context: WorkloadContext) -> Steps:
        yield Chunk("so far")
        try:
            time.sleep(60)
        except BaseException as error:
            raise WorkloadFailed("the connection to the model broke") from error
        return Outcome("never")

    run(api, work, clock=LateClock())

    last = api.log[-1]
    assert (last.status, last.error_type) == (Status.FAILED, ErrorType.DEADLINE_EXCEEDED)
    assert last.error is not None
    assert "raise the function's time-out" in last.error
    assert api.output == "so far"
    api.assert_is_sound()


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (WorkloadFailed("the model is busy; try later"), ErrorType.WORKLOAD_FAILED, "the model is busy; try later"),
        (InvalidRequest("model 'x' is not known"), ErrorType.WORKLOAD_FAILED, "model 'x' is not known"),
        (OutOfTime(7), ErrorType.DEADLINE_EXCEEDED, "within the 7 seconds"),
        (ValueError("x" * 500), ErrorType.WORKLOAD_FAILED, "unexpected error, ValueError: xxx"),
        (RuntimeError("half \ud83d"), ErrorType.WORKLOAD_FAILED, "RuntimeError: half \ufffd"),
        (KeyError(), ErrorType.WORKLOAD_FAILED, "KeyError: no message"),
    ],
)
def test_an_error_of_the_workload_fails_the_job_in_words_for_its_owner(
    api: Api, error: Exception, kind: ErrorType, words: str
) -> None:
    run(api, raising(error))

    last = api.log[-1]
    assert (last.status, last.error_type) == (Status.FAILED, kind)
    assert last.error is not None
    assert words in last.error
    assert len(last.error) < 300
    assert api.output == "so far"
    api.assert_is_sound()


def test_a_model_that_cannot_be_loaded_fails_the_job(api: Api) -> None:
    runner = JobRunner(open_publisher=runner_of(api, two_words).open_publisher, load=registry.load, megabytes=512)

    work = replace(WORK, request=replace(WORK.request, model="simulated.gone"))

    runner.run(work, request_id="request 1", seconds_left=30)

    assert api.log[-1].status is Status.FAILED
    assert "simulated.gone" in (api.log[-1].error or "")


def test_what_callers_sent_and_were_answered_stays_out_of_the_log_lines(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    run(api, raising(ValueError(f"cannot read {SECRET}")))

    records = [record.__dict__ for record in caplog.records]
    assert {record.get("event") for record in records} >= {"job_claimed", "workload_failed", "job_ended"}
    assert SECRET not in str(records)
    assert "so far" not in str(records)


def test_an_unexpected_error_is_logged_with_its_job_its_causes_and_the_lines_that_raised_them(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    def workload(_request: InferenceRequest, _context: WorkloadContext) -> Generator[Piece, None, Outcome]:
        yield Chunk("so far")
        try:
            raise KeyError(SECRET)
        except KeyError as error:
            raise RuntimeError(SECRET) from error

    run(api, workload)

    [record] = [record for record in caplog.records if record.__dict__.get("event") == "workload_failed"]
    lines = record.getMessage().splitlines()
    assert (record.levelno, lines[0]) == (logging.ERROR, f"job {JOB_ID}: unexpected error in the workload")
    assert lines[1] == "RuntimeError"
    assert "caused by KeyError" in lines
    assert sum("test_runner.py" in line for line in lines) == 2
    assert SECRET not in record.getMessage()


def test_every_line_about_a_job_has_its_id(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "chalicelib")

    run(api, two_words)

    own = [record for record in caplog.records if record.name.startswith("chalicelib.")]
    assert len(own) >= 2
    assert all(JOB_ID in record.getMessage() and record.__dict__["job_id"] == JOB_ID for record in own)


@pytest.mark.parametrize("result", ["é" * (MAX_RESULT // 2 + 1), "\x01" * 170_000])
def test_a_result_that_no_record_can_have_is_stored_and_the_log_says_what_it_is(api: Api, result: str) -> None:
    objects = MemoryObjects()

    run(api, returning(result), objects=objects)

    last = api.log[-1]
    assert (last.status, last.result) == (Status.COMPLETED, None)
    assert last.stored_result == StoredResult(len(result.encode()), hashlib.sha256(result.encode()).hexdigest())
    assert objects.results == {(OWNER, JOB_ID, last.attempt): result.encode()}


def test_a_result_that_fits_is_in_the_log_alone(api: Api) -> None:
    objects = MemoryObjects()

    run(api, returning("é" * (MAX_RESULT // 2)), objects=objects)

    assert api.log[-1].result == "é" * (MAX_RESULT // 2)
    assert objects.results == {}


def test_a_large_result_without_a_bucket_fails_the_job_and_says_why(api: Api) -> None:
    run(api, returning("x" * (MAX_RESULT + 1)), objects=NoObjects())

    assert api.log[-1].error_type is ErrorType.WORKLOAD_FAILED
    assert "this stage has no bucket" in (api.log[-1].error or "")


def test_a_result_over_the_limit_fails_the_job_and_says_the_limit(api: Api) -> None:
    run(api, returning("x" * (MAX_STORED_RESULT + 1)), objects=MemoryObjects())

    assert api.log[-1].error_type is ErrorType.WORKLOAD_FAILED
    assert "67108865 bytes of UTF-8 and the limit is 67108864" in (api.log[-1].error or "")


def test_work_on_an_upload_is_given_its_text(api: Api) -> None:
    objects = MemoryObjects()
    upload_id = objects.send(OWNER, "déjà vu".encode())
    objects.take(OWNER, JOB_ID, upload_id, most=100)
    given: list[InferenceRequest] = []

    def work(request: InferenceRequest, context: WorkloadContext) -> Steps:
        given.append(request)
        yield Chunk("read")
        return Outcome("read")

    run(api, work, objects=objects, work_of=of_upload(upload_id))

    assert [(request.prompt, request.prompt_upload) for request in given] == [("déjà vu", None)]


def test_work_on_images_is_given_their_content(api: Api) -> None:
    objects, given = MemoryObjects(), list[InferenceRequest]()
    first, second = (objects.send(OWNER, content) for content in (b"one", b"two"))
    for upload_id in (first, second):
        objects.take(OWNER, JOB_ID, upload_id, most=100)
    turns = (
        Message(Role.USER, "What is this?", (Image(first), Image(second))),
        Message(Role.ASSISTANT, "One and two."),
        Message(Role.USER, "And this again?", (Image(first),)),
    )

    def work(request: InferenceRequest, context: WorkloadContext) -> Steps:
        given.append(request)
        yield Chunk("seen")
        return Outcome("seen")

    run(
        api, work, objects=objects,
        work_of=Dispatch(JOB_ID, InferenceRequest("", "test.model", messages=turns), OWNER),
    )  # fmt: skip

    assert [[image.content for image in message.images] for message in given[0].messages] == [
        [b"one", b"two"], [], [b"one"]
    ]  # fmt: skip
    assert given[0].uploads == (first, second)


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"caf\xe9", "not UTF-8 text: invalid byte at offset 3"), (b" \n", "is empty"), (None, "be read")],
)
def test_an_upload_that_is_no_text_fails_the_job_and_says_why(api: Api, content: bytes | None, words: str) -> None:
    objects = MemoryObjects()
    upload_id = objects.send(OWNER, content or b"")
    if content is not None:
        objects.take(OWNER, JOB_ID, upload_id, most=100)

    run(api, returning("never"), objects=objects, work_of=of_upload(upload_id))

    assert api.log[-1].status is Status.FAILED
    assert words in (api.log[-1].error or "")


def limited(**limits: float) -> Dispatch:
    request = InferenceRequest(prompt="tell", model="amazon.nova-pro-v1:0", **limits)  # type: ignore[arg-type]  # names below
    return Dispatch(JOB_ID, request, OWNER)


def endless(request: InferenceRequest, context: WorkloadContext) -> Steps:
    while True:
        yield Chunk("word ", tokens=1)


def test_a_job_is_stopped_at_its_cost_and_keeps_its_output(api: Api) -> None:
    run(api, endless, work_of=limited(max_cost=0.001))

    last = api.log[-1]
    assert (last.status, last.error_type) == (Status.FAILED, ErrorType.BUDGET_EXCEEDED)
    assert (last.error or "").startswith("the job was stopped at its maxCost of 0.001 US dollars")
    assert 50 < len(api.output) / len("word ") < 0.001 / 3.2e-6
    api.assert_is_sound()


def test_a_job_whose_text_costs_too_much_never_begins(api: Api) -> None:
    begun: list[str] = []

    def work(request: InferenceRequest, context: WorkloadContext) -> Steps:
        begun.append(request.model)
        yield Chunk("never")
        return Outcome("never")

    run(api, work, work_of=limited(max_cost=0.000_01))

    assert begun == []
    assert api.log[-1].error_type is ErrorType.BUDGET_EXCEEDED


def test_work_that_turned_out_to_cost_too_much_fails_with_its_output(api: Api) -> None:
    def work(request: InferenceRequest, context: WorkloadContext) -> Steps:
        yield Chunk("all of it")
        return Outcome("all of it", {"outputTokens": 1_000_000})

    run(api, work, work_of=limited(max_cost=0.01))

    assert api.log[-1].error_type is ErrorType.BUDGET_EXCEEDED
    assert api.output == "all of it"


def test_a_model_that_does_not_stop_at_its_tokens_is_stopped(api: Api) -> None:
    run(api, endless, work_of=limited(max_tokens=10))

    assert api.log[-1].error_type is ErrorType.BUDGET_EXCEEDED
    assert api.output == "word " * 11  # the piece that exceeded the limit is kept


def test_every_update_reports_what_the_attempt_had_used_before_it(api: Api) -> None:
    run(api, two_words, work_of=limited())

    meters = [given["meter"] for given in api.inputs if "meter" in given]
    # The first request has two operations, the announcement and the claim, and reports none.
    assert [meter["operations"] for meter in meters] == list(range(2, len(meters) + 2))
    assert all(meter["pushes"] == meter["operations"] for meter in meters)
    assert all(meter["megabytes"] == 512 for meter in meters)
    assert meters[-1]["outputTokens"] == 3  # of 9 characters that nobody counted


def test_what_failed_work_had_used_is_kept(api: Api) -> None:
    def work(request: InferenceRequest, context: WorkloadContext) -> Steps:
        yield Usage({"outputTokens": 1})
        yield Usage({"outputTokens": 2})
        yield Usage({"outputTokens": float("nan")})
        raise BudgetExceeded.at_tokens(2)

    run(api, work)

    last = api.log[-1]
    assert (last.status, last.error_type, last.usage) == (
        Status.FAILED, ErrorType.BUDGET_EXCEEDED, {"outputTokens": 2}
    )  # fmt: skip
    assert last.error == (
        "the job was stopped at its maxTokens of 2; the output up to there is kept; "
        "raise maxTokens for a longer answer, or ask for a shorter one"
    )


@pytest.mark.parametrize("usage", [{"words": float("nan")}, {"words": "x" * 5000}, {"words": "\ud800"}])
def test_usage_that_does_not_fit_costs_no_result(api: Api, usage: dict[str, Json]) -> None:
    def work(request: InferenceRequest, context: WorkloadContext) -> Steps:
        yield Chunk("all")
        return Outcome("all", usage=usage)

    run(api, work)

    assert (api.log[-1].status, api.log[-1].result, api.log[-1].usage) == (Status.COMPLETED, "all", None)


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_the_end_of_the_process_is_no_failure_of_the_job(api: Api, error: BaseException) -> None:
    with pytest.raises(type(error)):
        run(api, raising(error))

    assert api.log[-1].status is Status.PROCESSING


def test_a_refused_claim_runs_nothing(api: Api) -> None:
    api.claim_by_another("request 2")
    loaded: list[str] = []
    runner = JobRunner(
        open_publisher=runner_of(api, two_words).open_publisher,
        load=lambda model: loaded.append(model) or two_words,  # type: ignore[func-returns-value]
        megabytes=512,
    )

    runner.run(WORK, request_id="request 1", seconds_left=30)

    assert loaded == []
    assert len(api.log) == 2


def test_an_api_that_refuses_stops_the_workload_and_the_retried_invocation_ends_the_job(api: Api) -> None:
    refuser = when_output_is(api, "so far", lambda: api.faults.extend([Fault.FORBIDDEN] * 100))

    with pytest.raises(PublishFailed):
        run(api, blocked_in(partial(time.sleep, 60)))
    refuser.join()
    api.faults.clear()
    run(api, two_words)

    assert (api.log[-1].status, api.log[-1].attempt) == (Status.COMPLETED, 2)
    assert api.output == "two words"
    api.assert_is_sound()


@pytest.mark.parametrize("seed", range(5))
def test_whatever_goes_wrong_on_the_way_the_log_has_what_was_produced(api: Api, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311  # a seed, no secret
    kinds = [None, None, *(fault for fault in Fault if fault is not Fault.FORBIDDEN)]
    api.faults.extend(rng.choice(kinds) for _ in range(200))
    text = "".join(
        rng.choice(["a", "\n", "é", "語", "\U0001f600", '"', "\\", "\x00"]) * rng.randint(1, 40) for _ in range(2000)
    )
    cuts = sorted(rng.sample(range(len(text)), 200))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]

    def work(request: InferenceRequest, context: WorkloadContext) -> Steps:
        for number, piece in enumerate(pieces):
            yield Chunk(piece)
            yield Progress(number / len(pieces), f"piece {number}")
            if number % 20 == 19:  # let some output arrive, so that there are many requests on any machine
                api.wait_until(longer_than(len(api.log)))
        return Outcome(text)

    run(api, work)

    assert api.output == text
    assert (api.log[-1].status, api.log[-1].result) == (Status.COMPLETED, text)
    assert len(api.faults) < 190
    api.assert_is_sound()


@pytest.mark.parametrize(("seconds_left", "kept"), [(900.0, 5.0), (20.0, 5.0), (8.0, 2.0), (1.0, 0.25)])
def test_a_short_invocation_keeps_a_quarter_for_the_final_status(seconds_left: float, kept: float) -> None:
    assert reserve(seconds_left) == kept


def test_off_the_main_thread_a_cancel_stops_the_workload_between_steps(api: Api) -> None:
    def work(request: InferenceRequest, context: WorkloadContext) -> Steps:
        while True:
            yield Chunk("x")
            time.sleep(0.001)

    api.after_update = lambda job: api.cancel() if job.sequence == 4 else None
    thread = threading.Thread(target=run, args=(api, work))

    thread.start()
    thread.join(30)

    assert not thread.is_alive()
    assert api.log[-1].status is Status.CANCELLED
