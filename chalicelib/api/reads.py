"""What the fields that only read answer. Every read is bound to the owner: another owner's job is not found."""

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from chalicelib.api.calls import GetInference, InferenceEvents, ListInferences
from chalicelib.api.payloads.answers import carried_size, render_job
from chalicelib.jobs.errors import InvalidRequest, JobNotFound
from chalicelib.jobs.model import Job, JobId, Json, Owner
from chalicelib.ledger import InvalidToken, Ledger
from chalicelib.objects import Objects

MAX_OUTPUT: Final = 1_000_000  # bytes of UTF-8 that getInference answers as `output`
MAX_ANSWER: Final = 3_000_000  # bytes of JSON in one answer: Lambda returns at most 6 MB, AppSync takes at most 5 MB
READ_AHEAD: Final = 1_000  # records read at once while joining a job's output
PAGE_READ: Final = 200  # records read at once for a page of the log; each may have 100 KB of output


class Reads(Struct, frozen=True):
    """Answers the fields that only read."""

    ledger: Ledger
    objects: Objects

    def get(self, call: GetInference, owner: Owner) -> Json:
        """The job as it is now, or None if the caller has no such job."""
        head = self.ledger.head(call.job_id)
        if head is None or head.owner != owner or head.deleted_at is not None:
            return None
        rendered = render_job(head)
        if call.with_output:
            rendered["output"] = joined_output(self.ledger, head)
            if carried_size(rendered) > MAX_ANSWER:  # control characters take six bytes as JSON
                rendered["output"] = None
            rendered["outputOmitted"] = rendered["output"] is None
        if call.with_url and head.stored_result is not None:
            rendered["resultUrl"] = self.objects.result_url(owner, head.job_id, head.attempt)
        return rendered

    def list(self, call: ListInferences, owner: Owner) -> Json:
        """A page of the caller's jobs. It has fewer than `limit` jobs where these would exceed `MAX_ANSWER`."""
        try:
            page = self.ledger.list(owner, status=call.status, limit=call.limit, next_token=call.next_token)
        except InvalidToken:
            raise InvalidRequest("nextToken is not one that this field returned; leave it out to start again") from None
        items = fitting(map(render_job, page.jobs))
        if len(items) < len(page.jobs):
            # The token of a shorter page is the ledger's to make.
            return self.list(replace(call, limit=len(items)), owner)
        return {"items": items, "nextToken": page.next_token}

    def events(self, call: InferenceEvents, owner: Owner) -> Json:
        """The log after a sequence. A page ends where its records would exceed `MAX_ANSWER`, never before the first.

        Raises:
            JobNotFound: The caller has no such job.
        """
        events = fitting(self._rendered_log(call, owner))
        if not events:
            owned(self.ledger, call.job_id, owner)
        return [*events]

    def _rendered_log(self, call: InferenceEvents, owner: Owner) -> Iterator[dict[str, Json]]:
        after, left = call.after, call.limit
        while left > 0:
            wanted = min(left, PAGE_READ)
            records = self.ledger.read(call.job_id, after=after, limit=wanted)
            for record in records:
                if record.owner != owner or record.deleted_at is not None:
                    raise JobNotFound(call.job_id)
                yield render_job(record)
            if len(records) < wanted:
                return
            after, left = records[-1].sequence, left - wanted


def owned(ledger: Ledger, job_id: JobId, owner: Owner) -> Job:
    """The newest record of an owner's job.

    Raises:
        JobNotFound: The owner has no such job.
    """
    head = ledger.head(job_id)
    if head is None or head.owner != owner or head.deleted_at is not None:
        raise JobNotFound(job_id)
    return head


def joined_output(ledger: Ledger, head: Job) -> str | None:
    """All output up to `head`, or None if it has more than `MAX_OUTPUT` bytes."""
    if head.output_size > MAX_OUTPUT:
        return None
    if head.output_size == 0:
        return ""
    output = bytearray()
    after = attempt = 0
    while after < head.sequence:
        records = ledger.read(head.job_id, after=after, limit=READ_AHEAD)
        if not records:
            break
        for record in records:
            if record.sequence > head.sequence:
                break
            if record.attempt != attempt:
                attempt = record.attempt
                del output[record.output_kept or 0 :]
            output += (record.delta or "").encode()
        after = records[-1].sequence
    return output.decode()


def fitting(rendered: Iterable[dict[str, Json]]) -> list[Json]:
    """The first of these that one answer may have: always one, and no more than `MAX_ANSWER` bytes."""
    fit: list[Json] = []
    size = 0
    for each in rendered:
        size += carried_size(each)
        if fit and size > MAX_ANSWER:
            break
        fit.append(each)
    return fit
