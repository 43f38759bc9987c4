"""The sweep over whole ledgers: supervisor, relay and log together, with the wire format in between."""

import json
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.api.calls import StartInference
from chalicelib.api.relay import Relay
from chalicelib.jobs.errors import ErrorType, UpdateRefused
from chalicelib.jobs.model import (
    Change,
    Claim,
    DispatchNext,
    InferenceRequest,
    Job,
    JobId,
    Redispatch,
    Status,
    StatusUpdate,
    WorkerUpdate,
)
from chalicelib.jobs.rules import Lease
from chalicelib.ledger import Ledger
from chalicelib.ledger.records import dump
from chalicelib.publisher.appsync import Channel
from chalicelib.publisher.delivery import Backoff
from chalicelib.publisher.fencing import UpdateAnswer
from chalicelib.publisher.messages import parse, render
from chalicelib.supervision.diagnosis import Thresholds
from chalicelib.supervision.supervisor import Supervisor, SweepReport
from tests.contract.conftest import LedgerKind
from tests.contract.jobs import ADA, new_id

THRESHOLDS = Thresholds(
    redispatch=timedelta(seconds=60), never_started=timedelta(seconds=600), stalled=timedelta(seconds=120)
)
REQUEST = InferenceRequest(prompt="Hello", model="simulated.story")
BACKEND = {"userArn": "arn:aws:sts::000000000000:assumed-role/sweep/sweep"}


def nothing() -> None:
    return


@dataclass
class Wire:
    """An endpoint that passes updates to the relay itself, in their wire format and without a network."""

    relay: Relay
    before_each: Callable[[], object] = nothing
    failing: set[JobId] = field(default_factory=set)
    dispatched: list[JobId] = field(default_factory=list)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Channel]:
        yield self

    async def send(self, update: StatusUpdate | Redispatch | DispatchNext) -> UpdateAnswer:
        self.before_each()
        if update.job_id in self.failing:
            raise RuntimeError("a bug that one job shows")
        match update:
            case Redispatch(job_id, sequence):
                data = self.ask("dispatchInference", {"jobId": job_id, "sequence": sequence})
                if data["dispatch"] is not None:
                    self.dispatched.append(job_id)
                return parse(data["job"])
            case DispatchNext():
                raise AssertionError("a sweep is not a worker")
            case _:
                return parse(self.ask("updateStatus", {"input": json.loads(json.dumps(render(update)))}))

    def ask(self, name: str, arguments: dict[str, Any]) -> Any:
        answer = self.relay.answer({"field": name, "arguments": arguments, "identity": BACKEND})
        if "error" in answer:
            raise UpdateRefused(answer["error"]["type"], answer["error"]["message"])
        return answer["data"]


@dataclass
class Stage:
    """A relay and a sweep on one ledger."""

    kind: LedgerKind
    relay: Relay
    wire: Wire

    @property
    def ledger(self) -> Ledger:
        return self.relay.ledger

    def start(self) -> JobId:
        job_id = new_id()
        self.relay.start(StartInference(job_id, REQUEST, None), ADA)
        return job_id

    def claim(self, job_id: JobId) -> dict[str, Any]:
        return self.relay.update(Claim(job_id, str(uuid.uuid4()), str(uuid.uuid4())))

    def report(self, claimed: dict[str, Any], delta: str) -> dict[str, Any]:
        job_id, attempt, sequence = claimed["jobId"], claimed["attempt"], claimed["sequence"] + 1
        change = Change(Status.PROCESSING, delta=delta)
        return self.relay.update(WorkerUpdate(job_id, attempt, sequence, str(uuid.uuid4()), change))

    def sweep(self) -> SweepReport:
        return sweep(self.wire, self.ledger, self.kind)

    def log(self, job_id: JobId) -> list[Job]:
        return self.ledger.read(job_id, after=0, limit=100)

    def ending(self, job_id: JobId) -> tuple[Status, ErrorType | None]:
        last = self.log(job_id)[-1]
        return last.status, last.error_type


def sweep(wire: Wire, ledger: Ledger, kind: LedgerKind) -> SweepReport:
    supervisor = Supervisor(wire, Backoff())
    return supervisor.sweep(ledger, THRESHOLDS, now=kind.clock(), until=time.monotonic() + 60)


