"""The publisher against an API over real sockets, which fails when a test asks for it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from botocore.credentials import Credentials, RefreshableCredentials

from chalicelib.billing.budget import AttemptBudget
from chalicelib.jobs.errors import ErrorType, PublishFailed
from chalicelib.jobs.model import Change, InferenceRequest, Status
from chalicelib.jobs.rules import Lease
from chalicelib.publisher.appsync import FAULT_TRIES, AppSync
from chalicelib.publisher.authorization import ApiKey, Authorization, Signature, signature_of_this_function
from chalicelib.publisher.coalescing import Pace
from chalicelib.publisher.connection import KEPT, Connection
from chalicelib.publisher.delivery import Backoff
from chalicelib.publisher.fencing import Accepted, Granted, Over, Refused
from chalicelib.publisher.policies import Interval
from chalicelib.publisher.publisher import BACKLOG, Publisher
from chalicelib.workloads import Chunk, Progress
from tests.unit.chalicelib.publisher.api import JOB_ID, Api, Fault

QUICK = Pace(Interval(0.01), heartbeat=0.02)
QUIET = Pace(Interval(0.01), heartbeat=60.0)
IMPATIENT = Backoff(base=0.001, cap=0.002)
COMPLETED = Change(Status.COMPLETED, result="the result", usage={"words": 2})


def budget() -> AttemptBudget:
    return AttemptBudget(InferenceRequest("a prompt", "test.model"), megabytes=512, clock=time.monotonic)


@contextmanager
def publisher_to(
    api: Api,
    *,
    pace: Pace = QUIET,
    seconds: float = 20.0,
    authorization: Authorization = ApiKey("a key"),  # noqa: B008  # a frozen value
    backoff: Backoff = IMPATIENT,
) -> Iterator[Publisher]:
    with (
        closing_connection(AppSync(api.url, authorization)) as connection,
        publisher_over(connection, pace=pace, seconds=seconds, backoff=backoff) as publisher,
    ):
        yield publisher


@contextmanager
def closing_connection(endpoint: AppSync, *, clock: Callable[[], float] = time.time) -> Iterator[Connection]:
    connection = Connection(endpoint, clock=clock)
    try:
        yield connection
    finally:
        connection.close(timeout=5.0)


def publisher_over(
    connection: Connection, *, pace: Pace = QUIET, seconds: float = 20.0, backoff: Backoff = IMPATIENT
) -> Publisher:
    return Publisher(
        JOB_ID, connection=connection, until=time.monotonic() + seconds, pace=pace, backoff=backoff, budget=budget()
    )


def publishing_threads() -> set[threading.Thread]:
    """The threads of all publishers, also of those that other tests have left."""
    return {thread for thread in threading.enumerate() if thread.name == "publisher"}


class Stopped:
    """Collects the publisher's call to stop."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.calls = 0

    def __call__(self) -> None:
        self.calls += 1
        self.event.set()


@pytest.fixture
def stop() -> Stopped:
    return Stopped()


@pytest.fixture
def claimed(api: Api, stop: Stopped) -> Iterator[Publisher]:
    with publisher_to(api) as publisher:
        assert isinstance(publisher.claim("request 1"), Granted)
        publisher.begin(stop, until=time.monotonic() + 20)
        yield publisher


def test_output_reaches_the_log_byte_for_byte_before_the_final_status(api: Api, claimed: Publisher) -> None:
    pieces = [f"第{n}回 \U0001f600\t{n}\n" for n in range(300)]

    for piece in pieces:
        claimed.add(Chunk(piece))
    ending = claimed.finish(COMPLETED)

    assert api.output == "".join(pieces)
    assert ending == Accepted(api.log[-1].sequence)
    assert (api.log[-1].status, api.log[-1].result, api.log[-1].usage) == (
        Status.COMPLETED, "the result", {"words": 2}
    )  # fmt: skip
    api.assert_is_sound()


def test_a_job_is_announced_in_the_request_that_claims_it(api: Api) -> None:
    with publisher_to(api) as publisher:
        claim = publisher.claim("request 1")

    assert claim == Granted(attempt=1, sequence=2)
    assert len(api.headers) == 1
    assert api.announced == [{"jobId": JOB_ID, "status": "PENDING", "requestId": "request 1"}]
    assert [job.status for job in api.log] == [Status.PENDING, Status.PROCESSING]


