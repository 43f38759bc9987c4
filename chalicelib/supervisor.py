"""What to say of an invocation that Lambda gave up on: the worker itself can say nothing any more.

Source: AWS Lambda Developer Guide, "Capturing records of Lambda asynchronous invocations".
"""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any, Final

from chalicelib.errors import UpdateRefused
from chalicelib.jobs import Change, ErrorType, OperatorUpdate, Status
from chalicelib.payloads import Payload, parse_dispatch
from chalicelib.publisher.appsync import Endpoint
from chalicelib.publisher.delivery import Backoff, deliver

log = logging.getLogger(__name__)

MARGIN: Final = 1.0  # seconds of the invocation in which giving up can still be said
TIMED_OUT: Final = "Task timed out"  # in the message of an invocation that Lambda ended

WORDS: Final = {
    ErrorType.THROTTLED: "no capacity was free for the job before its event became too old; start it again later",
    ErrorType.NEVER_STARTED: "no worker could be started for the job; start it again",
    ErrorType.TIMED_OUT: "the worker ran into the invocation's time-out; give it less to do, or raise the time-out",
    ErrorType.CRASHED: "the worker died and died again when it was retried; its log has the reason",
}


def failure_of(record: Payload) -> OperatorUpdate:
    """The update that ends the job of a failed invocation, unless the job has ended or moved on.

    Args:
        record: What a failure destination receives: `requestContext`, `requestPayload` and, where the function ran,
            `responsePayload`.
    """
    request_id = record["requestContext"]["requestId"]
    error_type = _error_type(record)
    return OperatorUpdate(
        job_id=parse_dispatch(record["requestPayload"]).job_id,
        update_id=f"failed-{request_id}",  # the destination may be invoked twice; the job fails once
        change=Change(Status.FAILED, error=WORDS[error_type], error_type=error_type),
        request_id=request_id,
    )


def _error_type(record: Payload) -> ErrorType:
    tries = record["requestContext"].get("approximateInvokeCount", 0)
    response: Any = record.get("responsePayload")
    if response is None:
        aged = record["requestContext"].get("condition") == "EventAgeExceeded"
        return ErrorType.THROTTLED if aged or tries else ErrorType.NEVER_STARTED
    timed_out = isinstance(response, dict) and TIMED_OUT in str(response.get("errorMessage", ""))
    return ErrorType.TIMED_OUT if timed_out else ErrorType.CRASHED


@dataclass(frozen=True, slots=True)
class Supervisor:
    """Publishes as a worker does, so that watchers hear it."""

    endpoint: Endpoint
    backoff: Backoff

    def report(self, update: OperatorUpdate, *, until: float) -> None:
        """Bring one update to AppSync.

        Args:
            update: What to say.
            until: When to give up, of `time.monotonic`.

        Raises:
            PublishFailed: AppSync could not be reached; the invocation has to be retried.
        """
        try:
            answer = asyncio.run(self._deliver(update, until=until))
        except UpdateRefused as refusal:
            if refusal.error_type != "JobNotFound":
                raise
            log.info("job expired", extra={"event": "job_expired", "job_id": update.job_id})
            return
        log.info(
            "failure reported",
            extra={"event": "failure_reported", "job_id": update.job_id, "status": answer.status.value},
        )

    async def _deliver(self, update: OperatorUpdate, *, until: float) -> Any:
        async with self.endpoint.open() as channel:
            return await deliver(channel, update, until=until, backoff=self.backoff)
