"""Every ledger compared with a model: any sequence of calls returns the same as plain dictionaries."""

import itertools
import uuid
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test
from msgspec.structs import replace

from chalicelib.jobs.model import Job, JobId, Owner, Status
from chalicelib.jobs.rules import tombstone
from tests.contract.conftest import LedgerKind
from tests.contract.jobs import ADA, GRACE, START, following, opened

EXAMPLES = {"sqlite": 60, "moto": 12, "dynalite": 12}
OWNERS = st.sampled_from([ADA, GRACE])
TEXT = st.text(st.characters(codec="utf-8"), max_size=30)


class LedgerModel(RuleBasedStateMachine):
    """Logs as lists, admissions as sets, and a clock that both sides share."""

    kind: LedgerKind

    @initialize()
    def start_empty(self) -> None:
        self.kind.clock.time = START
        self.ledger = self.kind.make()
        self.ids = (JobId(str(uuid.UUID(int=number))) for number in itertools.count(1))
        self.logs: dict[JobId, list[Job]] = {}
        self.admissions: dict[Owner, set[JobId]] = {ADA: set(), GRACE: set()}

    def alive(self, job_id: JobId) -> list[Job]:
        return [job for job in self.logs.get(job_id, []) if job.expires_at > self.kind.clock()]

    @rule(owner=OWNERS, minutes=st.sampled_from([1, 10_000]))
    def open_a_job(self, owner: Owner, minutes: int) -> None:
        job = opened(next(self.ids), owner, now=self.kind.clock(), life=timedelta(minutes=minutes))
        assert self.ledger.append(job)
        self.logs[job.job_id] = [job]

    @precondition(lambda self: self.logs)
    @rule(data=st.data(), status=st.sampled_from([Status.PROCESSING, Status.FAILED]), text=TEXT)
    def append_the_next_record(self, data: st.DataObject, status: Status, text: str) -> None:
        log = self.alive(data.draw(st.sampled_from(sorted(self.logs))))
        if log and log[-1].deleted_at is None:
            job = following(log[-1], status, delta=text)
            assert self.ledger.append(job)
            self.logs[job.job_id].append(job)

    @precondition(lambda self: self.logs)
    @rule(data=st.data())
    def append_a_record_that_exists(self, data: st.DataObject) -> None:
        log = self.alive(data.draw(st.sampled_from(sorted(self.logs))))
        if log:
            taken = data.draw(st.sampled_from(log))
            assert not self.ledger.append(following(taken) if taken is not log[-1] else taken)

    @precondition(lambda self: self.logs)
    @rule(data=st.data())
    def erase_what_has_ended(self, data: st.DataObject) -> None:
        log = self.alive(data.draw(st.sampled_from(sorted(self.logs))))
        if log and log[-1].status.is_terminal:
            left = log[-1] if log[-1].deleted_at else tombstone(log[-1], now=self.kind.clock())
            self.ledger.erase(left)
            self.logs[left.job_id] = [replace(left, sequence=job.sequence) for job in log]

    @precondition(lambda self: self.logs)
    @rule(data=st.data(), owner=OWNERS)
    def open_an_expired_id_again(self, data: st.DataObject, owner: Owner) -> None:
        job_id = data.draw(st.sampled_from(sorted(self.logs)))
        if not self.alive(job_id):
            job = opened(job_id, owner, now=self.kind.clock())
            assert self.ledger.append(job)
            self.logs[job_id] = [job]

    @rule(seconds=st.sampled_from([1, 30, 90]))
    def let_time_pass(self, seconds: int) -> None:
        self.kind.clock.advance(seconds)

    @precondition(lambda self: self.logs)
    @rule(data=st.data(), after=st.integers(0, 6), limit=st.integers(1, 4))
    def read(self, data: st.DataObject, after: int, limit: int) -> None:
        job_id = data.draw(st.sampled_from(sorted(self.logs)))
        log = self.alive(job_id)
        assert self.ledger.head(job_id) == (log[-1] if log else None)
        assert self.ledger.read(job_id, after=after, limit=limit) == log[after : after + limit]

    @rule(owner=OWNERS, status=st.sampled_from([None, *Status]), size=st.integers(1, 3))
    def list_page_by_page(self, owner: Owner, status: Status | None, size: int) -> None:
        found: list[Job] = []
        token = None
        while not found or token:
            page = self.ledger.list(owner, status=status, limit=size, next_token=token)
            assert len(page.jobs) == size or page.next_token is None
            found.extend(page.jobs)
            token = page.next_token
            if token is None:
                break
        heads = [log[-1].summary() for log in map(self.alive, self.logs) if log]
        mine = [job for job in heads if job.owner == owner and job.deleted_at is None]
        expected = [job for job in mine if status in (None, job.status)]
        assert found == sorted(expected, key=lambda job: (job.created_at, job.job_id), reverse=True)

    @rule(idle=st.integers(0, 60), size=st.integers(1, 3))
    def find_the_idle(self, idle: int, size: int) -> None:
        since = self.kind.clock() - timedelta(seconds=idle)
        found: list[Job] = []
        token = None
        while True:
            page = self.ledger.unfinished(idle_since=since, limit=size, next_token=token)
            found.extend(page.jobs)
            token = page.next_token
            if token is None:
                break
        heads = [log[-1] for log in map(self.alive, self.logs) if log]
        expected = [head for head in heads if not head.status.is_terminal and head.updated_at <= since]
        assert sorted(job.job_id for job in found) == sorted(job.job_id for job in expected)

    @rule(owner=OWNERS, data=st.data())
    def admit(self, owner: Owner, data: st.DataObject) -> None:
        known = sorted(self.admissions[owner])
        job_id = data.draw(st.sampled_from([*known, next(self.ids)]))
        expected = job_id in self.admissions[owner] or len(self.admissions[owner]) < 3
        assert self.ledger.admit(owner, job_id, limit=3) == expected
        if expected:
            self.admissions[owner].add(job_id)

    @rule(owner=OWNERS, data=st.data())
    def release(self, owner: Owner, data: st.DataObject) -> None:
        everybodys = sorted(self.admissions[ADA] | self.admissions[GRACE])
        job_id = data.draw(st.sampled_from([*everybodys, next(self.ids)]))
        self.ledger.release(owner, job_id)
        self.admissions[owner].discard(job_id)
        assert set(self.ledger.admitted(owner)) == self.admissions[owner]


def test_a_ledger_does_what_its_model_does(ledger_kind: LedgerKind) -> None:
    class Model(LedgerModel):
        kind = ledger_kind

    run_state_machine_as_test(
        Model,
        settings=settings(max_examples=EXAMPLES[ledger_kind.name], stateful_step_count=30, deadline=None),
    )
