"""After a relay dies at any point, the owner's quota is fully restored and never exceeded."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from chalicelib.api.calls import StartInference
from chalicelib.api.relay import Relay
from chalicelib.jobs.errors import QuotaExceeded
from chalicelib.jobs.model import Change, InferenceRequest, Job, JobId, OperatorUpdate, Owner, Status
from chalicelib.jobs.rules import Lease
from chalicelib.ledger import Ledger, Page
from tests.contract.conftest import LedgerKind
from tests.contract.jobs import ADA, START, new_id

EXAMPLES = {"sqlite": 60, "moto": 5, "dynalite": 5}  # requests to a server of DynamoDB take long
QUOTA = 3
REQUEST = InferenceRequest(prompt="Hello", model="simulated.story")


class Killed(BaseException):
    """The process has died. No code catches this."""


@dataclass
class MortalLedger:
    """A ledger whose process dies after a number of calls (`None`: never), or is overtaken by `other` then."""

    ledger: Ledger
    calls_left: int | None = None
    other: Callable[[], object] | None = None

    def spend(self) -> None:
        if self.calls_left is not None:
            if self.calls_left == 0:
                self.calls_left = None
                if self.other is None:
                    raise Killed
                self.other()
                return
            self.calls_left -= 1

    def append(self, job: Job) -> bool:
        self.spend()
        return self.ledger.append(job)

    def head(self, job_id: JobId) -> Job | None:
        self.spend()
        return self.ledger.head(job_id)

    def read(self, job_id: JobId, *, after: int, limit: int) -> list[Job]:
        self.spend()
        return self.ledger.read(job_id, after=after, limit=limit)

    def erase(self, tombstone: Job) -> None:
        self.spend()
        self.ledger.erase(tombstone)

    def list(self, owner: Owner, *, status: Status | None, limit: int, next_token: str | None) -> Page:
        self.spend()
        return self.ledger.list(owner, status=status, limit=limit, next_token=next_token)

    def unfinished(self, *, idle_since: datetime, limit: int, next_token: str | None) -> Page:
        self.spend()
        return self.ledger.unfinished(idle_since=idle_since, limit=limit, next_token=next_token)

    def sweep_position(self) -> str | None:
        return self.ledger.sweep_position()

    def save_sweep_position(self, position: str | None) -> None:
        self.ledger.save_sweep_position(position)

    def admit(self, owner: Owner, job_id: JobId, *, limit: int) -> bool:
        self.spend()
        return self.ledger.admit(owner, job_id, limit=limit)

    def admitted(self, owner: Owner) -> dict[JobId, datetime]:
        self.spend()
        return self.ledger.admitted(owner)

    def release(self, owner: Owner, job_id: JobId, *, admitted_at: datetime | None = None) -> None:
        self.spend()
        self.ledger.release(owner, job_id, admitted_at=admitted_at)


class QuotaModel(RuleBasedStateMachine):
    kind: LedgerKind

    @initialize()
    def start_empty(self) -> None:
        self.kind.clock.time = START
        self.ledger = MortalLedger(self.kind.make())
        self.relay = Relay(
            ledger=self.ledger, retention=timedelta(days=1), quota=QUOTA, lease=Lease(), clock=self.kind.clock
        )
        self.ids: list[JobId] = []

    def unfinished(self) -> list[JobId]:
        heads = {job_id: self.ledger.ledger.head(job_id) for job_id in self.ids}
        return [job_id for job_id, head in heads.items() if head is not None and not head.status.is_terminal]

    @rule(calls=st.none() | st.integers(0, 4))
    def start(self, calls: int | None) -> None:
        self.start_as(new_id(), calls)

    @precondition(lambda self: self.ids)
    @rule(data=st.data(), calls=st.none() | st.integers(0, 4))
    def start_again(self, data: st.DataObject, calls: int | None) -> None:
        """Start again: the client got no answer, or did not wait for it."""
        self.start_as(data.draw(st.sampled_from(self.ids)), calls)

    def start_as(self, job_id: JobId, calls: int | None) -> None:
        self.ids.append(job_id)
        before = self.unfinished()
        self.ledger.calls_left = calls
        try:
            self.relay.start(StartInference(job_id, REQUEST, None), ADA)
        except Killed:
            pass
        except QuotaExceeded:
            assert len(self.ledger.ledger.admitted(ADA)) == QUOTA
            assert job_id not in before
        self.ledger.calls_left = None

    @precondition(lambda self: self.unfinished())
    @rule(data=st.data(), calls=st.none() | st.integers(0, 3), by_owner=st.booleans())
    def end(self, data: st.DataObject, calls: int | None, by_owner: bool) -> None:
        job_id = data.draw(st.sampled_from(self.unfinished()))
        self.ledger.calls_left = calls
        try:
            if by_owner:
                self.relay.cancel(job_id, ADA)
            else:
                self.relay.update(OperatorUpdate(job_id, "by hand", Change(Status.FAILED, error="no")))
        except Killed:
            pass
        self.ledger.calls_left = None

    @rule(seconds=st.sampled_from([1, 61, 86_400]))
    def let_time_pass(self, seconds: int) -> None:
        self.kind.clock.advance(seconds)

    @invariant()
    def no_more_jobs_are_unfinished_than_the_quota_and_each_is_counted(self) -> None:
        if hasattr(self, "relay"):
            unfinished = self.unfinished()
            admitted = self.ledger.ledger.admitted(ADA)
            assert len(set(unfinished)) <= len(admitted) <= QUOTA
            assert set(unfinished) <= admitted.keys()

    def teardown(self) -> None:
        """A minute after the last crash, the next start restores the unused part of the quota."""
        if not hasattr(self, "relay"):
            return
        self.kind.clock.advance(61)
        free = QUOTA - len(set(self.unfinished()))
        for _ in range(free):
            self.relay.start(StartInference(new_id(), REQUEST, None), ADA)
        with pytest.raises(QuotaExceeded):
            self.relay.start(StartInference(new_id(), REQUEST, None), ADA)


def test_a_quota_is_never_exceeded_and_heals_after_crashes(ledger_kind: LedgerKind) -> None:
    class Model(QuotaModel):
        kind = ledger_kind

    run_machine(
        Model, settings=settings(max_examples=EXAMPLES[ledger_kind.name], stateful_step_count=25, deadline=None)
    )


@pytest.mark.parametrize("calls", range(8))
def test_a_start_that_goes_on_where_a_dead_one_stopped_keeps_its_place(ledger_kind: LedgerKind, calls: int) -> None:
    """A second start heals what a dead start left in the set. The two overtake each other at any call."""
    ledger = ledger_kind.make()
    clock = ledger_kind.clock

    def relay(through: Ledger) -> Relay:
        return Relay(ledger=through, retention=timedelta(days=1), quota=QUOTA, lease=Lease(), clock=clock)

    def start(through: Ledger, job_id: JobId) -> None:
        with suppress(QuotaExceeded):
            relay(through).start(StartInference(job_id, REQUEST, None), ADA)

    ids = [new_id() for _ in range(QUOTA + 1)]
    ledger.admit(ADA, ids[0], limit=QUOTA)  # and then it died
    clock.advance(61)
    for job_id in ids[1:QUOTA]:
        start(ledger, job_id)

    clock.advance(1)
    start(MortalLedger(ledger, calls, lambda: start(ledger, ids[0])), ids[QUOTA])

    alive = {job_id for job_id in ids if ledger.head(job_id) is not None}
    assert len(alive) == QUOTA
    assert alive <= ledger.admitted(ADA).keys()


@pytest.mark.parametrize("calls", range(4))
def test_a_start_that_needs_room_leaves_a_start_that_goes_on_its_place(ledger_kind: LedgerKind, calls: int) -> None:
    ledger = ledger_kind.make()
    clock = ledger_kind.clock

    def start(through: Ledger, job_id: JobId) -> None:
        relay = Relay(ledger=through, retention=timedelta(days=1), quota=1, lease=Lease(), clock=clock)
        with suppress(QuotaExceeded):
            relay.start(StartInference(job_id, REQUEST, None), ADA)

    left_behind, new = new_id(), new_id()
    ledger.admit(ADA, left_behind, limit=1)
    clock.advance(61)

    start(MortalLedger(ledger, calls, lambda: start(ledger, new)), left_behind)

    alive = {job_id for job_id in (left_behind, new) if ledger.head(job_id) is not None}
    assert len(alive) == 1
    assert set(ledger.admitted(ADA)) == alive
