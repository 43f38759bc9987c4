"""A job of two hours of virtual time: it is handed over again and again, and killed, and what it says is not changed.

Everything is real but the time, Lambda and the network: runner, publisher, relay, sweep, and the rules between them.
"""

import heapq
import itertools
import json
import threading
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from functools import partial, reduce
from itertools import islice
from random import Random
from typing import Any

import pytest

from chalicelib.api.calls import StartInference
from chalicelib.api.payloads.answers import render_job
from chalicelib.api.relay import Relay
from chalicelib.billing.budget import AttemptBudget
from chalicelib.jobs.dispatch import parse_dispatch
from chalicelib.jobs.errors import ErrorType
from chalicelib.jobs.model import DispatchNext, InferenceRequest, Job, JobId, Redispatch, Status, StatusUpdate, Wait
from chalicelib.jobs.rules import Lease
from chalicelib.publisher.appsync import Channel, Unreachable
from chalicelib.publisher.coalescing import Pace
from chalicelib.publisher.connection import Connection
from chalicelib.publisher.delivery import Backoff
from chalicelib.publisher.fencing import UpdateAnswer
from chalicelib.publisher.messages import parse, render
from chalicelib.publisher.policies import Interval
from chalicelib.publisher.publisher import Publisher
from chalicelib.supervision.diagnosis import Thresholds, failure_of
from chalicelib.supervision.supervisor import Supervisor
from chalicelib.worker.runner import JobRunner
from chalicelib.workloads import Workload
from chalicelib.workloads.simulated import simulate, text
from longcall import JobView, merge
from longcall.models import JobId as ViewedId
from longcall.parsing import parse_event
from tests.contract.conftest import LedgerKind
from tests.contract.jobs import ADA, START, new_id

TIMEOUT = 900.0  # seconds of an invocation
RETRY_DELAYS = (60.0, 120.0)  # seconds, as Lambda's
SWEEP_EVERY = 60.0
LONGEST_SILENCE = 60.0  # seconds of virtual time by which a worker may be ahead of its publisher, which uses real time
WORDS = 1500
REQUEST = InferenceRequest("the tide", "simulated.story", max_tokens=WORDS, process_time=7200.0)
STORY = "".join(islice(text(REQUEST.model, REQUEST.prompt), WORDS))
THRESHOLDS = Thresholds(  # stalled: longer than two retries that die before they can claim
    redispatch=timedelta(seconds=120), never_started=timedelta(seconds=3900), stalled=timedelta(seconds=600)
)
BACKEND = {"userArn": "arn:aws:sts::000000000000:assumed-role/worker/worker"}


class Killed(BaseException):
    """The process dies at any point. No code of ours catches this."""


class Stroke(Enum):
    """When an invocation dies."""

    WORKING = "between two words"
    SENDING = "with a request on its way"
    ANSWERED = "once a request was done"


@dataclass
class Fate:
    """How one invocation ends."""

    stroke: Stroke | None
    steps: Iterator[int]  # counts down; it dies at 0

    def strikes(self, stroke: Stroke) -> bool:
        return self.stroke is stroke and next(self.steps, 1) == 0


@dataclass(order=True)
class Due:
    """Something that Lambda does at a moment of virtual time."""

    at: float
    number: int
    event: Any = field(compare=False)  # of an invocation; None: a sweep
    request_id: str = field(default="", compare=False)
    tries: int = field(default=0, compare=False)


