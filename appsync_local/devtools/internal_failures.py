"""Unexpected errors: the cause goes to the log, and the caller receives an id to look for in the log."""

import logging
import uuid
from typing import Final

INTERNAL_FAILURE: Final = "InternalFailure"  # the `errorType`

log = logging.getLogger("appsync_local")


def report_internal_failure(what: str, error: BaseException) -> dict[str, object]:
    """Log an error with its cause.

    Args:
        what: What failed, such as `a request` or `Query.note`.
        error: The cause.

    Returns:
        The entry of `errors` for the caller: `errorType`, and a `message` with the id of the log line.
    """
    incident = uuid.uuid4().hex[:12]
    log.error(
        "%s failed inside the engine (id %s)", what, incident, exc_info=error,
        extra={"event": "internal_failure", "what": what, "incident": incident},
    )  # fmt: skip
    return {"errorType": INTERNAL_FAILURE, "message": f"an internal failure occurred; its id in the log is {incident}"}
