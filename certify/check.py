"""Compares plan, log and observations of one job, and reports violations. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Final

from certify.counts import Finding, Violation
from certify.observation import Iteration, Observation, ShownEvent, digest_of, sha256
from certify.plan import Form, JobPlan, Origin
from certify.planting import request_of
from chalicelib.jobs.errors import ErrorType
from chalicelib.jobs.model import Job, Status
from chalicelib.workloads.simulated import Scene, text

MISHAPS: Final = frozenset(  # how any job may fail while processes are killed; `failures` bounds how often
    {
        ErrorType.CRASHED,
        ErrorType.STALLED,
        ErrorType.NEVER_STARTED,
        ErrorType.THROTTLED,
        ErrorType.TIMED_OUT,
        ErrorType.DEADLINE_EXCEEDED,
    }
)
Ends = AbstractSet[tuple[Status, ErrorType | None]]
_MISHAP: Final[Ends] = frozenset((Status.FAILED, error) for error in MISHAPS)
_COMPLETED: Final[Ends] = _MISHAP | {(Status.COMPLETED, None)}
ALLOWED_ENDS: Final[Mapping[Scene, Ends]] = {
    Scene.STORY: _COMPLETED,
    Scene.CRASH_ONCE: _COMPLETED,
    Scene.SILENCE: _COMPLETED,
    Scene.SLOW_START: _COMPLETED,
    Scene.DEAF: _COMPLETED,
    Scene.ERROR: _MISHAP | {(Status.FAILED, ErrorType.WORKLOAD_FAILED)},
    Scene.CRASH: _MISHAP,
}
LEASE: Final = 10.0  # seconds; the campaigns run with LONGCALL_LEASE_SECONDS of this value


def check_job(plan: JobPlan, owner: str, log: Sequence[Job], observation: Observation | None) -> list[Finding]:
    """Compare one job's whole log, and what its clients saw, with the plan.

    Args:
        plan: The job as planned.
        owner: The `sub` of the plan's owner.
        log: All entries, in the ledger's order. Of a job that was deleted or has expired, the log is not compared.
        observation: What the clients saw; None if they wrote nothing.
    """
    if observation is None:
        found = [Finding(Violation.EVENTS_MISSING, plan.job_id, "its client wrote nothing about it")]
        return found if not log else [*_checked_log(plan, owner, log, None), *found]
    is_gone = observation.deleted or plan.origin is Origin.EXPIRING
    if not log and not is_gone:
        return [*_without_log(plan, observation), *check_others(plan, observation)]
    found = [] if is_gone else _checked_log(plan, owner, log, observation)
    for iteration in observation.iterations:
        found += _shown_alone(plan, iteration) if is_gone else _as_shown(plan, log, iteration)
    if not observation.is_shown_to_its_end:
        found.append(Finding(Violation.EVENTS_MISSING, plan.job_id, "a watcher did not see its end"))
    return [*found, *check_others(plan, observation)]


def check_others(plan: JobPlan, observation: Observation) -> Iterator[Finding]:
    """Check what others than the job's owner were answered and pushed, and starts with other input."""
    if observation.overheard:
        detail = f"another owner was pushed {observation.overheard} events"
        yield Finding(Violation.FOREIGN_EVENTS, plan.job_id, detail)
    for field, count in observation.read.items():
        yield Finding(Violation.FOREIGN_READS, plan.job_id, f"{field} answered another owner {count} times")
    if observation.other_answered:
        yield Finding(Violation.JOBS_LOST, plan.job_id, "a start with other input was answered for its id")


def check_owner(owner: str, listed: Mapping[str, Status], ended: Mapping[str, Status]) -> list[Finding]:
    """Compare an owner's list with the final statuses of the owner's jobs that were not deleted, by job id."""
    found = [
        Finding(Violation.JOBS_LOST, job_id, f"its owner's list shows {listed.get(job_id)} and its log {status}")
        for job_id, status in ended.items()
        if listed.get(job_id) is not status
    ]
    foreign = [
        Finding(Violation.FOREIGN_EVENTS, job_id, f"the list of {owner} shows a job that is not this owner's")
        for job_id in listed.keys() - ended.keys()
    ]
    return found + foreign


@dataclass(frozen=True, slots=True)
class QuotaProbe:
    """One owner without unfinished jobs started more jobs at once than the quota allows.

    Attributes:
        started: The jobs that were accepted.
        admitted: The owner's set of unfinished jobs while they ran.
        left: The same set after they were cancelled.
        tried: Number of starts.
    """

    owner: str
    quota: int
    tried: int
    started: frozenset[str]
    admitted: frozenset[str]
    left: frozenset[str]


