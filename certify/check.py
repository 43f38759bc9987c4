"""Compares plan, log and observations, and reports violations. Pure."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice, pairwise
from typing import Final

from certify.observation import Iteration, Observation, ShownEvent, digest_of, sha256
from certify.plan import JobPlan
from chalicelib.jobs.errors import ErrorType
from chalicelib.jobs.model import Job, Status
from chalicelib.workloads.simulated import Scene, text


class Violation(StrEnum):
    """What must never happen."""

    JOBS_LOST = "jobs_lost"  # a start was answered, and the log lacks the job or has another one
    JOBS_STUCK = "jobs_stuck"  # no final status within a bounded time after the last fault
    JOBS_ENDED_TWICE = "jobs_ended_twice"  # two ends, in the log or in answers to callers
    EVENTS_MISSING = "events_missing"  # the log has a gap, or a client did not show an event of the log
    EVENTS_OUT_OF_ORDER = "events_out_of_order"  # in the log, or as a client showed them
    BYTES_DIFFERENT = "bytes_different"  # shown, logged and produced text differ
    FOREIGN_EVENTS = "foreign_events"  # a user saw the job of another user
    QUOTA_DRIFT = "quota_drift"  # an owner may have more or fewer unfinished jobs than the quota says


@dataclass(frozen=True, slots=True)
class Finding:
    """One violation; `subject` is a job's or an owner's id."""

    violation: Violation
    subject: str
    detail: str


KILL_ERRORS: Final = frozenset(  # how any job may fail while processes are killed
    {ErrorType.CRASHED, ErrorType.STALLED, ErrorType.NEVER_STARTED, ErrorType.THROTTLED, ErrorType.TIMED_OUT}
)
Ends = AbstractSet[tuple[Status, ErrorType | None]]
_FAILED_BY_KILL: Final[Ends] = frozenset((Status.FAILED, error) for error in KILL_ERRORS)
_COMPLETED_OR_KILLED: Final[Ends] = _FAILED_BY_KILL | {(Status.COMPLETED, None)}
ALLOWED_ENDS: Final[Mapping[Scene, Ends]] = {
    Scene.STORY: _COMPLETED_OR_KILLED,
    Scene.CRASH_ONCE: _COMPLETED_OR_KILLED,
    Scene.SILENCE: _COMPLETED_OR_KILLED,
    Scene.SLOW_START: _COMPLETED_OR_KILLED,
    Scene.DEAF: _COMPLETED_OR_KILLED,
    Scene.ERROR: _FAILED_BY_KILL | {(Status.FAILED, ErrorType.WORKLOAD_FAILED)},
    Scene.CRASH: _FAILED_BY_KILL,
}


def check_job(plan: JobPlan, owner: str, log: Sequence[Job], observation: Observation | None) -> list[Finding]:
    """Compare one job's whole log, and what its client saw, with the plan.

    Args:
        plan: The job as planned.
        owner: The `sub` of the plan's owner.
        log: All entries, in the ledger's order.
        observation: What the client saw; None if it wrote nothing.
    """
    if not log:
        return _without_log(plan, observation)
    found = [
        *_as_planned(plan, owner, log),
        *_log_in_order(plan, log),
        *_one_end(plan, log, observation),
        *_produced(plan, log),
    ]
    if observation is None:
        return [*found, Finding(Violation.EVENTS_MISSING, plan.job_id, "its client wrote nothing about it")]
    for iteration in observation.iterations:
        found += _as_shown(plan, log, iteration)
    if not any(iteration.is_final for iteration in observation.iterations):
        found.append(Finding(Violation.EVENTS_MISSING, plan.job_id, "no client saw its end"))
    if observation.overheard:
        found.append(
            Finding(Violation.FOREIGN_EVENTS, plan.job_id, f"another owner saw {observation.overheard} events")
        )
    return found


def check_owner(owner: str, listed: Mapping[str, Status], ended: Mapping[str, Status]) -> list[Finding]:
    """Compare an owner's list with the final statuses of the owner's jobs, by job id."""
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


def shown_event(entry: Job) -> ShownEvent:
    """A log entry as a client must show it."""
    return ShownEvent(
        sequence=entry.sequence, attempt=entry.attempt, status=entry.status.value, progress=entry.progress,
        message=entry.message or "", delta=entry.delta or "", result=entry.result or "", error=entry.error or "",
        error_type=entry.error_type.value if entry.error_type else "",
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
    return output.decode()


def _without_log(plan: JobPlan, observation: Observation | None) -> list[Finding]:
    if observation is not None and (
        observation.answered or any(iteration.shown for iteration in observation.iterations)
    ):
        return [Finding(Violation.JOBS_LOST, plan.job_id, "its start was answered, and it has no log")]
    return [Finding(Violation.JOBS_STUCK, plan.job_id, "it could never be started")]


def _as_planned(plan: JobPlan, owner: str, log: Sequence[Job]) -> list[Finding]:
    found = []
    request = log[0].request
    asked = (plan.model, plan.prompt, plan.words, plan.process_time)
    if request is None or (request.model, request.prompt, request.max_tokens, request.process_time) != asked:
        found.append(Finding(Violation.JOBS_LOST, plan.job_id, "its log has other input than was sent"))
    if any(entry.owner != owner for entry in log):
        found.append(Finding(Violation.FOREIGN_EVENTS, plan.job_id, "its log has entries of another owner"))
    end, error = log[-1].status, log[-1].error_type
    may_be_cancelled = end is Status.CANCELLED and plan.cancel_from is not None
    if end.is_terminal and not may_be_cancelled and (end, error) not in ALLOWED_ENDS[plan.scene]:
        detail = f"it ended as {end} {error or ''}, which is impossible for a {plan.scene}"
        found.append(Finding(Violation.JOBS_LOST, plan.job_id, detail))
    return found


def _log_in_order(plan: JobPlan, log: Sequence[Job]) -> list[Finding]:
    found = []
    sequences = [entry.sequence for entry in log]
    if set(sequences) != set(range(1, max(sequences) + 1)):
        found.append(Finding(Violation.EVENTS_MISSING, plan.job_id, f"its log has a gap: {sequences}"))
    rising = all(earlier < later for earlier, later in pairwise(sequences))
    attempts = [entry.attempt for entry in log]
    if not rising or attempts != sorted(attempts):
        detail = f"its log is out of order: sequences {sequences}, attempts {attempts}"
        found.append(Finding(Violation.EVENTS_OUT_OF_ORDER, plan.job_id, detail))
    return found


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
    produced = "".join(islice(text(plan.model, plan.prompt), plan.words))
    found = []
    for attempt in sorted({entry.attempt for entry in log}):
        output = output_of(log, attempt)
        if not produced.startswith(output):
            detail = f"attempt {attempt} logged {len(output)} characters that its workload does not produce"
            found.append(Finding(Violation.BYTES_DIFFERENT, plan.job_id, detail))
    last = log[-1]
    if last.status is Status.COMPLETED and not (last.result == produced == output_of(log, last.attempt)):
        detail = f"it completed with {len(last.result or '')} characters of {len(produced)}, or other ones"
        found.append(Finding(Violation.BYTES_DIFFERENT, plan.job_id, detail))
    return found


def _as_shown(plan: JobPlan, log: Sequence[Job], iteration: Iteration) -> list[Finding]:
    """Compare one iteration of a client with the log up to the last shown event: order and every byte."""
    shown = iteration.shown
    if not shown:
        return []
    found = []
    if any(later <= earlier for earlier, later in pairwise(shown)):
        found.append(Finding(Violation.EVENTS_OUT_OF_ORDER, plan.job_id, f"a client showed {shown}"))
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
    if iteration.digest != digest_of(shown_event(entry) for entry in expected):
        found.append(Finding(Violation.BYTES_DIFFERENT, plan.job_id, "what a client showed is not what was logged"))
    if iteration.output != sha256(output_of(expected, expected[-1].attempt)):
        detail = "a client's output is not what the newest attempt logged"
        found.append(Finding(Violation.BYTES_DIFFERENT, plan.job_id, detail))
    return found