@dataclass
class World:
    """Lambda, AppSync and the time, around one job. `trouble` is the probability of each fault."""

    kind: LedgerKind
    trouble: float
    seed: int
    queue: list[Due] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)
    fate: Fate = field(default_factory=lambda: Fate(None, iter(())))
    kills: int = 0
    is_dead: bool = False
    heard_at: float = 0.0  # of the worker
    heard: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self.kind.clock.time = START
        self.random = Random(self.seed)  # noqa: S311  # a seed, no secret
        self.job_id: JobId = new_id()
        self.connection = Connection(self)
        self.relay = Relay(
            ledger=self.kind.make(), retention=timedelta(days=7), quota=10, lease=Lease(), clock=self.kind.clock
        )
        self.runner = JobRunner(open_publisher=self.open_publisher, load=self.load, megabytes=512, clock=self.now)

    def now(self) -> float:
        return (self.kind.clock.time - START).total_seconds()

    def has_trouble(self) -> bool:
        return self.random.random() < self.trouble

    def open_publisher(self, job_id: JobId, *, until: float, budget: AttemptBudget) -> Publisher:
        return Publisher(
            job_id, connection=self.connection, until=time.monotonic() + 60, pace=Pace(Interval(0.01), heartbeat=60),
            backoff=Backoff(base=0.0001, cap=0.0001), budget=budget,
        )  # fmt: skip

    def load(self, model: str) -> Workload:
        assert model == REQUEST.model
        return partial(simulate, sleep=self.sleep, sleep_deaf=self.sleep, die=self.die)

    def sleep(self, seconds: float) -> None:
        if self.fate.strikes(Stroke.WORKING):
            self.die()
        with self.heard:
            assert self.heard.wait_for(self.is_in_step, timeout=30)
            if self.is_dead:  # it died while it was sending
                raise Killed
            self.kind.clock.advance(seconds)

    def is_in_step(self) -> bool:
        return self.is_dead or self.now() - self.heard_at < LONGEST_SILENCE

    def die(self) -> None:
        with self.heard:
            self.kills += 1
            self.is_dead = True
            self.heard.notify_all()
        raise Killed

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Channel]:
        yield self

    async def send(self, update: StatusUpdate | Redispatch | DispatchNext) -> UpdateAnswer:
        if self.fate.strikes(Stroke.SENDING):
            self.die()
        if self.has_trouble():
            raise Unreachable("it never arrived")
        answer = self.perform(update)
        with self.heard:
            self.heard_at = self.now()
            self.heard.notify_all()
        if self.fate.strikes(Stroke.ANSWERED):
            self.die()
        if self.has_trouble():
            raise Unreachable("its answer never arrived")
        return answer

    def perform(self, update: StatusUpdate | Redispatch | DispatchNext) -> UpdateAnswer:
        match update:
            case DispatchNext(job_id, attempt):
                return self.dispatch({"jobId": job_id, "attempt": attempt})
            case Redispatch(job_id, sequence):
                return self.dispatch({"jobId": job_id, "sequence": sequence})
            case _:
                said = json.loads(json.dumps(render(update)))
                if "usage" in said:
                    said["usage"] = json.loads(said["usage"])  # as AppSync reads AWSJSON
                return parse(self.ask("updateStatus", {"input": said}))

    def dispatch(self, arguments: dict[str, Any]) -> UpdateAnswer:
        data = self.ask("dispatchInference", arguments)
        if data["dispatch"] is not None:
            self.invoke(data["dispatch"], may_be_lost="attempt" in arguments)
        return parse(data["job"])

    def ask(self, name: str, arguments: dict[str, Any]) -> Any:
        answer = self.relay.answer({"field": name, "arguments": arguments, "identity": BACKEND})
        assert "error" not in answer, answer
        return answer["data"]

    def invoke(self, event: Any, *, may_be_lost: bool) -> None:
        """Hand an event to Lambda, which delivers some twice. One in a wait may be lost, not a sweep's after it too."""
        if may_be_lost and self.has_trouble():
            return
        request_id = str(uuid.uuid4())
        for _ in range(2 if self.has_trouble() else 1):
            delay = self.random.choice([0.0, 1.0, 40.0])
            self.put(Due(self.now() + delay, next(self.numbers), event, request_id))

    def put(self, due: Due) -> None:
        heapq.heappush(self.queue, due)

    def run(self) -> list[Job]:
        """Run the job from its start to its end. Returns its log."""
        try:
            return self._run()
        finally:
            self.connection.close(timeout=5.0)

    def _run(self) -> list[Job]:
        answer: Any = self.relay.start(StartInference(self.job_id, REQUEST, None), ADA)
        self.invoke(answer["dispatch"], may_be_lost=True)
        self.put(Due(SWEEP_EVERY, next(self.numbers), None))
        while not self.log()[-1].status.is_terminal:
            due = heapq.heappop(self.queue)
            self.kind.clock.advance(max(0.0, due.at - self.now()))
            with self.living(due):
                if due.event is None:
                    self.sweep()
                else:
                    self.runner.run(parse_dispatch(due.event), request_id=due.request_id, seconds_left=TIMEOUT)
        return self.log()

    @contextmanager
    def living(self, due: Due) -> Iterator[None]:
        """Give an invocation its fate, and Lambda's answer to it: two retries."""
        may_die = due.event is not None and due.tries < len(RETRY_DELAYS) and self.trouble > 0
        if may_die and not self.kills:
            stroke: Stroke | None = Stroke.WORKING  # it certainly dies
        else:
            stroke = self.random.choice(list(Stroke)) if may_die and self.has_trouble() else None
        steps = self.random.choice([3, 30, 300]) if stroke is Stroke.WORKING else self.random.choice([0, 1, 2, 5])
        self.fate, self.is_dead = Fate(stroke, iter(range(steps, -1, -1))), False
        try:
            yield
        except Killed:
            delay = RETRY_DELAYS[due.tries]
            self.put(Due(self.now() + delay, next(self.numbers), due.event, due.request_id, due.tries + 1))
        finally:
            self.fate = Fate(None, iter(()))

    def sweep(self) -> None:
        Supervisor(self, Backoff(base=0.0001, cap=0.0001)).sweep(
            self.relay.ledger, THRESHOLDS, now=self.kind.clock(), until=time.monotonic() + 60
        )
        self.put(Due(self.now() + SWEEP_EVERY, next(self.numbers), None))

    def log(self) -> list[Job]:
        return self.relay.ledger.read(self.job_id, after=0, limit=100_000)