def check_quota(probe: QuotaProbe) -> list[Finding]:
    """Compare one owner's probe with the quota."""
    found = []
    if len(probe.started) != probe.quota:
        found.append(f"{probe.tried} starts at once, and {len(probe.started)} were accepted instead of {probe.quota}")
    if probe.admitted != probe.started:
        found.append(f"{len(probe.started)} unfinished jobs, and {len(probe.admitted)} in the set of them")
    if probe.left:
        found.append(f"no unfinished job, and {len(probe.left)} in the set of them")
    return [Finding(Violation.QUOTA_DRIFT, probe.owner, detail) for detail in found]


def produced_by(plan: JobPlan) -> str:
    """Everything that the workload produces for the job."""
    return "".join(islice(text(plan.model, plan.prompt), plan.words))


def shown_event(entry: Job, stored_result: str = "") -> ShownEvent:
    """A log entry as a client must show it. `stored_result` is the result if it is not in the log."""
    return ShownEvent(
        sequence=entry.sequence, attempt=entry.attempt, status=entry.status.value, progress=entry.progress,
        message=entry.message or "", delta=entry.delta or "", output_kept=entry.output_kept or 0,
        result=stored_result if entry.stored_result else entry.result or "", error=entry.error or "",
        error_type=entry.error_type.value if entry.error_type else "", usage=entry.usage, cost=entry.cost,
        metadata=entry.metadata,
    )  # fmt: skip


def output_of(log: Sequence[Job], attempt: int) -> str:
    """All output at the end of an attempt: the kept output of earlier attempts, then its own."""
    output, current = b"", 0
    for entry in log:
        if entry.attempt > attempt:
            break
        if entry.attempt != current:
            output, current = output[: entry.output_kept or 0], entry.attempt
        output += (entry.delta or "").encode()
    return output.decode(errors="replace")


def _checked_log(plan: JobPlan, owner: str, log: Sequence[Job], observation: Observation | None) -> list[Finding]:
    return [
        *_as_planned(plan, owner, log),
        *_log_in_order(plan, log),
        *_taken_over(plan, log),
        *_one_end(plan, log, observation),
        *_produced(plan, log),
    ]


def _without_log(plan: JobPlan, observation: Observation) -> list[Finding]:
    if observation.answered or any(iteration.shown for iteration in observation.iterations):
        return [Finding(Violation.JOBS_LOST, plan.job_id, "its start was answered, and it has no log")]
    return [Finding(Violation.JOBS_STUCK, plan.job_id, "it could never be started")]


def _as_planned(plan: JobPlan, owner: str, log: Sequence[Job]) -> list[Finding]:
    found = []
    request, asked = log[0].request, request_of(plan)
    is_same = request is not None and (
        (request.model, request.max_tokens, request.process_time, request.messages)
        == (asked.model, asked.max_tokens, asked.process_time, asked.messages)
        and (request.prompt_upload is not None if plan.form is Form.UPLOAD else request.prompt == asked.prompt)
    )
    if not is_same:
        found.append(Finding(Violation.JOBS_LOST, plan.job_id, "its log has other input than was sent"))
    if any(entry.owner != owner or entry.job_id != plan.job_id for entry in log):
        found.append(Finding(Violation.FOREIGN_EVENTS, plan.job_id, "its log has entries of another owner or job"))
    end, error = log[-1].status, log[-1].error_type
    may_be_cancelled = end is Status.CANCELLED and plan.cancel_from is not None
    allowed = {(Status.FAILED, ErrorType.STALLED)} if plan.origin is Origin.ORPHANED else ALLOWED_ENDS[plan.scene]
    if end.is_terminal and not may_be_cancelled and (end, error) not in allowed:
        detail = f"it ended as {end} {error or ''}, which is impossible for a {plan.scene} ({plan.origin})"
        found.append(Finding(Violation.JOBS_LOST, plan.job_id, detail))
    return found


def _log_in_order(plan: JobPlan, log: Sequence[Job]) -> list[Finding]:
    found = []
    sequences = [entry.sequence for entry in log]
    if set(sequences) != set(range(1, max(sequences) + 1)):
        found.append(Finding(Violation.EVENTS_MISSING, plan.job_id, f"its log has a gap: {sequences}"))
    rising = all(earlier < later for earlier, later in pairwise(sequences))
    attempts = [entry.attempt for entry in log]
    if not rising or any(later - earlier not in (0, 1) for earlier, later in pairwise(attempts)):
        detail = f"its log is out of order: sequences {sequences}, attempts {attempts}"
        found.append(Finding(Violation.EVENTS_OUT_OF_ORDER, plan.job_id, detail))
    return found


