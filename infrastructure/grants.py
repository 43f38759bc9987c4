"""What the handlers do to the jobs table, which is what their roles allow, and nothing more."""

from collections.abc import Mapping
from typing import Final

GET, PUT, UPDATE, DELETE, QUERY = (
    f"dynamodb:{name}" for name in ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query")
)

# By handler: an action, and the index that it is for; None is the table itself.
TABLE_ACTIONS: Final[Mapping[str, tuple[tuple[str, str | None], ...]]] = {
    "app.status_relay": ((GET, None), (PUT, None), (UPDATE, None), (DELETE, None), (QUERY, None), (QUERY, "by_owner")),
    # A sweep writes no event. Reading a job's newest record repairs its projection where a crash left that behind, and
    # deletes it where the start died before the first record.
    "app.sweep": ((UPDATE, None), (DELETE, None), (QUERY, None), (QUERY, "by_activity")),
}
