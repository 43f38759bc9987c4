"""Erases the reports of the dead-letter queue whose jobs do not exist any more, because a report contains a prompt."""

import json
import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from chalicelib.jobs.dispatch import parse_dispatch
from chalicelib.jobs.model import JobId
from chalicelib.ledger import Ledger, UnreadableRecord

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

log = logging.getLogger(__name__)

AT_ONCE: Final = 10  # messages of one request; the most that SQS returns
REQUESTS: Final = 20  # that one sweep makes at most
# Seconds for which a message that was read is hidden. Shorter than the time between two sweeps, so that each sweep sees
# all messages, and the alarm on their number too.
HIDDEN: Final = 20


class DeadLetters(Struct, frozen=True):
    """The queue of the reports that `job_failed` could not deliver.

    Attributes:
        url: Of the queue.
        client: Of Amazon SQS.
    """

    url: str
    client: "SQSClient"

    def erase_orphans(self, ledger: Ledger, *, until: float) -> int:
        """Delete every report whose job was deleted by its owner or has expired.

        An error is logged, and the remaining reports wait for the next sweep.

        Args:
            ledger: The job log.
            until: When to stop, on the clock of `time.monotonic`.

        Returns:
            The number of reports that were deleted.
        """
        erased = 0
        try:
            for _ in range(REQUESTS):
                if time.monotonic() >= until:
                    break
                messages = self._receive()
                if not messages:
                    break
                for message in messages:
                    if _is_orphan(message, ledger):
                        self.client.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
                        erased += 1
        except Exception:
            log.exception(
                "dead letters of deleted jobs were not erased because of an error; the next sweep tries again",
                extra={"event": "dead_letters_failed"},
            )
        if erased:
            log.info("dead letters erased", extra={"event": "dead_letters_erased", "erased": erased})
        return erased

    def _receive(self) -> "Sequence[MessageTypeDef]":
        answer = self.client.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=AT_ONCE, VisibilityTimeout=HIDDEN, WaitTimeSeconds=0
        )
        return answer.get("Messages", [])


def _is_orphan(message: "MessageTypeDef", ledger: Ledger) -> bool:
    """Whether the report's job does not exist any more. A report that cannot be read is kept for an operator."""
    job_id = _job_of(message)
    if job_id is None:
        return False
    try:
        head = ledger.head(job_id)
    except UnreadableRecord:
        return False
    return head is None or head.deleted_at is not None


def _job_of(message: "MessageTypeDef") -> JobId | None:
    """The job of a report, or None if it has another form.

    Lambda's record of the failed `job_failed` contains the record that `job_failed` received, and that contains the
    event of the worker.
    """
    try:
        report: Any = json.loads(message["Body"])
        return parse_dispatch(report["requestPayload"]["requestPayload"]).job_id
    except (KeyError, TypeError, ValueError, AttributeError):
        log.warning("a dead letter has an unknown form and is kept", extra={"event": "dead_letter_unreadable"})
        return None