def relay_on(ledger: Ledger, kind: LedgerKind) -> Relay:
    return Relay(ledger=ledger, retention=timedelta(days=7), quota=10_000, lease=Lease(), clock=kind.clock)


@pytest.fixture
def stage(ledger_kind: LedgerKind) -> Stage:
    relay = relay_on(ledger_kind.make(), ledger_kind)
    return Stage(ledger_kind, relay, Wire(relay))


def test_a_job_that_nobody_claims_is_dispatched_once_more_and_then_failed(stage: Stage) -> None:
    job_id = stage.start()
    for seconds in (59, 1, 60, 539, 1, 1000):
        stage.kind.clock.advance(seconds)
        stage.sweep()

    assert stage.wire.dispatched == [job_id]
    assert [(record.status, record.error_type) for record in stage.log(job_id)] == [
        (Status.PENDING, None), (Status.PENDING, None), (Status.FAILED, ErrorType.NEVER_STARTED)
    ]  # fmt: skip
    assert job_id not in stage.ledger.admitted(ADA)


def test_a_job_with_a_silent_worker_is_failed_and_the_worker_learns_of_it_with_its_next_update(stage: Stage) -> None:
    job_id = stage.start()
    claimed = stage.claim(job_id)
    stage.report(claimed, "kept")
    stage.kind.clock.advance(120)

    stage.sweep()
    answer = stage.report({**claimed, "sequence": claimed["sequence"] + 1}, "too late")

    assert stage.ending(job_id) == (Status.FAILED, ErrorType.STALLED)
    assert answer["status"] == Status.FAILED
    assert [record.delta for record in stage.log(job_id)] == [None, None, "kept", None]


def test_a_worker_that_reports_just_then_is_not_failed(stage: Stage) -> None:
    job_id = stage.start()
    claimed = stage.claim(job_id)
    stage.kind.clock.advance(120)
    stage.wire.before_each = lambda: stage.report(claimed, "still here")

    stage.sweep()

    assert stage.ending(job_id) == (Status.PROCESSING, None)
    assert stage.log(job_id)[-1].delta == "still here"


def test_a_job_that_is_claimed_just_then_is_not_dispatched_again(stage: Stage) -> None:
    job_id = stage.start()
    stage.kind.clock.advance(60)
    stage.wire.before_each = lambda: stage.claim(job_id)

    stage.sweep()

    assert stage.wire.dispatched == []
    assert [record.status for record in stage.log(job_id)] == [Status.PENDING, Status.PROCESSING]


def test_a_job_that_has_expired_meanwhile_does_not_end_the_sweep(stage: Stage) -> None:
    first, second = stage.start(), stage.start()
    stage.kind.clock.advance(60)
    week = iter([7 * 24 * 3600])
    stage.wire.before_each = lambda: stage.kind.clock.advance(next(week, 0))

    stage.sweep()

    assert stage.wire.dispatched == []
    assert (stage.log(first), stage.log(second)) == ([], [])


def test_two_sweeps_at_once_over_several_pages_supervise_every_job_once(
    ledger_kind: LedgerKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.supervision.supervisor.PAGE", 7)
    location = ledger_kind.new_location()
    relays = [relay_on(ledger_kind.open(location), ledger_kind) for _ in range(2)]
    one, two = (Stage(ledger_kind, relay, Wire(relay)) for relay in relays)
    stalled = [one.start() for _ in range(12)]
    for job_id in stalled:
        one.claim(job_id)
    waiting = [one.start() for _ in range(12)]
    ledger_kind.clock.advance(120)
    alive = one.start()
    meeting = threading.Barrier(2)
    for stage in (one, two):
        stage.wire.before_each = once(lambda: meeting.wait(30))  # each has found something before either says so

    sweeps = [threading.Thread(target=stage.sweep) for stage in (one, two)]
    for running in sweeps:
        running.start()
    for running in sweeps:
        running.join()

    assert {one.ending(job_id) for job_id in stalled} == {(Status.FAILED, ErrorType.STALLED)}
    assert {len(one.log(job_id)) for job_id in stalled} == {3}
    assert sorted(one.wire.dispatched + two.wire.dispatched) == sorted(waiting)
    assert {len(one.log(job_id)) for job_id in waiting} == {2}
    assert len(one.log(alive)) == 1


def once(act: Callable[[], object]) -> Callable[[], object]:
    """A function that acts the first time it is called, and does nothing afterwards."""
    acts = iter([act])
    return lambda: next(acts, nothing)()


def poisoned(monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Job], bool]) -> None:
    """Write records for which `spoil` is true as newer code would: with a status that this version does not know."""

    def dump_of_newer_code(job: Job) -> str:
        return json.dumps(json.loads(dump(job)) | {"status": "PAUSED"}) if spoil(job) else dump(job)

    def both(job: Job) -> tuple[str, str]:
        return dump_of_newer_code(job), dump_of_newer_code(job.summary())

    monkeypatch.setattr("chalicelib.ledger.sqlite.dump_both", both)
    monkeypatch.setattr("chalicelib.ledger.dynamodb.dump_both", both)


