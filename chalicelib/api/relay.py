"""What each GraphQL field does with the ledger for its caller. This is the only writer of the log.

Reads and cancels are bound to the owner: the job of another owner is not found. Updates are for the backend only. The
schema requires that with `@aws_iam`, and this module checks it again.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from chalicelib.api.admission import admit
from chalicelib.api.boundary import contained
from chalicelib.api.calls import (
    Backend,
    Call,
    Caller,
    CancelInference,
    CreateUpload,
    DeleteInference,
    DispatchInference,
    GetInference,
    InferenceEvents,
    ListInferences,
    ListModels,
    QuoteInference,
    Reporting,
    StartInference,
    UpdateStatus,
)
from chalicelib.api.charging import charge
from chalicelib.api.offering import offered
from chalicelib.api.payloads.answers import RelayAnswer, render_push, render_upload
from chalicelib.api.payloads.calls import parse_call, parse_identity
from chalicelib.api.reads import Reads, joined_output, owned
from chalicelib.api.unused_results import unused_result
from chalicelib.billing.prices import price_of
from chalicelib.jobs import rules
from chalicelib.jobs.dispatch import Dispatch, Payload, render_dispatch
from chalicelib.jobs.errors import InvalidRequest, JobError, JobNotFound, Unauthorized
from chalicelib.jobs.limits import MAX_RESULT, MAX_UPLOAD, MAX_UPLOADS
from chalicelib.jobs.model import (
    Claim,
    DispatchNext,
    InferenceRequest,
    Job,
    JobId,
    Json,
    Owner,
    Redispatch,
    Status,
    StatusUpdate,
    UploadId,
    WorkerUpdate,
)
from chalicelib.jobs.rules import Append, Decision, Lease, Unchanged
from chalicelib.ledger import Clock, Ledger, utc_now
from chalicelib.objects import NoObjects, Objects
from chalicelib.publisher.policies import FlushPolicy, Interval
from chalicelib.workloads import registry

NEWER: Final = 1_000  # records read at once that are newer than what a worker reports


class Relay(Struct, frozen=True):
    """Answers the fields. `quota` is the most unfinished jobs one owner may have, `models` what they may run on."""

    ledger: Ledger
    retention: timedelta
    quota: int
    lease: Lease
    models: tuple[str, ...] = ("*",)
    clock: Clock = utc_now
    flush_policy: FlushPolicy = Interval()  # a frozen value
    objects: Objects = field(default_factory=NoObjects)
    reporting: Reporting = Reporting.SIGNATURE
    reporters: tuple[str, ...] = ()  # see `parse_identity`

    @property
    def reads(self) -> Reads:
        """The fields that only read."""
        return Reads(self.ledger, self.objects)

    def answer(self, payload: Payload) -> RelayAnswer:
        """Do what a resolver asks for. An error is an answer too, so that it keeps its type and its message."""
        return contained(payload, lambda: self._answer(payload))

    def _answer(self, payload: Payload) -> Json:
        identity = parse_identity(payload.get("identity"), self.reporting, self.reporters)
        return self._perform(parse_call(payload), identity, payload["field"])

    def _perform(self, call: Call, identity: Caller | Backend | None, field: str) -> Json:
        match call, identity:
            case UpdateStatus(update), Backend():
                return self.update(update)
            case DispatchInference(request), Backend():
                return self.dispatch(request)
            case StartInference(), Caller(owner):
                return self.start(call, owner)
            case CreateUpload(), Caller(owner):
                return self.open_upload(call, owner)
            case ListModels(), Caller():
                return offered(self.models)
            case QuoteInference(), Caller():
                return self.quote(call)
            case GetInference(), Caller(owner):
                return self.reads.get(call, owner)
            case ListInferences(), Caller(owner):
                return self.reads.list(call, owner)
            case InferenceEvents(), Caller(owner):
                return self.reads.events(call, owner)
            case CancelInference(job_id), Caller(owner):
                return self.cancel(job_id, owner)
            case DeleteInference(job_id), Caller(owner):
                return self.delete(job_id, owner)
            case _:
                raise Unauthorized(field)

    def start(self, call: StartInference, owner: Owner) -> Json:
        """Open the job's log, or find the log of the same start.

        Returns:
            `job`, and `dispatch`: the event for a worker, or None if a worker has the job already.

        Raises:
            InvalidRequest: The model is unknown or does not take an option, or an upload is missing.
            JobIdTaken: The id belongs to a job with other input, or to another owner's job.
            QuotaExceeded: The owner has too many unfinished jobs.
        """
        registry.check(call.request, allowed=self.models)
        if call.request.max_cost is not None and price_of(call.request.model) is None:
            raise InvalidRequest(
                f"maxCost needs a price, and that of {call.request.model[:80]} is not known here; "
                "leave maxCost out and limit the answer by maxTokens, or use a model with a price"
            )
        opened = rules.open_job(
            call.job_id, owner, call.request, call.metadata, now=self.clock(), retention=self.retention
        )
        job = self._started(charge(opened, None))
        # The first start may have died before it dispatched a PENDING job, so the job is dispatched again. If it has a
        # worker, the claim of the second one is refused.
        pending = job.status is Status.PENDING
        dispatch = render_dispatch(Dispatch(call.job_id, call.request, owner)) if pending else None
        return {"job": render_push(job), "dispatch": dispatch}

    def quote(self, call: QuoteInference) -> Json:
        """What a job would cost.

        Raises:
            InvalidRequest: The model is unknown or does not take an option.
        """
        from chalicelib.api.quoting import (
            quote,  # only here: what it takes to gather output is not loaded for other calls
        )

        request = InferenceRequest("", call.model, max_tokens=call.max_tokens, process_time=call.process_time)
        registry.check(request, allowed=self.models)
        return quote(call, self.flush_policy).render()

    def dispatch(self, request: Redispatch | DispatchNext) -> Json:
        """Dispatch a job that waits for a worker. The answer is like that of `start`.

        Raises:
            JobNotFound: There is no such job.
        """
        match request:
            case Redispatch():
                job, waits = self._commit(
                    lambda: rules.redispatch(self._existing(request.job_id), request, now=self.clock())
                )
            case DispatchNext():
                # It may be repeated: of two workers, one claim is granted.
                job = self._existing(request.job_id)
                waits = rules.awaits_next_worker(job, request)
        first = self.ledger.read(request.job_id, after=0, limit=1) if waits else []
        asked = first[0].request if first else None
        dispatch = None if asked is None else render_dispatch(Dispatch(job.job_id, asked, job.owner, job.attempt))
        return {"job": render_push(job), "dispatch": dispatch}

    def open_upload(self, call: CreateUpload, owner: Owner) -> Json:
        """Where the caller may send content that is too large for a request.

        Raises:
            NoBucket: The stage has no bucket.
        """
        upload = self.objects.open_upload(owner, size=call.size, sha256=call.sha256, now=self.clock())
        return render_upload(upload)

    def cancel(self, job_id: JobId, owner: Owner) -> Json:
        """End the caller's job. The answer is the job as it ended, also if it had ended before.

        Raises:
            JobNotFound: The caller has no such job.
        """
        job, _ = self._commit(lambda: rules.cancel(owned(self.ledger, job_id, owner), now=self.clock()))
        return render_push(job)

    def delete(self, job_id: JobId, owner: Owner) -> Json:
        """Delete everything about the caller's job, in the log and in the bucket. Returns its id.

        A repeated call finishes what a crash left unfinished.

        Raises:
            JobNotFound: The caller has no such job.
            JobUnfinished: The job has not ended.
        """
        head = self._existing(job_id)
        if head.owner != owner:
            raise JobNotFound(job_id)
        uploads: tuple[UploadId, ...] = ()
        if head.deleted_at is None:
            head = rules.tombstone(head, now=self.clock())
            # The log says which uploads were the job's, so they are deleted before its records.
            first = self.ledger.read(job_id, after=0, limit=1)
            if first and first[0].request is not None:
                uploads = first[0].request.uploads
            self.objects.delete(owner, job_id, uploads)
        self.ledger.erase(head)
        # Again: a worker may have stored a result meanwhile. A worker that reports later reads the tombstone.
        self.objects.delete(owner, job_id, ())
        return job_id

    def update(self, update: StatusUpdate) -> dict[str, Json]:
        """Write an update of the backend's. Returns the record that the log has now, as it is pushed.

        A worker may store a result before it learns that its job was cancelled, failed or deleted. Its next update, or
        that of the retry that follows a crash, removes the result.

        Raises:
            JobNotFound: There is no such job.
            InvalidTransition: The status cannot follow the current one.
        """

        def decide() -> Decision:
            head = self._existing(update.job_id)
            newer: list[Job] = []
            if isinstance(update, WorkerUpdate) and update.sequence <= head.sequence:
                newer = self.ledger.read(update.job_id, after=update.sequence - 1, limit=NEWER)
            return self._with_result(rules.decide(head, newer, update, now=self.clock(), lease=self.lease), head)

        job, _ = self._commit(decide, update)
        if job.deleted_at is not None:
            self.objects.delete(job.owner, job.job_id, ())
        elif (attempt := unused_result(update, job)) is not None:
            self.objects.delete_result(job.owner, job.job_id, attempt)
        rendered = render_push(job)
        if isinstance(update, Claim) and job.status is Status.PROCESSING and job.claim_id == update.update_id:
            rendered["claimed"] = True
            rendered["checkpoint"] = self._checkpoint(job)
        return rendered

    def _with_result(self, decision: Decision, head: Job) -> Decision:
        """The decision, with the output as its result if that is short enough to be stored twice."""
        match decision:
            case Append(job) if job.result_is_output and job.output_size <= MAX_RESULT:
                return Append(replace(job, result=(joined_output(self.ledger, head) or "") + (job.delta or "")))
        return decision

    def _checkpoint(self, job: Job) -> str | None:
        if job.checkpoint_sequence is None:
            return None
        (record,) = self.ledger.read(job.job_id, after=job.checkpoint_sequence - 1, limit=1)
        return record.checkpoint

    def _commit(self, decide: Callable[[], Decision], update: StatusUpdate | None = None) -> tuple[Job, bool]:
        """Decide on the newest state, and decide again if another writer appends first.

        Args:
            decide: Reads the log, and decides.
            update: The update, if it is one of the backend.

        Returns:
            The record that answers, and whether this call wrote it.
        """
        while True:
            decision = decide()
            match decision:
                case Unchanged(job):
                    return job, False
                case Append(decided):
                    job = charge(decided, update)
                    if self.ledger.append(job):
                        return job, True

    def _started(self, opened: Job) -> Job:
        existing = self.ledger.head(opened.job_id)
        if existing is None:
            admit(self.ledger, opened, quota=self.quota, now=self.clock())
            self._take_inputs(opened)
            if self.ledger.append(opened):
                return opened
            existing = self.ledger.head(opened.job_id)
            assert existing is not None, "a record that exists already is there to be read"  # noqa: S101
        if existing.fingerprint == opened.fingerprint or existing.deleted_at is not None:
            first = existing
        else:
            (first,) = self.ledger.read(opened.job_id, after=0, limit=1)
        return rules.same_start(existing, first, opened).job

    def _take_inputs(self, opened: Job) -> None:
        """Copy the uploads before the first record is written, so that a worker finds them."""
        uploads = () if opened.request is None else opened.request.uploads
        left = MAX_UPLOADS
        try:
            for upload_id in uploads:
                left -= self.objects.take(opened.owner, opened.job_id, upload_id, most=MAX_UPLOAD)
                if left < 0:
                    raise InvalidRequest(f"uploads may have {MAX_UPLOADS} bytes in all, and have more; send fewer")
        except JobError:
            self.ledger.release(opened.owner, opened.job_id)
            raise

    def _existing(self, job_id: JobId) -> Job:
        head = self.ledger.head(job_id)
        if head is None:
            raise JobNotFound(job_id)
        return head
