"""A job of a small campaign, its log as it should be, and what a client of it should have seen."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice

from msgspec import structs

from certify.check import output_of, shown_event
from certify.observation import Iteration, Observation, digest_of, sha256
from certify.plan import Campaign, JobPlan, Store
from certify.scenarios import Kind, job_plan
from chalicelib.jobs.model import InferenceRequest, Job, JobId, Owner, Status
from chalicelib.workloads.simulated import text

OWNER = "ada"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
CAMPAIGN = Campaign(
    store=Store.SQLITE, seed=1, jobs=40, events=5, lanes=4, owners=1, processes=2, stack_kills=1, worker_kills=2,
    relay_kills=1,
)  # fmt: skip
PLAN: JobPlan = replace(job_plan(replace(CAMPAIGN, kinds=(Kind.PLAIN,)), 0), words=10)


def whole_log(plan: JobPlan = PLAN) -> list[Job]:
    """A log without any trouble: claimed once, two words an entry, completed."""
    words = list(islice(text(plan.model, plan.prompt), plan.words))
    first = Job(
        job_id=JobId(plan.job_id), owner=Owner(OWNER), model=plan.model, created_at=NOW, updated_at=NOW,
        expires_at=NOW + timedelta(days=7),
        request=InferenceRequest(
            plan.prompt, plan.model, max_tokens=plan.words, process_time=plan.process_time
        ),
    )  # fmt: skip
    log = [first, step(first, status=Status.PROCESSING, attempt=1)]
    for number in range(0, plan.words, 2):
        log.append(step(log[-1], delta="".join(words[number : number + 2]), progress=number / plan.words))
    log.append(step(log[-1], status=Status.COMPLETED, result="".join(words), progress=1.0))
    return log


def step(before: Job, **changes: object) -> Job:
    """The next entry."""
    after = structs.replace(before, sequence=before.sequence + 1, delta=None, request=None)
    return structs.replace(after, **changes)


def iteration(log: Sequence[Job]) -> Iteration:
    """An iteration that showed these entries."""
    return Iteration(
        shown=[entry.sequence for entry in log],
        digest=digest_of(shown_event(entry) for entry in log),
        output=sha256(output_of(log, log[-1].attempt)),
        is_final=log[-1].status.is_terminal,
        late_ms=[5 for _ in log],
    )


def observation(log: Sequence[Job], others: Iterable[Iteration] = ()) -> Observation:
    """The observation of a client that showed the whole log."""
    seen = Observation(PLAN.number, PLAN.job_id, answered=1, iterations=[*others, iteration(log)], is_complete=True)
    if log[-1].status.is_terminal:
        seen.ends[log[-1].status.value] += 1
    return seen
