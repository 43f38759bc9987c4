"""The actions of each handler on the jobs table and the bucket. Their roles allow exactly these."""

from collections.abc import Mapping
from typing import Final

from chalicelib.objects.keys import INPUTS, RESULTS, UPLOADS

GET, PUT, UPDATE, DELETE, BATCH, QUERY = (
    f"dynamodb:{name}" for name in ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "Query")
)

# By handler: each action, and the index that it is for; None is the table itself.
TABLE_ACTIONS: Final[Mapping[str, tuple[tuple[str, str | None], ...]]] = {
    "app.status_relay": (
        (GET, None), (PUT, None), (UPDATE, None), (DELETE, None), (BATCH, None), (QUERY, None), (QUERY, "by_owner"),
    ),
    # A sweep writes no event. Reading a job's newest record repairs the job's row if a crash left it outdated, and
    # deletes it if the start crashed before the first record.
    "app.sweep": ((UPDATE, None), (DELETE, None), (QUERY, None), (QUERY, "by_activity")),
}  # fmt: skip

READ, WRITE, REMOVE, LIST = "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"

# By handler: each action, and the folder that it is for; None is the bucket itself. A signed address has the
# permissions of its signer, so that callers write uploads and read results with those of the relay.
BUCKET_ACTIONS: Final[Mapping[str, tuple[tuple[str, str | None], ...]]] = {
    "app.inference": ((READ, INPUTS), (WRITE, RESULTS)),
    "app.status_relay": (
        (READ, UPLOADS), (WRITE, UPLOADS), (REMOVE, UPLOADS),
        (WRITE, INPUTS), (REMOVE, INPUTS),
        (READ, RESULTS), (REMOVE, RESULTS),
        (LIST, None),  # without it, S3 answers a missing object like a forbidden one
    ),
}  # fmt: skip
