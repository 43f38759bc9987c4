"""What a job uses of AWS, counted in the units that AWS bills. Pure.

`chalicelib.billing.cost` turns the counts into money. Reads by the owner and watchers after the first one are not
counted: the log does not know about them.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from chalicelib.billing.prices import PUSH_SIZE, READ_SIZE, WRITE_SIZE
from chalicelib.jobs.usage import Counts

# The fields that a watcher of ours selects. Fields that the update did not select, such as `output`, are null.
WATCHED: Final = (
    "jobId", "owner", "status", "sequence", "attempt", "progress", "message", "delta", "output", "outputOmitted",
    "outputKept", "result", "resultOmitted", "resultIsOutput", "resultUrl", "resultBytes", "resultSha256",
    "error", "errorType", "model", "claimed", "usage", "cost", "metadata", "createdAt", "startTime", "endTime",
    "updatedAt",
)  # fmt: skip
SUBSCRIPTION: Final = "onInferenceStatusChange"
_json: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def tokens_of(usage: object) -> Counts:
    """The tokens in a usage, by its standard keys. 0 for a missing or invalid count."""
    return Counts(
        input_tokens=_count(usage, "inputTokens"),
        cached_tokens=_count(usage, "cachedInputTokens"),
        output_tokens=_count(usage, "outputTokens"),
    )


def push_units(event: Mapping[str, Any]) -> int:
    """Real-time updates that one watcher's copy of an event counts as.

    Args:
        event: An `InferenceStatus`; fields that a watcher hears and that are not here count as null.

    Source:
        AWS AppSync pricing: a message is metered by every 5 KB of its payload, begun ones too.
    """
    heard = {name: event.get(name) for name in WATCHED}
    for name in ("usage", "metadata"):  # AWSJSON travels as text
        if heard[name] is not None and not isinstance(heard[name], str):
            heard[name] = _json(heard[name])
    return units(len(_json({"data": {SUBSCRIPTION: heard}}).encode(errors="replace")), PUSH_SIZE)


def log_units(record: int, summary: int, *, is_first: bool, is_last: bool) -> Counts:
    """Write and read units of appending one record to the job log in DynamoDB.

    An update of the projection writes the item, its copy in the index by owner, and its copy in the index by activity.
    The key of the last one changes, so it is deleted and written again. Before the first record, the projection is
    written too, and the job is admitted in two writes. The last record removes the projection from an index, and the
    job is released. The next call reads each record once.

    Args:
        record: Bytes of the record.
        summary: Bytes of its projection.
        is_first: It opens the log.
        is_last: It ends it.

    Source:
        Amazon DynamoDB Developer Guide, "Read and write operations" and "Using Global Secondary Indexes": each write of
        an index is metered as one of a table; changing an index's key writes twice.
    """
    size = units(summary, WRITE_SIZE)
    projected = 3 * size if is_last else 4 * size
    more = (3 * size + 2 if is_first else 0) + (1 if is_last else 0)
    return Counts(
        writes=units(record, WRITE_SIZE) + projected + more,
        reads=units(record + summary, READ_SIZE),
    )


def units(size: int, of: int) -> int:
    """The number of units that a size is metered as: rounded up, at least 1."""
    return max(1, -(-size // of))


def _count(usage: object, name: str) -> int:
    value = usage.get(name) if isinstance(usage, dict) else None
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e15 else 0