def test_the_first_piece_does_not_wait_for_more(api: Api, stop: Stopped) -> None:
    slow = Pace(Interval(3600.0, 1_000_000), heartbeat=3600.0)

    with publisher_to(api, pace=slow) as publisher:
        publisher.claim("request 1")
        publisher.begin(stop, until=time.monotonic() + 20)
        publisher.add(Progress(0.1, "reading"))
        api.wait_until(lambda api: api.log[-1].message == "reading")
        publisher.add(Chunk("first"))
        api.wait_until(lambda api: api.output == "first")
        publisher.add(Chunk("second"))
        publisher.finish(COMPLETED)

    assert [job.delta for job in api.log[2:]] == [None, "first", "second"]


def test_pieces_that_arrive_during_a_request_share_the_next_one(api: Api, claimed: Publisher) -> None:
    api.gate.clear()
    claimed.add(Chunk("0"))
    api.wait_until(lambda api: len(api.headers) == 2)
    for n in range(1, 50):
        claimed.add(Chunk(f" {n}"))
        claimed.add(Progress(n / 50, f"step {n}"))
    api.gate.set()
    claimed.finish(COMPLETED)

    updates = api.log[2:]
    assert [job.delta for job in updates] == ["0", "".join(f" {n}" for n in range(1, 50))]
    assert (updates[1].progress, updates[1].message) == (1.0, "step 49")


def test_a_job_that_ends_with_its_first_output_needs_one_update_and_no_thread(api: Api, stop: Stopped) -> None:
    before = publishing_threads()

    with publisher_to(api, pace=Pace(first_wait=20.0)) as publisher:
        publisher.claim("request 1")
        publisher.begin(stop, until=time.monotonic() + 20)
        publisher.add(Chunk("all"))
        publisher.finish(COMPLETED)

        threads = publishing_threads()

    assert [(job.status, job.delta) for job in api.log[2:]] == [(Status.COMPLETED, "all")]
    assert threads == before  # switching to a thread and back costs as much as the update


def test_the_first_output_does_not_wait_long_for_the_end(api: Api, claimed: Publisher) -> None:
    claimed.add(Chunk("first"))

    api.wait_until(lambda api: api.output == "first")


def test_a_job_uses_one_connection(api: Api, stop: Stopped) -> None:
    with publisher_to(api, pace=QUICK) as publisher:
        publisher.claim("request 1")
        publisher.begin(stop, until=time.monotonic() + 20)
        for n in range(20):
            publisher.add(Chunk(str(n)))
            api.wait_until(lambda api, n=n: api.output.endswith(str(n)))  # type: ignore[misc]
        publisher.finish(COMPLETED)

    assert len(api.inputs) > 20
    assert len(api.connections) == 1


def claims(api: Api, connection: Connection, *requests: str) -> None:
    for request in requests:
        with publisher_over(connection) as publisher:
            publisher.claim(request)


def test_the_next_job_uses_the_same_thread_and_connection(api: Api) -> None:
    with closing_connection(AppSync(api.url, ApiKey("a key"))) as connection:
        claims(api, connection, "request 1")
        threads = set(threading.enumerate())
        claims(api, connection, "request 2", "request 3")

        assert set(threading.enumerate()) == threads
    assert len(api.headers) == 3
    assert len(api.connections) == 1


def test_a_job_waits_for_the_one_that_uses_its_connection(api: Api) -> None:
    with closing_connection(AppSync(api.url, ApiKey("a key"))) as connection:
        with publisher_over(connection) as publisher:
            publisher.claim("request 1")
            second = threading.Thread(target=claims, args=(api, connection, "request 2"))
            second.start()
            second.join(0.1)
            sent = len(api.headers)
        second.join(10)

    assert (sent, len(api.headers)) == (1, 2)


def test_a_connection_is_not_used_again_after_a_pause_in_which_the_process_may_have_been_frozen(api: Api) -> None:
    now = 1000.0
    with closing_connection(AppSync(api.url, ApiKey("a key")), clock=lambda: now) as connection:
        claims(api, connection, "request 1")
        now += KEPT + 0.1
        claims(api, connection, "request 2")
        now -= 3600.0  # the clock was set back
        claims(api, connection, "request 3")

    assert len(api.connections) == 3


def test_a_connection_is_not_used_again_after_an_error(api: Api) -> None:
    with closing_connection(AppSync(api.url, ApiKey("a key"))) as connection:
        with suppress(RuntimeError), publisher_over(connection) as publisher:
            publisher.claim("request 1")
            raise RuntimeError
        claims(api, connection, "request 2")

    assert len(api.connections) == 2


