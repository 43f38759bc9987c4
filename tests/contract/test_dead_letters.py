"""Reports in the dead-letter queue: erased with their jobs, and kept otherwise. The queue is a real one on the wire."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws
from msgspec.structs import replace

from chalicelib.jobs.dispatch import Dispatch, render_dispatch
from chalicelib.jobs.model import InferenceRequest, Job, JobId, Owner, Status
from chalicelib.jobs.rules import tombstone
from chalicelib.ledger.sqlite import SqliteLedger
from chalicelib.supervision.dead_letters import DeadLetters
from tests.contract.jobs import START, following, opened

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> "Iterator[SQSClient]":
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "local")
    with mock_aws():
        yield boto3.client("sqs", "us-east-1")


@pytest.fixture
def queue(client: "SQSClient") -> DeadLetters:
    return DeadLetters(client.create_queue(QueueName="dead")["QueueUrl"], client)


@pytest.fixture
def ledger(tmp_path: Path) -> SqliteLedger:
    return SqliteLedger(tmp_path / "log.db", clock=lambda: START)


def report(queue: DeadLetters, job_id: str) -> None:
    """Lambda's record of a `job_failed` that failed, as it sends it to a queue."""
    event = render_dispatch(Dispatch(JobId(job_id), InferenceRequest("a secret", "simulated.story"), Owner("ada")))
    received = {"requestContext": {"requestId": "r-1"}, "requestPayload": event}
    queue.client.send_message(
        QueueUrl=queue.url,
        MessageBody=json.dumps({"version": "1.0", "requestContext": {"requestId": "r-2"}, "requestPayload": received}),
    )


def left(queue: DeadLetters) -> int:
    """Messages in the queue, visible or not."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = queue.client.get_queue_attributes(QueueUrl=queue.url, AttributeNames=names)["Attributes"]  # type: ignore[arg-type]
    return sum(map(int, found.values()))


def ended(ledger: SqliteLedger, job: Job) -> Job:
    end = following(job, Status.FAILED)
    assert ledger.append(job)
    assert ledger.append(end)
    return end


def test_a_report_is_erased_when_its_job_was_deleted(queue: DeadLetters, ledger: SqliteLedger) -> None:
    deleted, kept = ended(ledger, opened()), ended(ledger, opened())
    ledger.erase(tombstone(deleted, now=deleted.updated_at))
    report(queue, deleted.job_id)
    report(queue, kept.job_id)

    assert queue.erase_orphans(ledger, until=math.inf) == 1

    assert left(queue) == 1


def test_a_report_of_a_job_that_no_longer_exists_is_erased(queue: DeadLetters, ledger: SqliteLedger) -> None:
    report(queue, "11111111-1111-4111-8111-111111111111")

    assert queue.erase_orphans(ledger, until=math.inf) == 1

    assert left(queue) == 0


def test_a_report_that_cannot_be_read_is_kept_and_does_not_stop_the_others(
    queue: DeadLetters, ledger: SqliteLedger
) -> None:
    for body in ("no JSON", "[]", '{"requestPayload": null}', '{"requestPayload": {"requestPayload": {"jobId": 1}}}'):
        queue.client.send_message(QueueUrl=queue.url, MessageBody=body)
    report(queue, "11111111-1111-4111-8111-111111111111")

    assert queue.erase_orphans(ledger, until=math.inf) == 1

    assert left(queue) == 4


def test_many_reports_are_read_in_one_sweep(queue: DeadLetters, ledger: SqliteLedger) -> None:
    for number in range(35):
        report(queue, f"11111111-1111-4111-8111-1111111111{number:02}")

    assert queue.erase_orphans(ledger, until=math.inf) == 35


def test_nothing_is_read_after_the_sweeps_time(queue: DeadLetters, ledger: SqliteLedger) -> None:
    report(queue, "11111111-1111-4111-8111-111111111111")

    assert queue.erase_orphans(ledger, until=0.0) == 0

    assert left(queue) == 1


def test_a_queue_that_fails_does_not_end_the_sweep(
    queue: DeadLetters, ledger: SqliteLedger, caplog: pytest.LogCaptureFixture
) -> None:
    gone = replace(queue, url=queue.url + "-gone")

    assert gone.erase_orphans(ledger, until=math.inf) == 0

    assert "the next sweep tries again" in caplog.text
    assert "a secret" not in caplog.text
