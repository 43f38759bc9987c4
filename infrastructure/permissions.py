"""What the handlers do to the jobs table and to the bucket, which is what their roles allow, and nothing more."""

from collections.abc import Mapping
from typing import Final

from chalicelib.objects import INPUTS, RESULTS, UPLOADS

GET, PUT, UPDATE, DELETE, BATCH, QUERY = (
    f"dynamodb:{name}" for name in ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "Query")
)

# By handler: an action, and the index that it is for; None is the table itself.
TABLE_ACTIONS: Final[Mapping[str, tuple[tuple[str, str | None], ...]]] = {
    "app.status_relay": (
        (GET, None), (PUT, None), (UPDATE, None), (DELETE, None), (BATCH, None), (QUERY, None), (QUERY, "by_owner"),
    ),
    # A sweep writes no event. Reading a job's newest record repairs its projection where a crash left that behind, and
    # deletes it where the start died before the first record.
    "app.sweep": ((UPDATE, None), (DELETE, None), (QUERY, None), (QUERY, "by_activity")),
}  # fmt: skip

READ, WRITE, REMOVE, LIST = "s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"

# By handler: an action, and the folder that it is for; None is the bucket itself. An address that the relay signs may
# do what the relay may: uploads are written and results are read with its rights.
BUCKET_ACTIONS: Final[Mapping[str, tuple[tuple[str, str | None], ...]]] = {
    "app.inference": ((READ, INPUTS), (WRITE, RESULTS)),
    "app.status_relay": (
        (READ, UPLOADS), (WRITE, UPLOADS), (REMOVE, UPLOADS),
        (WRITE, INPUTS), (REMOVE, INPUTS),
        (READ, RESULTS), (REMOVE, RESULTS),
        (LIST, None),  # without it, what is not there is answered like what is forbidden
    ),
}  # fmt: skip
