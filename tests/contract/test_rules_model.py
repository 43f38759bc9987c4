"""Any interleaving of starts, claims, updates, checkpoints, hand-overs, lost answers, lost or repeated events, cancels,
operators and supervisors leaves a right log.

Updates go to the relay as they do on the wire: what the wire does not carry, no rule can use.
"""

import itertools
import json
from dataclasses import dataclass, field
from datetime import timedelta
from functools import reduce
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from chalicelib.api.calls import CancelInference, GetInference, StartInference
from chalicelib.api.payloads.answers import render_job
from chalicelib.api.relay import Relay
from chalicelib.jobs.errors import ErrorType, InvalidTransition, JobIdTaken, JobNotFound, JobUnfinished
from chalicelib.jobs.model import (
    Change,
    Claim,
    InferenceRequest,
    Job,
    JobId,
    OperatorUpdate,
    Redispatch,
    Status,
    StatusUpdate,
    Wait,
    WorkerUpdate,
)
from chalicelib.jobs.rules import Lease
from chalicelib.publisher.messages import render
from chalicelib.supervision.diagnosis import Thresholds, diagnose, failure_of
from longcall import JobView, merge
from longcall.models import JobId as ViewedId
from longcall.parsing import parse_event
from tests.contract.conftest import LedgerKind
from tests.contract.jobs import ADA, GRACE, START, new_id

# The rules are the same for every ledger, and each ledger has a model of its own in `test_ledger_model.py`. SQLite,
# which takes a hundredth of the time of a server of DynamoDB, searches; the others show that they answer as it does.
EXAMPLES = {"sqlite": 100, "moto": 5, "dynalite": 5}
STEPS = {"sqlite": 60, "moto": 40, "dynalite": 40}
LEASE = Lease(duration=timedelta(seconds=30), renewal=timedelta(seconds=10))
THRESHOLDS = Thresholds(
    redispatch=timedelta(seconds=20), never_started=timedelta(seconds=50), stalled=timedelta(seconds=40)
)
REQUEST = InferenceRequest(prompt="Hello", model="simulated.story")
LIVES = st.sampled_from([1, 8, 20])
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=5)


@dataclass(frozen=True)
class Event:
    """An asynchronous invocation. It may be delivered never, once or often, late, and Lambda may give up on it."""

    request_id: str
    continues: int


@dataclass
class Worker:
    """One run of the handler, as far as the log can see it. `base` is the output from which it continues."""

    event: Event
    name: str
    attempt: int = 0
    sequence: int = 0
    is_running: bool = False
    has_handed_over: bool = False
    base: str = ""
    last: WorkerUpdate | None = None
    produced: list[str] = field(default_factory=list)

    @property
    def output(self) -> str:
        return self.base + "".join(self.produced)