@pytest.mark.parametrize(
    "fault",
    [Fault.THROTTLED, Fault.UNAVAILABLE, Fault.LAMBDA_FAILED, Fault.UNREAD, Fault.LOST_ANSWER, Fault.GARBAGE],
)
def test_a_fault_at_any_step_is_retried_and_nothing_is_written_twice(api: Api, stop: Stopped, fault: Fault) -> None:
    api.faults.extend([fault, fault, None, fault, fault, None, fault, None])

    with publisher_to(api, pace=Pace(Interval(3600.0, 1_000_000), heartbeat=3600.0)) as publisher:
        publisher.claim("request 1")
        publisher.begin(stop, until=time.monotonic() + 20)
        publisher.add(Chunk("one "))
        api.wait_until(lambda api: api.output == "one ")
        publisher.add(Chunk("two"))
        publisher.finish(COMPLETED)

    assert [(job.status, job.delta) for job in api.log] == [
        (Status.PENDING, None),
        (Status.PROCESSING, None),
        (Status.PROCESSING, "one "),
        (Status.COMPLETED, "two"),
    ]
    assert not api.faults
    assert stop.calls == 0
    api.assert_is_sound()


def test_a_refusal_is_final(api: Api, claimed: Publisher, stop: Stopped) -> None:
    api.faults.append(Fault.FORBIDDEN)

    claimed.add(Chunk("one"))

    assert stop.event.wait(10)
    with pytest.raises(PublishFailed, match="UnauthorizedException"):
        claimed.ending()
    assert len(api.headers) == 2


def test_an_update_that_breaks_the_rules_is_final(api: Api, claimed: Publisher) -> None:
    with pytest.raises(PublishFailed, match="InvalidRequest"):
        claimed.finish(Change(Status.PROCESSING, result="too early"))


def test_giving_up_says_how_often_it_tried(api: Api, stop: Stopped) -> None:
    with publisher_to(api, seconds=2.0) as publisher:
        publisher.claim("request 1")
        publisher.begin(stop, until=time.monotonic() + 20)
        api.faults.extend([Fault.THROTTLED] * 100_000)
        with pytest.raises(PublishFailed, match=r"gave up after \d+ tries: HTTP status 429"):
            publisher.finish(COMPLETED)


def test_an_api_that_is_not_there_is_reported_without_a_trace_of_the_socket() -> None:
    endpoint = AppSync("http://127.0.0.1:1/graphql", ApiKey("a key"))

    with (
        closing_connection(endpoint) as connection,
        publisher_over(connection, seconds=2.0) as publisher,
        pytest.raises(PublishFailed, match="ClientConnectorError"),
    ):
        publisher.claim("request 1")


def test_a_claim_is_refused_while_another_attempt_runs(api: Api) -> None:
    api.claim_by_another("request 2")

    with publisher_to(api) as publisher:
        assert publisher.claim("request 1") == Refused(Status.PROCESSING, 1)

    assert len(api.log) == 2


def test_a_repeated_invocation_is_granted_the_job_again(api: Api) -> None:
    api.claim_by_another("request 1")

    with publisher_to(api) as publisher:
        assert publisher.claim("request 1") == Granted(attempt=2, sequence=3)


def test_a_claim_of_a_cancelled_job_is_refused(api: Api) -> None:
    api.cancel()

    with publisher_to(api) as publisher:
        assert publisher.claim("request 1") == Refused(Status.CANCELLED, 0)


def test_an_api_that_fails_on_an_update_each_time_is_asked_a_few_times_and_not_until_the_end(api: Api) -> None:
    api.faults.extend([Fault.LAMBDA_FAILED] * 1000)

    with publisher_to(api, seconds=600.0) as publisher, pytest.raises(PublishFailed, match="after 5 tries: Lambda"):
        publisher.claim("request 1")

    assert 1000 - len(api.faults) == FAULT_TRIES


def test_a_claim_whose_answer_is_lost_is_granted_once(api: Api) -> None:
    api.faults.append(Fault.LOST_ANSWER)

    with publisher_to(api) as publisher:
        assert publisher.claim("request 1") == Granted(attempt=1, sequence=2)


def test_a_heartbeat_finds_a_cancel_while_nothing_is_produced(api: Api, stop: Stopped) -> None:
    with publisher_to(api, pace=QUICK) as publisher:
        publisher.claim("request 1")
        publisher.begin(stop, until=time.monotonic() + 20)
        api.cancel()

        assert stop.event.wait(10)
        assert publisher.ending() == Over(Status.CANCELLED, 1)
    assert stop.calls == 1
    assert [job.status for job in api.log] == [Status.PENDING, Status.PROCESSING, Status.CANCELLED]


