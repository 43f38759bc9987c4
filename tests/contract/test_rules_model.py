"""Any interleaving of starts, claims, updates, lost answers, cancels, operators and supervisors leaves a right log.

Updates go to the relay as they do on the wire: what the wire does not carry, no rule can use.
"""

import itertools
import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from chalicelib.calls import CancelInference, StartInference
from chalicelib.errors import ErrorType, InvalidTransition, JobIdTaken, JobNotFound, JobUnfinished
from chalicelib.jobs import (
    Change,
    Claim,
    InferenceRequest,
    Job,
    JobId,
    Lease,
    OperatorUpdate,
    Redispatch,
    Status,
    StatusUpdate,
    WorkerUpdate,
)
from chalicelib.publisher.messages import render
from chalicelib.relay import Relay
from chalicelib.verdicts import Patience, failure_of, verdict
from tests.contract.conftest import LedgerKind
from tests.contract.jobs import ADA, GRACE, START, new_id

EXAMPLES = {"sqlite": 100, "moto": 15, "dynalite": 15}
LEASE = Lease(duration=timedelta(seconds=30), renewal=timedelta(seconds=10))
PATIENCE = Patience(
    redispatch=timedelta(seconds=20), never_started=timedelta(seconds=50), stalled=timedelta(seconds=40)
)
REQUEST = InferenceRequest(prompt="Hello", model="simulated.story")
LIVES = st.sampled_from([1, 4, 8])
EVENTS = st.sampled_from(["event-1", "event-2"])  # a start that was repeated, or dispatched again, has two


@dataclass
class Worker:
    """One run of the handler, as far as the log can see it."""

    request_id: str
    name: str
    attempt: int = 0
    sequence: int = 0
    is_running: bool = False
    last: WorkerUpdate | None = None
    produced: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Finding:
    """What one sweep found, and the log it had looked at; published now, later or more than once."""

    about: Job
    step: OperatorUpdate | Redispatch