@dataclass(frozen=True)
class Finding:
    """A finding of one sweep and the log that it read. It is published now, later or more than once."""

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
        self.life = life  # records before the job may end, except by a sweep: a job that ends at once tests little
        self.workers: list[Worker] = []
        self.findings: list[Finding] = []
        self.log: list[Job] = []
        self.events = [Event(next(self.names), 0)]
        self.outputs: dict[str | None, str] = {None: ""}  # at each checkpoint
        self.repeat_the_start()

    @precondition(lambda self: self.log and self.log[-1].status.is_terminal)
    @rule(life=LIVES)
    def delete_the_job_and_start_another(self, life: int) -> None:
        assert self.relay.delete(self.job_id, ADA) == self.job_id
        left = self.records()
        assert [record.sequence for record in left] == [record.sequence for record in self.log]
        held = {(it.delta, it.result, it.request, it.metadata, it.checkpoint) for it in left}
        assert held == {(None,) * 5}

        for worker in self.workers:
            updates: list[StatusUpdate] = [Claim(self.job_id, worker.event.request_id, next(self.names))]
            for update in [*updates, *([worker.last] if worker.last else [])]:
                assert Status(self.update(update)["status"]).is_terminal, "the answer tells a late worker to stop"
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
        self.take_event(answer["dispatch"])
        assert (answer["dispatch"] is None) == (head.status is not Status.PENDING)

    def take_event(self, dispatch: Any) -> None:
        if dispatch is not None:
            self.events.append(Event(next(self.names), dispatch["continues"]))

    @rule(data=st.data())
    def deliver_an_event(self, data: st.DataObject) -> None:
        """Claim for the newest invocation or an old one: Lambda retries, and may deliver twice."""
        worker = Worker(data.draw(st.sampled_from(self.events[-3:])), next(self.names))
        request_id = worker.event.request_id
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
            newest = next((record.checkpoint for record in reversed(self.records()) if record.checkpoint), None)
            assert answer["checkpoint"] == newest, "it continues from the newest checkpoint"
            worker.base = self.outputs[newest]
            assert answer["outputKept"] == (None if newest is None else len(worker.base.encode()))
        else:
            assert "checkpoint" not in answer
        self.workers.append(worker)

    def may_end(self) -> bool:
        return len(self.log) >= self.life

    def running(self) -> list[Worker]:
        return [worker for worker in self.workers if worker.is_running]

    @precondition(lambda self: self.running())
    @rule(data=st.data(), text=TEXTS)
    def produce(self, data: st.DataObject, text: str) -> None:
        worker = data.draw(st.sampled_from(self.running()))
        if self.send(worker, Change(Status.PROCESSING, delta=text)):
            worker.produced.append(text)

    @precondition(lambda self: self.running())
    @rule(data=st.data(), text=st.none() | TEXTS)
    def save(self, data: st.DataObject, text: str | None) -> None:
        """Report a checkpoint after the output of the same update."""
        worker = data.draw(st.sampled_from(self.running()))
        state = json.dumps({"at": next(self.names)})
        if self.send(worker, Change(Status.PROCESSING, delta=text, checkpoint=state)):
            worker.produced += [text] if text else []
            self.outputs[state] = worker.output

    @precondition(lambda self: self.running())
    @rule(data=st.data())
    def hand_over(self, data: st.DataObject) -> None:
        """Hand over. The process may die directly afterwards, so the dispatch is a separate rule."""
        worker = data.draw(st.sampled_from(self.running()))
        worker.has_handed_over = self.send(worker, Change(Status.PROCESSING, hands_over=True))
        worker.is_running = False
        if worker.has_handed_over:
            assert not self.head().is_leased(self.kind.clock(), LEASE.duration)

    @precondition(lambda self: any(worker.has_handed_over for worker in self.workers))
    @rule(data=st.data())
    def pass_on(self, data: st.DataObject) -> None:
        """Dispatch at once, again after a lost answer, or after the next worker has already ended."""
        worker = data.draw(st.sampled_from([worker for worker in self.workers if worker.has_handed_over]))
        before = self.records()
        answer = self.ask("dispatchInference", {"jobId": self.job_id, "attempt": worker.attempt})
        is_waited_for = before[-1].attempt == worker.attempt and before[-1].wait is not None
        assert (answer["dispatch"] is not None) == is_waited_for
        assert self.records() == before
        if is_waited_for:
            assert answer["dispatch"]["continues"] == worker.attempt
        self.take_event(answer["dispatch"])

    @precondition(lambda self: any(worker.has_handed_over for worker in self.workers))
    @rule(data=st.data(), text=TEXTS)
    def go_on_after_handing_over(self, data: st.DataObject, text: str) -> None:
        worker = data.draw(st.sampled_from([worker for worker in self.workers if worker.has_handed_over]))
        before = self.records()
        late = Change(Status.PROCESSING, delta=text)
        self.update(WorkerUpdate(self.job_id, worker.attempt, worker.sequence + 1, f"late-{next(self.names)}", late))
        assert self.records() == before

    @precondition(lambda self: self.running())
    @rule(data=st.data())
    def beat(self, data: st.DataObject) -> None:
        self.send(data.draw(st.sampled_from(self.running())), Change(Status.PROCESSING))

    @precondition(lambda self: self.may_end() and self.running())
    @rule(data=st.data(), text=st.none() | TEXTS)
    def complete(self, data: st.DataObject, text: str | None) -> None:
        """Complete with a separate result, or with the output as the result."""
        worker = data.draw(st.sampled_from(self.running()))
        done = Change(Status.COMPLETED, delta=text, result_is_output=True)
        if text is None:
            done = Change(Status.COMPLETED, result=worker.output)
        if self.send(worker, done):
            worker.produced += [text] if text else []
            assert self.head().result == worker.output
        worker.is_running = False

    @precondition(lambda self: self.may_end() and self.running())
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        worker = data.draw(st.sampled_from(self.running()))
        self.send(worker, Change(Status.FAILED, error="broke", error_type=ErrorType.WORKLOAD_FAILED))
        worker.is_running = False

    @precondition(lambda self: any(worker.last for worker in self.workers))
    @rule(data=st.data())
    def repeat_an_update(self, data: st.DataObject) -> None:
        """Repeat an update: its answer was lost, or the network delivered the request again much later."""
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
    @rule(data=st.data(), answered=st.booleans())
    def give_up_on_an_event(self, data: st.DataObject, answered: bool) -> None:
        """Lambda gives up. Workers that still run belong to another delivery, or to another event."""
        event = data.draw(st.sampled_from(self.events[-3:]))
        before = self.records()
        context = {"requestId": event.request_id, "condition": "RetriesExhausted", "approximateInvokeCount": 3}
        dispatch: dict[str, object] = {"jobId": self.job_id, "continues": event.continues}
        dispatch["request"] = {"prompt": "Hello", "model": "simulated.story"}
        response = {"responsePayload": {"errorMessage": "exit status 137"}} if answered else {}
        update = failure_of({"requestContext": context, "requestPayload": dispatch, **response})

        self.update(update)

        head = before[-1]
        is_waiting = head.attempt == 0 or head.wait is not None
        is_next = is_waiting and head.attempt == event.continues
        has_it = not is_waiting and head.request_id == event.request_id
        if head.status.is_terminal or not (is_next or has_it):
            assert self.records() == before, "a job that another worker has or will get is not failed"
        else:
            assert self.head().error_type is (ErrorType.CRASHED if answered else ErrorType.THROTTLED)
            assert self.head().sequence == before[-1].sequence + 1

    @rule(silence=st.sampled_from([0, 21, 51]))
    def sweep_and_look(self, silence: int) -> None:
        self.kind.clock.advance(silence)
        head = self.head()
        step = diagnose(head, THRESHOLDS, now=self.kind.clock())
        if step is not None:
            assert not head.status.is_terminal
            assert not head.is_leased(self.kind.clock(), LEASE.duration)
            self.findings.append(Finding(head, step))

    @precondition(lambda self: self.findings)
    @rule(data=st.data())
    def publish_what_a_sweep_found(self, data: st.DataObject) -> None:
        """Publish at once, late, or again after a lost answer. Other sweeps may have the same finding."""
        finding = data.draw(st.sampled_from(self.findings))
        before = self.records()
        match finding.step:
            case Redispatch(job_id, sequence):
                answer = self.ask("dispatchInference", {"jobId": job_id, "sequence": sequence})
                assert (answer["dispatch"] is not None) == (before[-1] == finding.about)
                self.take_event(answer["dispatch"])
            case OperatorUpdate():
                self.update(finding.step)
        if before[-1] == finding.about:
            assert len(self.records()) == len(before) + 1
        else:
            assert self.records() == before, "a job that has changed since is not changed"

    @rule(seconds=st.sampled_from([1, 11, 31]))
    def let_time_pass(self, seconds: int) -> None:
        self.kind.clock.advance(seconds)

    def send(self, worker: Worker, change: Change) -> bool:
        """Whether the log has the update. A worker stops when the answer shows an end or a newer attempt."""
        worker.last = WorkerUpdate(
            self.job_id, worker.attempt, worker.sequence + 1, f"update-{next(self.names)}", change
        )
        before = self.head()
        answer: Any = self.update(worker.last)
        own = answer["attempt"] == worker.attempt and answer["status"] == change.status
        holds = before.attempt == worker.attempt and not before.status.is_terminal and before.wait is None
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
        return self.ask("updateStatus", {"input": json.loads(json.dumps(render(update)))})

    def ask(self, name: str, arguments: dict[str, Any]) -> Any:
        identity = {"userArn": "arn:aws:sts::000000000000:assumed-role/worker/worker"}
        answer = self.relay.answer({"field": name, "arguments": arguments, "identity": identity})
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
    def watchers_and_readers_see_what_the_newest_attempt_stands_on_and_what_it_added(self) -> None:
        if not getattr(self, "log", None):
            return
        newest = next((worker for worker in self.workers if worker.attempt == self.log[-1].attempt > 0), None)
        output = "" if newest is None else newest.output
        read: Any = self.relay.reads.get(GetInference(self.job_id, with_output=True), ADA)
        assert read["output"] == output
        watched = reduce(
            merge, (parse_event(render_job(record)) for record in self.log), JobView(ViewedId(self.job_id))
        )
        assert (watched.output, watched.sequence) == (output, len(self.log))

    @invariant()
    def a_job_is_dispatched_again_at_most_once_in_each_wait(self) -> None:
        assert [record.sequence for record in self.log if record.status is Status.PENDING] in ([], [1], [1, 2])
        for before, after in itertools.pairwise(self.log):
            if after.wait is Wait.DISPATCHED_AGAIN:
                assert before.wait is not None
            if after.wait is Wait.HANDED_OVER and before.wait is not None:
                assert (before.wait, before.attempt) == (Wait.HANDED_OVER, after.attempt), "a note in between, no more"

    @invariant()
    def an_unfinished_job_is_admitted(self) -> None:
        if hasattr(self, "relay") and not self.head().status.is_terminal:
            assert self.job_id in self.relay.ledger.admitted(ADA)


def test_every_interleaving_leaves_a_right_log(ledger_kind: LedgerKind) -> None:
    class Model(RulesModel):
        kind = ledger_kind

    examples, steps = EXAMPLES[ledger_kind.name], STEPS[ledger_kind.name]
    run_machine(Model, settings=settings(max_examples=examples, stateful_step_count=steps, deadline=None))