def _taken_over(plan: JobPlan, log: Sequence[Job]) -> Iterator[Finding]:
    """Check each claim: the lease before it, and the checkpoint from which it continues."""
    size, newest = 0, None
    for before, entry in pairwise(log):
        if entry.attempt > before.attempt:
            idle = (entry.updated_at - before.updated_at).total_seconds()
            is_same = entry.request_id == before.request_id
            if before.attempt > 0 and before.wait is None and not is_same and idle < LEASE:
                detail = f"attempt {entry.attempt} began {idle:.1f} s after attempt {before.attempt} had reported"
                yield Finding(Violation.LEASES_BROKEN, plan.job_id, detail)
            if entry.output_kept != newest:
                detail = f"attempt {entry.attempt} keeps {entry.output_kept} bytes, and the newest checkpoint {newest}"
                yield Finding(Violation.BYTES_DIFFERENT, plan.job_id, detail)
            size = newest or 0
        size += len((entry.delta or "").encode())
        if entry.checkpoint is not None:
            newest = size


def _one_end(plan: JobPlan, log: Sequence[Job], observation: Observation | None) -> list[Finding]:
    found = []
    ends = [entry for entry in log if entry.status.is_terminal]
    answered = set(observation.ends) if observation else set()
    if len(ends) > 1:
        detail = f"its log has {len(ends)} ends: {', '.join(entry.status for entry in ends)}"
        found.append(Finding(Violation.JOBS_ENDED_TWICE, plan.job_id, detail))
    if not ends:
        detail = f"it stays {log[-1].status} at entry {log[-1].sequence}"
        found.append(Finding(Violation.JOBS_STUCK, plan.job_id, detail))
    elif answered - {ends[-1].status.value}:
        detail = f"callers were answered {', '.join(sorted(answered))}, and its log says {ends[-1].status}"
        found.append(Finding(Violation.JOBS_ENDED_TWICE, plan.job_id, detail))
    if ends and ends[0] is not log[-1] and len(ends) == 1:
        found.append(Finding(Violation.JOBS_ENDED_TWICE, plan.job_id, "its log continues after its end"))
    return found


def _produced(plan: JobPlan, log: Sequence[Job]) -> list[Finding]:
    """Compare the log with what the workload produces for the same request."""
    produced = produced_by(plan)
    found = []
    for attempt in sorted({entry.attempt for entry in log}):
        output = output_of(log, attempt)
        if not produced.startswith(output):
            detail = f"attempt {attempt} logged {len(output)} characters that its workload does not produce"
            found.append(Finding(Violation.BYTES_DIFFERENT, plan.job_id, detail))
    last = log[-1]
    if last.status is not Status.COMPLETED:
        return found
    stored = last.stored_result
    is_whole = last.result == produced if stored is None else stored.sha256 == sha256(produced)
    if not is_whole or output_of(log, last.attempt) != produced:
        detail = f"it completed with {len(last.result or '')} characters of {len(produced)}, or other ones"
        found.append(Finding(Violation.BYTES_DIFFERENT, plan.job_id, detail))
    return found


def _as_shown(plan: JobPlan, log: Sequence[Job], iteration: Iteration) -> list[Finding]:
    """Compare one iteration of a client with the log up to the last shown event: order and every byte."""
    shown = iteration.shown
    if not shown:
        return []
    found = _in_order(plan, iteration)
    until = log[-1].sequence if iteration.is_final else max(shown)
    expected = [entry for entry in log if entry.sequence <= until]
    missing = {entry.sequence for entry in expected} - set(shown)
    if missing:
        detail = f"a client did not show {sorted(missing)} of {until}"
        found.append(Finding(Violation.EVENTS_MISSING, plan.job_id, detail))
    unknown = set(shown) - {entry.sequence for entry in expected}
    if unknown:
        detail = f"a client showed {sorted(unknown)}, which its log does not have"
        found.append(Finding(Violation.BYTES_DIFFERENT, plan.job_id, detail))
    if found:
        return found
    stored_result = produced_by(plan) if log[-1].stored_result else ""
    if iteration.digest != digest_of(shown_event(entry, stored_result) for entry in expected):
        found.append(Finding(Violation.BYTES_DIFFERENT, plan.job_id, "what a client showed is not what was logged"))
    if iteration.output not in ("", sha256(output_of(expected, expected[-1].attempt))):
        detail = "a client's output is not what the newest attempt logged"
        found.append(Finding(Violation.BYTES_DIFFERENT, plan.job_id, detail))
    return found


def _shown_alone(plan: JobPlan, iteration: Iteration) -> list[Finding]:
    """Check one iteration of a job whose log is gone: order and gaps."""
    found = _in_order(plan, iteration)
    if set(iteration.shown) != set(range(1, max(iteration.shown, default=0) + 1)):
        detail = f"a client showed {iteration.shown}, which has a gap"
        found.append(Finding(Violation.EVENTS_MISSING, plan.job_id, detail))
    return found


def _in_order(plan: JobPlan, iteration: Iteration) -> list[Finding]:
    shown = iteration.shown
    if all(later > earlier for earlier, later in pairwise(shown)):
        return []
    return [Finding(Violation.EVENTS_OUT_OF_ORDER, plan.job_id, f"a client showed {shown}")]