class RulesModel(RuleBasedStateMachine):
    kind: LedgerKind

    @initialize(life=LIVES)
    def start(self, life: int) -> None:
        self.kind.clock.time = START
        self.names = map(str, itertools.count())
        self.relay = Relay(
            ledger=self.kind.make(), retention=timedelta(days=7), quota=10, lease=LEASE, clock=self.kind.clock
        )
        self.start_a_job(life)

    @precondition(lambda self: self.log and self.log[-1].status.is_terminal)
    @rule(life=LIVES)
    def start_another(self, life: int) -> None:
        self.start_a_job(life)

    def start_a_job(self, life: int) -> None:
        self.job_id: JobId = new_id()
        self.life = life  # records, before anybody but a sweep ends it: a job that ends at once shows little
        self.workers: list[Worker] = []
        self.findings: list[Finding] = []
        self.log: list[Job] = []
        self.repeat_the_start()

    @precondition(lambda self: self.log and self.log[-1].status.is_terminal)
    @rule(life=LIVES)
    def delete_the_job_and_start_another(self, life: int) -> None:
        assert self.relay.delete(self.job_id, ADA) == self.job_id
        left = self.records()
        assert [record.sequence for record in left] == [record.sequence for record in self.log]
        assert {(record.delta, record.result, record.request, record.metadata) for record in left} == {(None,) * 4}

        for worker in self.workers:
            updates: list[StatusUpdate] = [Claim(self.job_id, worker.request_id, next(self.names))]
            for update in [*updates, *([worker.last] if worker.last else [])]:
                assert Status(self.update(update)["status"]).is_terminal, "a late worker is told to stop"
        with pytest.raises(JobIdTaken):
            self.relay.start(StartInference(self.job_id, REQUEST, None), ADA)
        with pytest.raises(JobNotFound):
            self.relay.cancel(self.job_id, ADA)
        with pytest.raises(JobNotFound):
            self.relay.delete(self.job_id, GRACE)
        assert self.relay.delete(self.job_id, ADA) == self.job_id
        assert self.records() == left
        self.start_a_job(life)

    @precondition(lambda self: self.log and not self.log[-1].status.is_terminal)
    @rule()
    def delete_a_job_that_goes_on(self) -> None:
        before = self.records()
        with pytest.raises(JobUnfinished):
            self.relay.delete(self.job_id, ADA)
        assert self.records() == before

    @rule()
    def repeat_the_start(self) -> None:
        answer: Any = self.relay.start(StartInference(self.job_id, REQUEST, None), ADA)
        head = self.head()
        assert answer["job"]["sequence"] == head.sequence
        assert (answer["dispatch"] is None) == (head.status is not Status.PENDING)

    @rule(request_id=EVENTS)
    def deliver_the_event(self, request_id: str) -> None:
        worker = Worker(request_id, next(self.names))
        before = self.head()
        claim = Claim(self.job_id, request_id, f"claim-{worker.name}")
        answer: Any = self.update(claim)
        holder_is_alive = before.is_leased(self.kind.clock(), LEASE.duration) and before.request_id != request_id
        granted = not before.status.is_terminal and not holder_is_alive
        assert (answer.get("claimed") is True) == granted
        assert self.update(claim) == answer, "a claim whose answer was lost is answered the same"
        if granted:
            assert answer["attempt"] == before.attempt + 1
            worker.attempt, worker.sequence, worker.is_running = answer["attempt"], answer["sequence"], True
        self.workers.append(worker)

    def may_end(self) -> bool:
        return len(self.log) >= self.life

    def running(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.is_running]

    @precondition(lambda self: self.running())
    @rule(data=st.data(), text=st.text(st.characters(codec="utf-8"), min_size=1, max_size=5))
    def produce(self, data: st.DataObject, text: str) -> None:
        worker = data.draw(st.sampled_from(self.running()))
        if self.send(worker, Change(Status.PROCESSING, delta=text)):
            worker.produced.append(text)

    @precondition(lambda self: self.running())
    @rule(data=st.data())
    def beat(self, data: st.DataObject) -> None:
        self.send(data.draw(st.sampled_from(self.running())), Change(Status.PROCESSING))

    @precondition(lambda self: self.may_end() and self.running())
    @rule(data=st.data(), status=st.sampled_from([Status.COMPLETED, Status.FAILED]))
    def end(self, data: st.DataObject, status: Status) -> None:
        worker = data.draw(st.sampled_from(self.running()))
        failed = status is Status.FAILED
        change = Change(
            status,
            result=None if failed else "".join(worker.produced),
            error="broke" if failed else None,
            error_type=ErrorType.WORKLOAD_FAILED if failed else None,
        )
        self.send(worker, change)
        worker.is_running = False

    @precondition(lambda self: any(worker.last for worker in self.workers))
    @rule(data=st.data())
    def repeat_an_update(self, data: st.DataObject) -> None:
        """An answer was lost, or the network delivered the request again much later."""
        worker = data.draw(st.sampled_from([worker for worker in self.workers if worker.last]))
        before = self.records()
        assert worker.last is not None
        answer: Any = self.update(worker.last)
        if any(record.update_id == worker.last.update_id for record in before):
            assert self.records() == before
            assert answer["attempt"] == worker.attempt

    @precondition(lambda self: self.may_end())
    @rule()
    def cancel(self) -> None:
        before = self.head()
        answer: Any = self.relay.cancel(CancelInference(self.job_id).job_id, ADA)
        assert answer["status"] == (before.status if before.status.is_terminal else Status.CANCELLED)

    @rule()
    def cancel_another_owners_job(self) -> None:
        before = self.records()
        for attempt in (self.job_id, new_id()):
            with pytest.raises(JobNotFound):
                self.relay.cancel(attempt, GRACE)
        assert self.records() == before

    @rule(status=st.sampled_from([Status.PROCESSING, Status.FAILED, Status.COMPLETED]))
    def operate(self, status: Status) -> None:
        before = self.head()
        if not self.may_end():
            status = Status.PROCESSING
        change = Change(status, message="by hand", result="r" if status is Status.COMPLETED else None)
        update = OperatorUpdate(self.job_id, next(self.names), change)
        try:
            self.update(update)
        except InvalidTransition:
            assert before.status.is_terminal or (before.status, status) == (Status.PENDING, Status.COMPLETED)
        else:
            self.update(update)
            assert self.head().sequence == before.sequence + 1, "sent again at once, it is written once"

    @precondition(lambda self: self.may_end())
    @rule(request_id=EVENTS, answered=st.booleans())
    def give_up_on_the_event(self, request_id: str, answered: bool) -> None:
        """Lambda does; whatever runs by then is another delivery of it, or of the other event."""
        before = self.records()
        context = {"requestId": request_id, "condition": "RetriesExhausted", "approximateInvokeCount": 3}
        dispatch = {"jobId": self.job_id, "request": {"prompt": "Hello", "model": "simulated.story"}}
        response = {"responsePayload": {"errorMessage": "exit status 137"}} if answered else {}
        update = failure_of({"requestContext": context, "requestPayload": dispatch, **response})

        self.update(update)

        if before[-1].status.is_terminal or before[-1].request_id not in (None, request_id):
            assert self.records() == before
        else:
            assert self.head().error_type is (ErrorType.CRASHED if answered else ErrorType.THROTTLED)
            assert self.head().sequence == before[-1].sequence + 1

    @rule(silence=st.sampled_from([0, 21, 51]))
    def sweep_and_look(self, silence: int) -> None:
        self.kind.clock.advance(silence)
        head = self.head()
        step = verdict(head, PATIENCE, now=self.kind.clock())
        if step is not None:
            assert not head.status.is_terminal
            assert not head.is_leased(self.kind.clock(), LEASE.duration)
            self.findings.append(Finding(head, step))

    @precondition(lambda self: self.findings)
    @rule(data=st.data())
    def publish_what_a_sweep_found(self, data: st.DataObject) -> None:
        """At once, late, or again since its answer was lost; other sweeps may have found the same."""
        finding = data.draw(st.sampled_from(self.findings))
        before = self.records()
        match finding.step:
            case Redispatch():
                answer: Any = self.relay.dispatch(finding.step)
                assert (answer["dispatch"] is not None) == (before[-1] == finding.about)
            case OperatorUpdate():
                self.update(finding.step)
        if before[-1] == finding.about:
            assert len(self.records()) == len(before) + 1
        else:
            assert self.records() == before, "a job that has moved on since is left as it is"

    @rule(seconds=st.sampled_from([1, 11, 31]))
    def let_time_pass(self, seconds: int) -> None:
        self.kind.clock.advance(seconds)

    def send(self, worker: Worker, change: Change) -> bool:
        """Whether the log took the update; a worker that is told of an end or a newer attempt stops."""
        worker.last = WorkerUpdate(
            self.job_id, worker.attempt, worker.sequence + 1, f"update-{next(self.names)}", change
        )
        before = self.head()
        answer: Any = self.update(worker.last)
        own = answer["attempt"] == worker.attempt and answer["status"] == change.status
        holds = before.attempt == worker.attempt and not before.status.is_terminal
        assert own == holds or (before.status is change.status and before.attempt == worker.attempt)
        if not holds:
            worker.is_running = False
            return False
        worker.sequence = answer["sequence"]
        return True

    def update(self, update: StatusUpdate) -> Any:
        """Send it as the backend does.

        Raises:
            InvalidTransition
        """
        arguments = json.loads(json.dumps({"input": render(update)}))
        identity = {"userArn": "arn:aws:sts::000000000000:assumed-role/worker/worker"}
        answer = self.relay.answer({"field": "updateStatus", "arguments": arguments, "identity": identity})
        if "error" in answer:
            assert answer["error"]["type"] == "InvalidTransition", answer["error"]
            raise InvalidTransition(self.head().status, arguments["input"]["status"])
        return answer["data"]

    def records(self) -> list[Job]:
        return self.relay.ledger.read(self.job_id, after=0, limit=10_000)

    def head(self) -> Job:
        head = self.relay.ledger.head(self.job_id)
        assert head is not None
        return head

    @invariant()
    def the_log_only_grows_is_dense_and_ends_once(self) -> None:
        if not hasattr(self, "relay"):
            return
        log = self.records()
        assert log[: len(self.log)] == self.log
        assert [record.sequence for record in log] == list(range(1, len(log) + 1))
        assert not any(record.status.is_terminal for record in log[:-1])
        assert [record.attempt for record in log] == sorted(record.attempt for record in log)
        assert [record.updated_at for record in log] == sorted(record.updated_at for record in log)
        self.log = log

    @invariant()
    def what_each_attempt_produced_is_in_the_log_once_and_in_order(self) -> None:
        for worker in getattr(self, "workers", ()):
            if worker.attempt:
                deltas = [record.delta for record in self.log if record.attempt == worker.attempt and record.delta]
                assert deltas == worker.produced

    @invariant()
    def a_job_is_dispatched_again_at_most_once(self) -> None:
        assert [record.sequence for record in self.log if record.status is Status.PENDING] in ([], [1], [1, 2])

    @invariant()
    def an_unfinished_job_is_admitted(self) -> None:
        if hasattr(self, "relay") and not self.head().status.is_terminal:
            assert self.job_id in self.relay.ledger.admitted(ADA)


def test_every_interleaving_leaves_a_right_log(ledger_kind: LedgerKind) -> None:
    class Model(RulesModel):
        kind = ledger_kind

    examples = EXAMPLES[ledger_kind.name]
    run_machine(Model, settings=settings(max_examples=examples, stateful_step_count=40, deadline=None))
