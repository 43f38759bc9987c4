"""The number of items that the ledger reads for an answer, and its retries when the table has no capacity."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

from chalicelib.jobs.errors import LedgerUnavailable
from chalicelib.jobs.model import Status
from chalicelib.jobs.rules import tombstone
from chalicelib.ledger.dynamodb import DynamoDbLedger
from chalicelib.ledger.dynamodb_items import table_definition
from tests.contract.jobs import ADA, following, opened

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class MeteredClient:
    """A client that counts the items that queries read, and leaves items of a given number of batches unprocessed."""

    def __init__(self, client: "DynamoDBClient") -> None:
        self._client = client
        self.scanned: list[int] = []
        self.refusals = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def query(self, **arguments: Any) -> Any:
        answer = self._client.query(**arguments)
        self.scanned.append(answer["ScannedCount"])
        return answer

    def batch_write_item(self, *, RequestItems: dict[str, Any]) -> Any:  # noqa: N803  # DynamoDB's name
        if self.refusals:
            self.refusals -= 1
            return {"UnprocessedItems": RequestItems}
        return self._client.batch_write_item(RequestItems=RequestItems)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[MeteredClient]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    with mock_aws():
        client = boto3.client("dynamodb", "us-east-1")
        client.create_table(**table_definition("jobs"))
        yield MeteredClient(client)


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def ledger(client: MeteredClient, waits: list[float]) -> DynamoDbLedger:
    return DynamoDbLedger("jobs", client=client, clock=lambda: NOW, sleep=waits.append)  # type: ignore[arg-type]


def test_a_page_reads_no_more_jobs_than_it_shows_and_one(ledger: DynamoDbLedger, client: MeteredClient) -> None:
    for _ in range(40):
        ledger.append(opened())
    client.scanned.clear()

    page = ledger.list(ADA, status=None, limit=20, next_token=None)

    assert len(page.jobs) == 20
    assert client.scanned == [21]


def test_a_page_of_idle_jobs_reads_no_more_than_a_page_of_each_shard(
    ledger: DynamoDbLedger, client: MeteredClient
) -> None:
    for _ in range(40):
        ledger.append(opened())
    client.scanned.clear()

    page = ledger.unfinished(idle_since=NOW, limit=3, next_token=None)

    assert len(page.jobs) == 3
    assert max(client.scanned) <= 4


def test_a_filter_that_matches_few_jobs_needs_few_requests(ledger: DynamoDbLedger, client: MeteredClient) -> None:
    failed = opened()
    ledger.append(failed)
    ledger.append(following(failed, Status.FAILED))
    for second in range(1, 61):
        ledger.append(opened(now=NOW.replace(second=second % 60, minute=second // 60)))
    client.scanned.clear()

    page = ledger.list(ADA, status=Status.FAILED, limit=1, next_token=None)

    assert [job.job_id for job in page.jobs] == [failed.job_id]
    assert len(client.scanned) <= 6


def test_items_without_capacity_are_sent_again_after_growing_waits(
    ledger: DynamoDbLedger, client: MeteredClient, waits: list[float]
) -> None:
    ended = ended_job(ledger)
    client.refusals = 3

    ledger.erase(tombstone(ended, now=NOW))

    assert len(waits) == 3
    assert all(0 <= wait <= 0.05 * 2**tries for tries, wait in enumerate(waits))
    assert {record.delta for record in ledger.read(ended.job_id, after=0, limit=10)} == {None}


def test_a_table_that_stays_without_capacity_is_unavailable(
    ledger: DynamoDbLedger, client: MeteredClient, waits: list[float]
) -> None:
    ended = ended_job(ledger)
    client.refusals = 1000

    with pytest.raises(LedgerUnavailable):
        ledger.erase(tombstone(ended, now=NOW))

    assert sum(waits) < 10


def ended_job(ledger: DynamoDbLedger) -> Any:
    job = opened()
    ledger.append(job)
    for status in (Status.PROCESSING, Status.COMPLETED):
        job = following(job, status, delta="text")
        ledger.append(job)
    return job
