"""The local stack with its job log in DynamoDB, served by moto."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from chalicelib.ledger.dynamodb_items import table_definition
from longcall import Status
from tests.acceptance.stack import LocalStack, running_stack
from tests.contract.conftest import CREDENTIALS, MOTO, serving


@pytest.fixture
def dynamodb_stack(tmp_path: Path) -> Iterator[LocalStack]:
    with serving(sys.executable, "-c", MOTO) as url:
        environment = {**CREDENTIALS, "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL_DYNAMODB": url}
        client = boto3.client(
            "dynamodb", endpoint_url=url, region_name="us-east-1",
            aws_access_key_id="local", aws_secret_access_key="local",
        )  # fmt: skip
        client.create_table(**table_definition("jobs"))
        with running_stack(tmp_path / "data", "--ledger", "dynamodb:jobs", environment=environment) as stack:
            yield stack


async def test_a_job_runs_from_start_to_end_with_its_log_in_dynamodb(dynamodb_stack: LocalStack) -> None:
    async with dynamodb_stack.client() as client, asyncio.timeout(30):
        views = [view async for view in client.run("Hi", model="simulated.story", process_time=0.5)]
        job = await client.start("Hi", model="simulated.story", process_time=60)
        cancelled = await client.cancel(job.job_id)
        listed = await client.list()

    assert views[-1].status is Status.COMPLETED
    assert views[-1].output == views[-1].result
    assert cancelled.status is Status.CANCELLED
    assert [entry.job_id for entry in listed.jobs] == [job.job_id, views[-1].job_id]