def test_heartbeats_inside_the_lease_leave_no_record(api: Api, stop: Stopped) -> None:
    with publisher_to(api, pace=QUICK) as publisher:
        publisher.claim("request 1")
        publisher.begin(stop, until=time.monotonic() + 20)
        api.wait_until(lambda api: len(api.inputs) == 5)
        publisher.finish(COMPLETED)

    assert len(api.log) == 3


def test_a_lost_answer_after_heartbeats_without_a_record_is_found_in_the_log(api: Api, stop: Stopped) -> None:
    with publisher_to(api, pace=QUICK) as publisher:
        publisher.claim("request 1")
        publisher.begin(stop, until=time.monotonic() + 20)
        api.wait_until(lambda api: len(api.inputs) == 5)
        api.faults.extend([Fault.LOST_ANSWER] * 3)
        publisher.add(Chunk("once"))
        publisher.finish(COMPLETED)

    assert api.output == "once"
    api.assert_is_sound()


def test_a_heartbeat_that_renews_the_lease_moves_the_sequence_on(stop: Stopped) -> None:
    with Api(lease=Lease(renewal=timedelta(0))) as api, publisher_to(api, pace=QUICK) as publisher:
        publisher.claim("request 1")
        publisher.begin(stop, until=time.monotonic() + 20)
        api.wait_until(lambda api: len(api.log) >= 5)
        publisher.add(Chunk("after the silence"))
        publisher.finish(COMPLETED)

        assert api.output == "after the silence"
        api.assert_is_sound()


def test_a_stale_worker_is_told_to_stop_and_writes_nothing_more(api: Api, claimed: Publisher, stop: Stopped) -> None:
    api.claim_by_another("request 1")

    claimed.add(Chunk("from the dead"))

    assert stop.event.wait(10)
    assert claimed.ending() == Over(Status.PROCESSING, 2)
    assert "from the dead" not in [job.delta for job in api.log]


def test_a_final_status_does_not_replace_one_by_a_supervisor(api: Api, claimed: Publisher) -> None:
    api.fail()

    ending = claimed.finish(COMPLETED)

    assert ending == Over(Status.FAILED, 1)
    assert api.log[-1].error_type is ErrorType.STALLED


def test_an_operators_note_in_between_loses_nothing(api: Api, claimed: Publisher) -> None:
    claimed.add(Chunk("one "))
    api.wait_until(lambda api: api.output == "one ")
    api.note("looking into it")
    api.faults.append(Fault.LOST_ANSWER)
    claimed.add(Chunk("two"))
    claimed.finish(COMPLETED)

    assert api.output == "one two"
    assert [job.message for job in api.log if job.delta is None][2] == "looking into it"
    api.assert_is_sound()


def test_a_large_backlog_holds_the_workload_back_until_it_is_sent(api: Api, claimed: Publisher) -> None:
    api.gate.clear()
    claimed.add(Chunk("first"))
    chunk = Chunk("x" * 100_000)
    pieces = BACKLOG // 100_000 + 10
    added = threading.Semaphore(0)

    def produce() -> None:
        for _ in range(pieces):
            claimed.add(chunk)
            added.release()

    workload = threading.Thread(target=produce)
    workload.start()
    counted = 0
    while added.acquire(timeout=0.1):
        counted += 1
    held_back = workload.is_alive()
    api.gate.set()
    workload.join(10)
    claimed.finish(COMPLETED)

    assert held_back
    assert counted <= BACKLOG // 100_000 + 1
    assert len(api.output) == len("first") + pieces * 100_000
    assert max(len(job.delta or "") for job in api.log) <= 65_536
    api.assert_is_sound()


def test_a_held_back_workload_is_let_go_when_the_job_is_over(api: Api, claimed: Publisher, stop: Stopped) -> None:
    api.gate.clear()
    claimed.add(Chunk("first"))
    workload = threading.Thread(target=lambda: claimed.add(Chunk("x" * (BACKLOG + 1))))
    workload.start()

    api.cancel()
    api.gate.set()
    workload.join(10)

    assert not workload.is_alive()
    assert claimed.ending() == Over(Status.CANCELLED, 1)


def test_a_held_back_workload_is_let_go_at_its_deadline(api: Api, stop: Stopped) -> None:
    with publisher_to(api) as publisher:
        publisher.claim("request 1")
        publisher.begin(stop, until=time.monotonic() + 0.05)
        api.gate.clear()
        publisher.add(Chunk("x" * (2 * BACKLOG)))
        api.gate.set()


