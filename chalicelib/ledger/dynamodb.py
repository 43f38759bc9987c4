"""The ledger in one DynamoDB table. `dynamodb_items` describes its items.

The projection of a new job is written first, with sequence 0, and then its first record. A crash in between leaves a
projection that the sweep finds, and never a record that is not listed. After `START`, when the first record can no
longer follow, a reader of such a projection deletes it.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Final
from zlib import crc32

from msgspec.structs import replace

from chalicelib.jobs.model import Job, JobId, Owner, Status
from chalicelib.ledger import Clock, Page
from chalicelib.ledger import dynamodb_items as stored
from chalicelib.ledger.dynamodb_admissions import Admissions
from chalicelib.ledger.dynamodb_requests import BATCH, TableRequests
from chalicelib.ledger.records import dump_both, dump_token, load_page, load_token, stamp

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

NOT_THERE: Final = "attribute_not_exists(jobId) OR expiresAt <= :now"
START: Final = timedelta(minutes=1)  # from a new job's projection to its first record, at most: far beyond a request's


class DynamoDbLedger:
    """A `Ledger` in the table `table`, which exists already."""

    def __init__(
        self, table: str, *, client: "DynamoDBClient", clock: Clock, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._table = table
        self._client = client
        self._clock = clock
        self._requests = TableRequests(table, client, sleep)
        self._admissions = Admissions(table, client, clock)

    def append(self, job: Job) -> bool:
        record, summary = dump_both(job)
        if job.sequence == 1:
            self._project(job, summary, sequence=0)
        item: dict[str, Any] = {
            "jobId": {"S": job.job_id},
            "entry": {"S": stored.entry(job.sequence)},
            "expiresAt": {"N": stored.seconds(job.expires_at)},
            "body": stored.pack(record),
        }
        try:
            self._client.put_item(
                TableName=self._table,
                Item=item,
                ConditionExpression=NOT_THERE,
                ExpressionAttributeValues={":now": self._now()},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        self._project(job, summary, sequence=job.sequence)
        if job.status.is_terminal:
            self.release(job.owner, job.job_id)
        return True

    def head(self, job_id: JobId) -> Job | None:
        newest = self._client.query(
            TableName=self._table,
            ConsistentRead=True,
            ScanIndexForward=False,
            Limit=2,
            KeyConditionExpression="jobId = :job",
            ExpressionAttributeValues={":job": {"S": job_id}},
        )["Items"]
        projection = next((item for item in newest if item["entry"]["S"] == stored.PROJECTION), None)
        record: Mapping[str, Any] | None = next(
            (item for item in newest if item["entry"]["S"] != stored.PROJECTION), None
        )
        if record is not None and self._has_expired(record):
            record = self._newest_alive(job_id)
        if record is None:
            if projection is not None and int(projection["sequence"]["N"]) == 0:
                self._delete_orphan(job_id, projection)
            return None
        job = stored.job(record)
        listed = projection is not None and "owner" in projection and job.deleted_at is not None
        if (
            projection is None
            or self._has_expired(projection)
            or int(projection["sequence"]["N"]) < job.sequence
            or listed
        ):
            self._project(job, dump_both(job)[1], sequence=job.sequence)
        return job

    def read(self, job_id: JobId, *, after: int, limit: int) -> list[Job]:
        jobs: list[Job] = []
        for item in self._requests.query(
            limit,
            ConsistentRead=True,
            KeyConditionExpression="jobId = :job AND entry BETWEEN :first AND :last",
            FilterExpression="expiresAt > :now",
            ExpressionAttributeValues={
                ":job": {"S": job_id},
                ":first": {"S": stored.entry(after + 1)},
                ":last": {"S": stored.entry(999_999_999)},
                ":now": self._now(),
            },
        ):
            jobs.append(stored.job(item))
            if len(jobs) == limit:
                break
        return jobs

    def erase(self, tombstone: Job) -> None:
        self._client.put_item(TableName=self._table, Item=stored.erased(tombstone))
        self._project(tombstone, dump_both(tombstone)[1], sequence=tombstone.sequence)
        left = self._requests.query(
            BATCH,
            ConsistentRead=True,
            KeyConditionExpression="jobId = :job AND begins_with(entry, :event)",
            FilterExpression="attribute_not_exists(erased)",
            ProjectionExpression="entry",
            ExpressionAttributeValues={":job": {"S": tombstone.job_id}, ":event": {"S": "event#"}},
        )
        while entries := [*islice(left, BATCH)]:
            sequences = [int(item["entry"]["S"].removeprefix("event#")) for item in entries]
            self._requests.write([stored.erased(replace(tombstone, sequence=sequence)) for sequence in sequences])

    def list(self, owner: Owner, *, status: Status | None, limit: int, next_token: str | None) -> Page:
        conditions = ["expiresAt > :now", "#sequence > :none"]
        values: dict[str, Any] = {":owner": {"S": owner}, ":now": self._now(), ":none": {"N": "0"}}
        names = {"#owner": "owner", "#sequence": "sequence"}
        if status is not None:
            conditions.append("#status = :status")
            values[":status"] = {"S": status}
            names["#status"] = "status"
        start: dict[str, Any] = {}
        if next_token:
            job_id, created = load_token(next_token, size=2)
            start["ExclusiveStartKey"] = stored.start_key(job_id, owner={"S": owner}, created={"S": created})
        found = self._requests.query(
            limit + 1,
            IndexName="by_owner",
            ScanIndexForward=False,
            KeyConditionExpression="#owner = :owner",
            FilterExpression=" AND ".join(conditions),
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=values,
            **start,
        )
        items = list(islice(found, limit + 1))
        last = items[limit - 1] if len(items) > limit else None
        token = dump_token([last["jobId"]["S"], last["created"]["S"]]) if last else None
        return load_page(map(stored.body, items[:limit]), token)

    def unfinished(self, *, idle_since: datetime, limit: int, next_token: str | None) -> Page:
        shard, job_id, updated = load_token(next_token, size=3) if next_token else ("0", "", "")
        items: list[Mapping[str, Any]] = []
        for number in range(int(shard), stored.SHARDS):
            start: dict[str, Any] = {}
            if job_id:
                start["ExclusiveStartKey"] = stored.start_key(
                    job_id, activity={"S": stored.activity(number)}, updated={"S": updated}
                )
                job_id = ""
            found = self._requests.query(
                limit + 1,
                IndexName="by_activity",
                KeyConditionExpression="activity = :shard AND updated <= :idle",
                FilterExpression="expiresAt > :now",
                ExpressionAttributeValues={
                    ":shard": {"S": stored.activity(number)},
                    ":idle": {"S": stamp(idle_since)},
                    ":now": self._now(),
                },
                **start,
            )
            items.extend(islice(found, limit + 1 - len(items)))
            if len(items) > limit:
                break
        last = items[limit - 1] if len(items) > limit else None
        token = dump_token([last["activity"]["S"][-1], last["jobId"]["S"], last["updated"]["S"]]) if last else None
        return load_page(map(stored.body, items[:limit]), token)

    def sweep_position(self) -> str | None:
        found = self._client.query(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="jobId = :sweep AND entry = :position",
            ExpressionAttributeValues={":sweep": {"S": stored.SWEEP}, ":position": {"S": stored.POSITION}},
            Limit=1,
        )["Items"]
        return found[0]["token"]["S"] if found and "token" in found[0] else None

    def save_sweep_position(self, position: str | None) -> None:
        key = {"jobId": {"S": stored.SWEEP}, "entry": {"S": stored.POSITION}}
        names = {"#token": "token"}
        if position is None:
            self._client.update_item(
                TableName=self._table, Key=key, UpdateExpression="REMOVE #token", ExpressionAttributeNames=names
            )
        else:
            self._client.update_item(
                TableName=self._table,
                Key=key,
                UpdateExpression="SET #token = :token",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues={":token": {"S": position}},
            )

    def admit(self, owner: Owner, job_id: JobId, *, limit: int) -> bool:
        return self._admissions.admit(owner, job_id, limit=limit)

    def admitted(self, owner: Owner) -> dict[JobId, datetime]:
        return self._admissions.admitted(owner)

    def release(self, owner: Owner, job_id: JobId, *, admitted_at: datetime | None = None) -> None:
        self._admissions.release(owner, job_id, admitted_at=admitted_at)

    def _project(self, job: Job, summary: str, *, sequence: int) -> None:
        """Update the projection to `job`, whose record without texts is `summary`, unless it has a later sequence."""
        names = {"#owner": "owner", "#sequence": "sequence", "#status": "status"}
        sets = "#sequence = :sequence, #status = :status, updated = :updated, expiresAt = :expires, body = :body"
        values: dict[str, Any] = {
            ":sequence": {"N": str(sequence)},
            ":status": {"S": job.status},
            ":updated": {"S": stamp(job.updated_at)},
            ":expires": {"N": stored.seconds(job.expires_at)},
            ":body": stored.pack(summary),
            ":now": self._now(),
        }
        if job.deleted_at is None:
            sets = f"#owner = :owner, created = :created, {sets}"
            values |= {":owner": {"S": job.owner}, ":created": {"S": f"{stamp(job.created_at)}#{job.job_id}"}}
            removed = "activity"
        else:
            removed = "activity, #owner, created"
        if job.status.is_terminal:
            expression = f"SET {sets} REMOVE {removed}"
        else:
            expression = f"SET {sets}, activity = :activity"
            values[":activity"] = {"S": stored.activity(crc32(job.job_id.encode()) % stored.SHARDS)}
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"jobId": {"S": job.job_id}, "entry": {"S": stored.PROJECTION}},
                UpdateExpression=expression,
                # A repeated start updates the time of its projection, so the projection is not deleted as an orphan.
                ConditionExpression=f"{NOT_THERE} OR #sequence <= :sequence",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return  # it is at this sequence or a later one already

    def _delete_orphan(self, job_id: JobId, projection: Mapping[str, Any]) -> None:
        """Delete the projection of a start that died before its first record, unless that may still be written."""
        updated = projection["updated"]
        if self._clock() - datetime.fromisoformat(updated["S"]) <= START:
            return
        with suppress(self._client.exceptions.ConditionalCheckFailedException):  # the start was repeated just now
            self._client.delete_item(
                TableName=self._table,
                Key={"jobId": {"S": job_id}, "entry": {"S": stored.PROJECTION}},
                ConditionExpression="#sequence = :none AND updated = :updated",
                ExpressionAttributeNames={"#sequence": "sequence"},
                ExpressionAttributeValues={":none": {"N": "0"}, ":updated": updated},
            )

    def _newest_alive(self, job_id: JobId) -> Mapping[str, Any] | None:
        """The newest record of a job whose id was used before, by a job that expired but is not deleted yet."""
        found = self._requests.query(
            BATCH,
            ConsistentRead=True,
            ScanIndexForward=False,
            KeyConditionExpression="jobId = :job AND begins_with(entry, :event)",
            FilterExpression="expiresAt > :now",
            ExpressionAttributeValues={":job": {"S": job_id}, ":event": {"S": "event#"}, ":now": self._now()},
        )
        return next(found, None)

    def _now(self) -> dict[str, str]:
        return {"N": stored.seconds(self._clock())}

    def _has_expired(self, item: Mapping[str, Any]) -> bool:
        return float(item["expiresAt"]["N"]) <= self._clock().timestamp()