def views(log: list[Job]) -> list[JobView]:
    """What a watcher shows, event by event."""
    empty = JobView(ViewedId(log[0].job_id))
    return list(itertools.accumulate((parse_event(render_job(job)) for job in log), merge, initial=empty))[1:]


def test_two_hours_over_many_invocations_are_one_continuous_stream(ledger_kind: LedgerKind) -> None:
    log = World(ledger_kind, trouble=0.0, seed=1).run()

    assert sum(job.wait is Wait.HANDED_OVER for job in log) >= 8
    assert (log[-1].status, log[-1].attempt) == (Status.COMPLETED, 1 + sum(job.wait is not None for job in log))
    assert log[-1].result == STORY
    shown = views(log)
    assert shown[-1].output == STORY
    assert all(later.output.startswith(earlier.output) for earlier, later in itertools.pairwise(shown))
    assert log[-1].updated_at - log[0].created_at >= timedelta(hours=2)


@pytest.mark.parametrize("seed", range(6))
def test_two_hours_with_workers_killed_at_random_give_the_same_bytes(ledger_kind: LedgerKind, seed: int) -> None:
    world = World(ledger_kind, trouble=0.3 if seed % 2 else 0.6, seed=seed)

    log = world.run()

    assert world.kills > 0
    assert (log[-1].status, log[-1].error) == (Status.COMPLETED, None)
    assert log[-1].result == STORY
    assert reduce(merge, (parse_event(render_job(job)) for job in reversed(log)), views(log)[0]).output == STORY
    for before, after in itertools.pairwise(views(log)):
        assert STORY.startswith(after.output), "the output is always a beginning of the story"
        if after.attempt == before.attempt:
            assert after.output.startswith(before.output)


def test_an_event_that_hands_over_and_is_given_up_on_does_not_end_the_job(ledger_kind: LedgerKind) -> None:
    world = World(ledger_kind, trouble=0.0, seed=1)
    answer: Any = world.relay.start(StartInference(world.job_id, REQUEST, None), ADA)
    try:
        world.runner.run(parse_dispatch(answer["dispatch"]), request_id="first", seconds_left=TIMEOUT)
    finally:
        world.connection.close(timeout=5.0)
    waiting = world.log()[-1]
    context = {"condition": "RetriesExhausted", "approximateInvokeCount": 3}
    crash = {"responsePayload": {"errorMessage": "exit status 137"}}

    first = failure_of(
        {"requestContext": {**context, "requestId": "first"}, "requestPayload": answer["dispatch"], **crash}
    )
    world.relay.update(first)
    assert world.log()[-1] == waiting

    next_event = world.queue[0].event
    second = failure_of({"requestContext": {**context, "requestId": "second"}, "requestPayload": next_event, **crash})
    world.relay.update(second)
    assert world.log()[-1].error_type is ErrorType.CRASHED, "the next one, which never came to claim the job, does"