def test_a_connection_that_does_not_answer_is_abandoned_and_the_next_job_gets_another(api: Api, stop: Stopped) -> None:
    with closing_connection(AppSync(api.url, ApiKey("a key"))) as connection:
        stuck = connection.loop
        begun, blocked = threading.Event(), threading.Event()

        def block() -> None:
            begun.set()
            blocked.wait()

        stuck.run_on_thread(block, at=0.0)
        assert begun.wait(10)

        connection.abandon()

        with publisher_over(connection) as publisher:
            assert isinstance(publisher.claim("request 1"), Granted)
        assert connection.loop is not stuck
        blocked.set()
    stuck.close(timeout=5.0)


def test_leaving_without_finishing_ends_the_thread_and_no_job(api: Api, stop: Stopped) -> None:
    before = publishing_threads()

    with publisher_to(api, pace=QUICK) as publisher:
        publisher.claim("request 1")
        publisher.begin(stop, until=time.monotonic() + 20)
        api.wait_until(lambda api: len(api.inputs) > 1)  # a heartbeat, sent from the thread
        assert len(publishing_threads() - before) == 1

    assert publishing_threads() <= before
    assert not api.log[-1].status.is_terminal
    assert stop.calls == 0


def test_every_request_is_signed_over_the_bytes_that_are_sent(stop: Stopped) -> None:
    signature = Signature(Credentials("AKIDEXAMPLE", "a secret", "a session token"), "eu-central-1")

    with Api(signature=signature) as api, publisher_to(api, authorization=signature) as publisher:
        publisher.claim("request 1")
        publisher.begin(stop, until=time.monotonic() + 20)
        publisher.add(Chunk('日本語 "quoted" \U0001f600 \x00'))
        publisher.finish(COMPLETED)

        assert api.log[-1].status is Status.COMPLETED
        assert api.output == '日本語 "quoted" \U0001f600 \x00'
        assert all(headers["X-Amz-Security-Token"] == "a session token" for headers in api.headers)


def test_a_signature_with_another_secret_is_refused() -> None:
    right = Signature(Credentials("AKIDEXAMPLE", "a secret"), "eu-central-1")
    wrong = Signature(Credentials("AKIDEXAMPLE", "another secret"), "eu-central-1")

    with (
        Api(signature=right) as api,
        publisher_to(api, authorization=wrong) as publisher,
        pytest.raises(PublishFailed, match="UnauthorizedException"),
    ):
        publisher.claim("request 1")


def test_credentials_that_expire_are_renewed_for_the_next_request(stop: Stopped) -> None:
    issued: list[str] = []

    def issue() -> dict[str, str]:
        issued.append(f"AKID{len(issued) + 1}")
        # So close to its end that botocore renews it before every use.
        expiry = datetime.now(UTC) + timedelta(seconds=30)
        return {
            "access_key": issued[-1], "secret_key": "a secret", "token": "a token", "expiry_time": expiry.isoformat()
        }  # fmt: skip

    credentials = RefreshableCredentials.create_from_metadata(issue(), refresh_using=issue, method="test")

    with Api() as api, publisher_to(api, authorization=Signature(credentials, "eu-central-1")) as publisher:
        publisher.claim("request 1")
        publisher.begin(stop, until=time.monotonic() + 20)
        publisher.finish(COMPLETED)

        used = [headers["Authorization"].partition("Credential=")[2].partition("/")[0] for headers in api.headers]
    assert len(set(used)) == len(used) == 2


def test_a_function_signs_with_the_credentials_in_its_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    unreadable = tmp_path / "config"
    unreadable.write_text("not a configuration")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(unreadable))  # a session would read it
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDROLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a secret")

    signature = signature_of_this_function("eu-central-1")

    assert signature.credentials.access_key == "AKIDROLE"


def test_a_function_signs_with_the_credentials_of_a_file_if_its_environment_has_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "credentials"
    file.write_text("[default]\naws_access_key_id = AKIDFILE\naws_secret_access_key = a secret\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))

    signature = signature_of_this_function("eu-central-1")

    assert signature.credentials.access_key == "AKIDFILE"


def test_a_secret_is_not_shown() -> None:
    shown = repr((ApiKey("da2-secret"), Signature(Credentials("AKIDEXAMPLE", "a secret"), "eu-central-1")))

    assert "secret" not in shown
    assert "eu-central-1" in shown
