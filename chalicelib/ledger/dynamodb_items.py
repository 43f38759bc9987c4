"""The DynamoDB table of the ledger: its keys and indexes, and how jobs are stored as items. Pure.

Partition key `jobId`, sort key `entry`: `event#000000001`, `event#000000002`, ... and `job`, the projection, which
sorts after every event, so that one backward query of two items reads projection and newest record together. The
projection alone has the index keys: `owner` and `created` for lists, `activity` (unfinished jobs only, spread over
`SHARDS` values) and `updated` for the watchdog. A partition `owner#<sub>` contains the owner's unfinished jobs as a
map. The item `sweep`, `position` says where the next sweep begins.
"""

import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from chalicelib.jobs.model import Job, Owner
from chalicelib.ledger.records import dump, load

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import CreateTableInputTypeDef

SHARDS: Final = 8  # of the activity index: one hot partition key would throttle at 1,000 writes a second
INLINE: Final = 16_384  # bytes; a larger body is compressed, to stay under DynamoDB's 400 KB an item
PROJECTION: Final = "job"
ADMITTED: Final = "unfinished"
SWEEP, POSITION = "sweep", "position"  # key of the item that says where the next sweep begins


def table_definition(name: str) -> "CreateTableInputTypeDef":
    """The table as CreateTable takes it; the stack on AWS declares the same keys and indexes."""
    return {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": attribute, "AttributeType": "S"}
            for attribute in ("jobId", "entry", "owner", "created", "activity", "updated")
        ],
        "KeySchema": [{"AttributeName": "jobId", "KeyType": "HASH"}, {"AttributeName": "entry", "KeyType": "RANGE"}],
        "GlobalSecondaryIndexes": [
            {
                "IndexName": index,
                "KeySchema": [
                    {"AttributeName": partition, "KeyType": "HASH"},
                    {"AttributeName": sort, "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
            for index, partition, sort in (("by_owner", "owner", "created"), ("by_activity", "activity", "updated"))
        ],
    }


def entry(sequence: int) -> str:
    return f"event#{sequence:09d}"


def erased(tombstone: Job) -> dict[str, Any]:
    return {
        "jobId": {"S": tombstone.job_id},
        "entry": {"S": entry(tombstone.sequence)},
        "expiresAt": {"N": seconds(tombstone.expires_at)},
        "body": pack(dump(tombstone)),
        "erased": {"BOOL": True},
    }


def activity(shard: int) -> str:
    return f"unfinished#{shard}"


def owner_key(owner: Owner) -> dict[str, Any]:
    return {"jobId": {"S": f"owner#{owner}"}, "entry": {"S": ADMITTED}}


def start_key(job_id: str, **index: dict[str, str]) -> dict[str, Any]:
    return {"jobId": {"S": job_id}, "entry": {"S": PROJECTION}, **index}


def seconds(time: datetime) -> str:
    return str(int(time.timestamp()))


def pack(body: str) -> dict[str, Any]:
    return {"S": body} if len(body.encode()) <= INLINE else {"B": zlib.compress(body.encode())}


def body(item: Mapping[str, Any]) -> str:
    body = item["body"]
    return str(body["S"]) if "S" in body else zlib.decompress(body["B"]).decode()


def job(item: Mapping[str, Any]) -> Job:
    return load(body(item))