@pytest.mark.parametrize("has_readable_summary", [True, False])
def test_a_record_that_cannot_be_read_costs_its_own_job_and_no_other(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, has_readable_summary: bool
) -> None:
    stalled = [stage.start() for _ in range(6)]
    claims = [stage.claim(job_id) for job_id in stalled]
    poisoned(monkeypatch, lambda job: job.delta == "poison" or (job.progress == 0.5 and not has_readable_summary))
    poison = Change(Status.PROCESSING, delta="poison", progress=0.5)
    for claimed in claims[:2]:
        stage.relay.update(WorkerUpdate(claimed["jobId"], 1, 3, str(uuid.uuid4()), poison))
    stage.kind.clock.advance(120)

    report = stage.sweep()

    assert (report.supervised, report.unreadable, report.failed, report.left) == (4, 2, 0, 0)
    assert {stage.ending(job_id) for job_id in stalled[2:]} == {(Status.FAILED, ErrorType.STALLED)}


def test_a_record_that_cannot_be_read_is_left_out_of_the_owners_list(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    unreadable, readable = stage.start(), stage.start()
    poisoned(monkeypatch, lambda job: job.job_id == unreadable)
    stage.claim(unreadable)

    page = stage.ledger.list(ADA, status=None, limit=10, next_token=None)

    assert [job.job_id for job in page.jobs] == [readable]
    assert page.unreadable == 1


def test_an_error_about_one_job_costs_no_other_job(stage: Stage) -> None:
    jobs = [stage.start() for _ in range(6)]
    stage.wire.failing = {jobs[1], jobs[4]}
    stage.kind.clock.advance(60)

    report = stage.sweep()

    assert (report.supervised, report.failed) == (4, 2)
    assert set(stage.wire.dispatched) == set(jobs) - stage.wire.failing


def test_errors_about_every_job_end_the_sweep(stage: Stage) -> None:
    stage.wire.failing = {stage.start() for _ in range(6)}
    stage.kind.clock.advance(60)

    with pytest.raises(RuntimeError):
        stage.sweep()


def test_a_stalled_job_behind_many_waiting_jobs_is_reached(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chalicelib.supervision.supervisor.PAGE", 5)
    monkeypatch.setattr("chalicelib.supervision.supervisor.PAGES", 2)
    waiting = [stage.start() for _ in range(40)]
    stage.kind.clock.advance(60)
    for job_id in waiting:
        stage.wire.ask("dispatchInference", {"jobId": job_id})
    stage.kind.clock.advance(1)
    stalled = stage.start()
    stage.claim(stalled)
    stage.kind.clock.advance(120)

    reports = [stage.sweep() for _ in range(5)]

    assert stage.ending(stalled) == (Status.FAILED, ErrorType.STALLED)
    assert [report.seen for report in reports] == [10, 10, 10, 10, 1]
    assert [report.left for report in reports] == [31, 21, 11, 1, 0]
    assert stage.ledger.sweep_position() is None


def test_a_position_of_another_version_begins_a_new_round(stage: Stage) -> None:
    job_id = stage.start()
    stage.ledger.save_sweep_position("of another version")
    stage.kind.clock.advance(60)

    stage.sweep()

    assert stage.wire.dispatched == [job_id]
    assert stage.ledger.sweep_position() is None
