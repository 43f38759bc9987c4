"""The unfinished jobs of each owner, as one item of the DynamoDB table: a map from job id to time of admission."""

from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.jobs.model import JobId, Owner
from chalicelib.ledger import Clock
from chalicelib.ledger import dynamodb_items as stored
from chalicelib.ledger.records import stamp

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient


class Admissions:
    """`admit`, `admitted` and `release` of a `Ledger`, for the table `table`."""

    def __init__(self, table: str, client: "DynamoDBClient", clock: Clock) -> None:
        self._table = table
        self._client = client
        self._clock = clock

    def admit(self, owner: Owner, job_id: JobId, *, limit: int) -> bool:
        key = stored.owner_key(owner)
        self._client.update_item(
            TableName=self._table,
            Key=key,
            UpdateExpression="SET jobs = if_not_exists(jobs, :none)",
            ExpressionAttributeValues={":none": {"M": {}}},
        )
        try:
            self._client.update_item(
                TableName=self._table,
                Key=key,
                UpdateExpression="SET jobs.#job = :now",
                ConditionExpression="size(jobs) < :limit OR attribute_exists(jobs.#job)",
                ExpressionAttributeNames={"#job": job_id},
                ExpressionAttributeValues={":now": {"S": stamp(self._clock())}, ":limit": {"N": str(limit)}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def admitted(self, owner: Owner) -> dict[JobId, datetime]:
        item = self._client.get_item(TableName=self._table, Key=stored.owner_key(owner), ConsistentRead=True).get(
            "Item", {}
        )
        jobs = item.get("jobs", {"M": {}})["M"]
        return {JobId(job_id): datetime.fromisoformat(at["S"]) for job_id, at in jobs.items()}

    def release(self, owner: Owner, job_id: JobId, *, admitted_at: datetime | None = None) -> None:
        try:
            self._client.update_item(
                TableName=self._table,
                Key=stored.owner_key(owner),
                UpdateExpression="REMOVE jobs.#job",
                ConditionExpression="jobs.#job <= :at",
                ExpressionAttributeNames={"#job": job_id},
                ExpressionAttributeValues={":at": {"S": stamp(admitted_at) if admitted_at else "~"}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return  # it was released already, or admitted again
