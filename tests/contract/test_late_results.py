"""A result that is stored after its job was cancelled or deleted does not stay in the bucket."""

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib.api.relay import Relay
from chalicelib.jobs.limits import MAX_RESULT
from chalicelib.jobs.model import InferenceRequest, JobId, Owner, StoredResult, UploadId
from chalicelib.jobs.rules import Lease
from chalicelib.ledger import utc_now
from chalicelib.ledger.sqlite import SqliteLedger
from chalicelib.workloads.contract import Chunk, Outcome, Piece, WorkloadContext
from tests.contract.running import BACKEND, ask, run
from tests.support.memory_objects import MemoryObjects

ID = JobId("7b0f5c1e-52d4-4f5a-9d5e-0a3c8e2b6f11")
ADA = Owner("ada")
LARGE = "x" * (MAX_RESULT + 1)


@pytest.fixture
def objects() -> MemoryObjects:
    return MemoryObjects()


@pytest.fixture
def relay(tmp_path: Path, objects: MemoryObjects) -> Iterator[Relay]:
    ledger = SqliteLedger(tmp_path / "jobs.db", clock=utc_now)
    yield Relay(ledger=ledger, retention=timedelta(days=7), quota=10, lease=Lease(), objects=objects)
    ledger.close()


def end_and_delete(relay: Relay) -> None:
    ask(relay, "cancelInference", {"jobId": ID})
    ask(relay, "deleteInference", {"jobId": ID})


@pytest.mark.parametrize("pieces", [[], [Chunk("output that is refused")]], ids=["silent", "with output"])
def test_a_worker_that_has_not_heard_of_the_deletion_leaves_no_result(
    relay: Relay, objects: MemoryObjects, pieces: list[Piece]
) -> None:
    def work(_request: InferenceRequest, _context: WorkloadContext) -> Generator[Piece, None, Outcome]:
        end_and_delete(relay)
        yield from pieces
        return Outcome(LARGE)

    found = run(relay, load=lambda _: work, jobId=ID, prompt="Hello", model="simulated.story")

    assert found is None
    assert objects.results == {}


@pytest.mark.parametrize("pieces", [[], [Chunk("output that is refused")]], ids=["silent", "with output"])
def test_a_worker_that_has_not_heard_of_the_cancel_leaves_no_result(
    relay: Relay, objects: MemoryObjects, pieces: list[Piece]
) -> None:
    def work(_request: InferenceRequest, _context: WorkloadContext) -> Generator[Piece, None, Outcome]:
        ask(relay, "cancelInference", {"jobId": ID})
        yield from pieces
        return Outcome(LARGE)

    run(relay, load=lambda _: work, jobId=ID, prompt="Hello", model="simulated.story")

    assert objects.results == {}


def test_a_retry_of_a_worker_that_died_after_storing_leaves_no_result_of_a_cancelled_job(
    relay: Relay, objects: MemoryObjects
) -> None:
    ask(relay, "startInference", {"input": {"jobId": ID, "prompt": "Hello", "model": "simulated.story"}})
    claim(relay, "event")
    ask(relay, "cancelInference", {"jobId": ID})
    objects.store_result(ADA, ID, 1, LARGE.encode())

    claim(relay, "event")

    assert objects.results == {}


def test_a_worker_whose_job_has_a_new_attempt_leaves_no_result(relay: Relay, objects: MemoryObjects) -> None:
    ask(relay, "startInference", {"input": {"jobId": ID, "prompt": "Hello", "model": "simulated.story"}})
    claim(relay, "event")
    stored = objects.store_result(ADA, ID, 1, LARGE.encode())
    claim(relay, "event", update_id="second")

    report(relay, stored)

    assert objects.results == {}


def test_a_result_that_was_accepted_stays_when_it_is_reported_again_or_claimed(
    relay: Relay, objects: MemoryObjects
) -> None:
    ask(relay, "startInference", {"input": {"jobId": ID, "prompt": "Hello", "model": "simulated.story"}})
    claim(relay, "event")
    stored = objects.store_result(ADA, ID, 1, LARGE.encode())

    for _ in range(2):
        report(relay, stored)
    claim(relay, "event")

    assert objects.results == {(ADA, ID, 1): LARGE.encode()}


@dataclass
class MeetingObjects(MemoryObjects):
    """Objects to which a worker stores a result while a deletion is under way."""

    after_delete: Callable[[], object] = lambda: None

    def delete(self, owner: Owner, job_id: JobId, uploads: tuple[UploadId, ...]) -> None:
        super().delete(owner, job_id, uploads)
        self.after_delete()


def test_a_result_that_is_stored_and_reported_during_the_deletion_does_not_stay(tmp_path: Path) -> None:
    objects = MeetingObjects()
    ledger = SqliteLedger(tmp_path / "jobs.db", clock=utc_now)
    relay = Relay(ledger=ledger, retention=timedelta(days=7), quota=10, lease=Lease(), objects=objects)
    ask(relay, "startInference", {"input": {"jobId": ID, "prompt": "Hello", "model": "simulated.story"}})
    claim(relay, "event")
    ask(relay, "cancelInference", {"jobId": ID})

    def store_and_report() -> None:
        objects.after_delete = lambda: None
        stored = objects.store_result(ADA, ID, 1, LARGE.encode())
        report(relay, stored)

    objects.after_delete = store_and_report
    ask(relay, "deleteInference", {"jobId": ID})

    assert objects.results == {}
    ledger.close()


def test_a_retry_of_a_worker_that_died_after_storing_leaves_no_result(relay: Relay, objects: MemoryObjects) -> None:
    ask(relay, "startInference", {"input": {"jobId": ID, "prompt": "Hello", "model": "simulated.story"}})
    claim(relay, "event")
    end_and_delete(relay)
    objects.store_result(ADA, ID, 1, LARGE.encode())

    claim(relay, "event")

    assert objects.results == {}


def test_deleting_again_removes_a_result_that_came_late(relay: Relay, objects: MemoryObjects) -> None:
    ask(relay, "startInference", {"input": {"jobId": ID, "prompt": "Hello", "model": "simulated.story"}})
    end_and_delete(relay)
    objects.store_result(ADA, ID, 1, LARGE.encode())

    ask(relay, "deleteInference", {"jobId": ID})

    assert objects.results == {}


def claim(relay: Relay, request_id: str, update_id: str | None = None) -> None:
    values = {"jobId": ID, "status": "PROCESSING", "requestId": request_id}
    if update_id is not None:
        values["updateId"] = update_id
    ask(relay, "updateStatus", {"input": values}, BACKEND)


def report(relay: Relay, stored: StoredResult) -> None:
    values = {
        "jobId": ID, "status": "COMPLETED", "attempt": 1, "sequence": 3, "updateId": "late",
        "resultBytes": stored.size, "resultSha256": stored.sha256,
    }  # fmt: skip
    ask(relay, "updateStatus", {"input": values}, BACKEND)
