"""A process that dies between its writes to DynamoDB leaves nothing that the log does not repair."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from chalicelib.jobs.model import Status
from chalicelib.jobs.rules import tombstone
from chalicelib.ledger.dynamodb import DynamoDbLedger
from chalicelib.ledger.dynamodb_requests import dynamodb_client
from tests.contract.conftest import LedgerKind
from tests.contract.jobs import ADA, START, following, opened

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

pytestmark = pytest.mark.parametrize("ledger_kind", ["moto", "dynalite"], indirect=True)


class Killed(BaseException):
    """The process has died. No code catches this."""


@contextmanager
def dying_before(client: "DynamoDBClient", operation: str, *, nth: int = 1) -> Iterator[None]:
    """Die directly before the nth request for `operation` is sent."""
    requests = itertools.count(1)

    def die(**_: object) -> None:
        if next(requests) == nth:
            raise Killed

    event = f"before-send.dynamodb.{operation}"
    client.meta.events.register(event, die)
    try:
        with pytest.raises(Killed):
            yield
    finally:
        client.meta.events.unregister(event, die)


@pytest.fixture
def client(ledger_kind: LedgerKind) -> "DynamoDBClient":
    return dynamodb_client()


@pytest.fixture
def ledger(ledger_kind: LedgerKind, client: "DynamoDBClient") -> DynamoDbLedger:
    table = ledger_kind.new_location().removeprefix("dynamodb:")
    return DynamoDbLedger(table, client=client, clock=ledger_kind.clock)


def test_a_projection_left_behind_is_repaired_by_the_next_reader(
    ledger: DynamoDbLedger, client: "DynamoDBClient"
) -> None:
    job = opened()
    ledger.append(job)
    ended = following(job, Status.CANCELLED)
    with dying_before(client, "UpdateItem"):
        ledger.append(ended)
    assert ledger.list(ADA, status=None, limit=10, next_token=None).jobs == (job.summary(),)

    assert ledger.head(job.job_id) == ended

    assert ledger.list(ADA, status=None, limit=10, next_token=None).jobs == (ended.summary(),)
    assert ledger.unfinished(idle_since=START + timedelta(days=1), limit=10, next_token=None).jobs == ()


def test_a_start_that_died_before_its_first_record_is_no_job_but_the_watchdog_hears_of_it(
    ledger: DynamoDbLedger, client: "DynamoDBClient"
) -> None:
    job = opened()
    with dying_before(client, "PutItem"):
        ledger.append(job)

    assert ledger.head(job.job_id) is None
    assert ledger.list(ADA, status=None, limit=10, next_token=None).jobs == ()
    idle = ledger.unfinished(idle_since=START + timedelta(days=1), limit=10, next_token=None)
    assert [found.job_id for found in idle.jobs] == [job.job_id]

    assert ledger.append(job)

    assert ledger.list(ADA, status=None, limit=10, next_token=None).jobs == (job.summary(),)


def test_a_first_record_without_its_projection_is_listed_once_somebody_reads_it(
    ledger: DynamoDbLedger, client: "DynamoDBClient"
) -> None:
    job = opened()
    with dying_before(client, "UpdateItem", nth=2):
        ledger.append(job)

    assert ledger.head(job.job_id) == job

    assert ledger.list(ADA, status=None, limit=10, next_token=None).jobs == (job.summary(),)


def test_what_a_dead_start_left_is_deleted_once_no_start_can_be_under_way(
    ledger: DynamoDbLedger, client: "DynamoDBClient", ledger_kind: LedgerKind
) -> None:
    job = opened()
    with dying_before(client, "PutItem"):
        ledger.append(job)
    tomorrow = START + timedelta(days=1)

    ledger_kind.clock.advance(60)
    assert ledger.head(job.job_id) is None
    assert len(ledger.unfinished(idle_since=tomorrow, limit=10, next_token=None).jobs) == 1, (
        "its first record may still be written"
    )

    ledger_kind.clock.advance(1)
    assert ledger.head(job.job_id) is None
    assert ledger.unfinished(idle_since=tomorrow, limit=10, next_token=None).jobs == ()

    assert ledger.append(job), "the same start can be repeated"
    assert ledger.list(ADA, status=None, limit=10, next_token=None).jobs == (job.summary(),)


def test_a_start_repeated_long_after_it_died_is_under_way_again(
    ledger: DynamoDbLedger, client: "DynamoDBClient", ledger_kind: LedgerKind
) -> None:
    job = opened()
    with dying_before(client, "PutItem"):
        ledger.append(job)
    ledger_kind.clock.advance(3600)
    again = opened(job.job_id, now=ledger_kind.clock())
    with dying_before(client, "PutItem"):
        ledger.append(again)

    assert ledger.head(job.job_id) is None

    idle = ledger.unfinished(idle_since=START + timedelta(days=1), limit=10, next_token=None)
    assert [found.job_id for found in idle.jobs] == [job.job_id]


def test_a_start_that_is_repeated_while_its_rest_is_deleted_is_not_lost(
    ledger: DynamoDbLedger, client: "DynamoDBClient", ledger_kind: LedgerKind
) -> None:
    job = opened()
    with dying_before(client, "PutItem"):
        ledger.append(job)
    ledger_kind.clock.advance(3600)
    again = opened(job.job_id, now=ledger_kind.clock())

    def repeat_the_start(**_: object) -> None:
        client.meta.events.unregister("before-send.dynamodb.DeleteItem", repeat_the_start)
        with dying_before(client, "UpdateItem", nth=2):  # the record is written, and its projection is still at 0
            ledger.append(again)

    client.meta.events.register("before-send.dynamodb.DeleteItem", repeat_the_start)
    ledger.head(job.job_id)

    idle = ledger.unfinished(idle_since=START + timedelta(days=1), limit=10, next_token=None)
    assert [found.job_id for found in idle.jobs] == [job.job_id]
    assert ledger.head(job.job_id) == again


@pytest.mark.parametrize("operation", ["UpdateItem", "Query", "BatchWriteItem"])
def test_a_deletion_that_died_hides_the_job_at_once_and_is_finished_by_another(
    ledger: DynamoDbLedger, client: "DynamoDBClient", operation: str
) -> None:
    log = [opened()]
    for _ in range(60):
        log.append(following(log[-1], delta="text"))
    log.append(following(log[-1], Status.COMPLETED))
    for job in log:
        ledger.append(job)
    left = tombstone(log[-1], now=START)

    with dying_before(client, operation, nth=2 if operation == "BatchWriteItem" else 1):
        ledger.erase(left)

    assert ledger.head(log[0].job_id) == left
    assert ledger.list(ADA, status=None, limit=10, next_token=None).jobs == ()

    ledger.erase(left)

    assert ledger.read(log[0].job_id, after=0, limit=100) == [replace(left, sequence=job.sequence) for job in log]
