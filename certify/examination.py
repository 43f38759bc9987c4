"""Examines each job of a campaign as soon as its clients are done with it, and the whole ledger at the end."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from certify.bills import check_bill
from certify.check import MISHAPS, check_job, check_others, check_owner
from certify.counts import Finding
from certify.failures import check_failures, is_hit, most_failures
from certify.lateness import MOST_HEARING, Outages, Stop, check_errors, check_heard, check_times
from certify.leftovers import check_records, check_served
from certify.life import Life, life_of
from certify.observation import Observation
from certify.plan import Campaign, JobPlan, Origin
from certify.scenarios import job_plan, job_plans
from chalicelib.jobs.errors import ErrorType
from chalicelib.jobs.model import Job, JobId, Owner, Status
from chalicelib.ledger import Ledger
from chalicelib.workloads.simulated import Scene

WHOLE_LOG: Final = 1_000_000  # entries
PAGE: Final = 1_000  # jobs of a list


@dataclass(slots=True)
class Outcome:
    """The result of a campaign.

    Attributes:
        events: Log entries of all jobs.
        faults: How often each kind happened.
        statuses: Final statuses, with the type of error of failed jobs.
        mishaps: Jobs that failed by a mishap and were not planned to.
        hit: Those of them that failed during or right after an outage.
        most_mishaps: The most that the injected faults explain.
        retries: Errors that clients raised, by type.
        attempts: Claims of all jobs.
        watchers: Watchers that showed at least one event, by the language of their client.
        late_ms: Milliseconds from logging to showing, of all events.
        life: The job whose recorded watcher lost most.
        starts: Duration of each start of the stack, in seconds.
        seconds: Duration of each phase.
        shared_seconds: For how long other programs used much of the machine, so that times counted half.
        stopped: Why the campaign was stopped before its end; empty if it was not.
        last_seen: The last state of jobs that had not ended then.
    """

    campaign: Campaign
    findings: list[Finding] = field(default_factory=list)
    events: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    mishaps: Counter[ErrorType] = field(default_factory=Counter)
    hit: Counter[ErrorType] = field(default_factory=Counter)
    most_mishaps: dict[ErrorType, int] = field(default_factory=dict)
    retries: Counter[str] = field(default_factory=Counter)
    attempts: int = 0
    watchers: Counter[str] = field(default_factory=Counter)
    heals_ms: list[float] = field(default_factory=list)
    late_ms: list[int] = field(default_factory=list)
    life: Life | None = None
    starts: list[float] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    shared_seconds: float = 0.0
    stopped: str = ""
    last_seen: list[str] = field(default_factory=list)


class Examiner:
    """Compares the jobs of one campaign with what was planned, and collects the outcome.

    Args:
        outcome: Where findings and counts are collected.
        ledger: Read directly, not through the API.
        owners: The `sub` of each user.
    """

    def __init__(self, outcome: Outcome, ledger: Ledger, owners: list[str]) -> None:
        self.outcome = outcome
        self._campaign = outcome.campaign
        self._ledger = ledger
        self._owners = owners
        self._ended: defaultdict[str, dict[str, Status]] = defaultdict(dict)  # by owner and job
        self._examined: set[int] = set()
        self._gone: dict[JobPlan, str] = {}  # deleted jobs, with their owners
        self._cancelled: dict[str, tuple[JobPlan, list[Job]]] = {}

    def examine(self, observation: Observation, outages: Outages) -> None:
        """Check one job with what its clients saw. If they were stopped before, only what cannot change any more."""
        plan = job_plan(self._campaign, observation.number)
        if observation.is_complete:
            self._examine(plan, observation, outages)
        else:
            self._find([*check_others(plan, observation), *check_errors(plan, observation, outages)])

    def examine_rest(self, outages: Outages) -> None:
        """Check the jobs that no client has reported on, then the lists and the number of failures."""
        for plan in job_plans(self._campaign):
            if plan.number not in self._examined:
                self._examine(plan, None, outages)
        for owner in self._owners:
            self._find(check_owner(owner, dict(self._listed(Owner(owner))), self._ended[owner]))

    def examine_failures(self) -> None:
        """Compare the number of failures with the faults that were injected."""
        outcome = self.outcome
        outcome.most_mishaps = most_failures(self._campaign, outcome.faults)
        self._find(check_failures(self._campaign, outcome.mishaps - outcome.hit, outcome.most_mishaps))

    def examine_stops(self, stops: Iterator[Stop], outages: Outages) -> None:
        """Check that workers of cancelled jobs stopped soon."""
        said: defaultdict[str, list[Stop]] = defaultdict(list)
        for stop in stops:
            if stop.job_id in self._cancelled:
                said[stop.job_id].append(stop)
        for job_id, (plan, log) in self._cancelled.items():
            self._find(check_heard(plan, log, said[job_id], outages))

    def still_awaited(self, stops: Iterator[Stop], now: float) -> bool:
        """Whether the worker of a job that was cancelled just now may still say that it has stopped."""
        said = {(stop.job_id, stop.attempt) for stop in stops}
        return any(
            log[-1].attempt > 0
            and (job_id, log[-1].attempt) not in said
            and now < log[-1].updated_at.timestamp() + MOST_HEARING + 1.0
            for job_id, (_, log) in self._cancelled.items()
        )

    @property
    def gone(self) -> dict[JobPlan, str]:
        """The jobs that were deleted, with their owners."""
        return self._gone

    def last_states(self, waiting: list[tuple[str, float]]) -> list[str]:
        """The last state of jobs that have not ended, one line each.

        Args:
            waiting: Job ids, and the seconds for which their clients have waited.
        """
        return [f"{job_id}, followed for {seconds:.0f} s: {self._last_state(job_id)}" for job_id, seconds in waiting]

    def _last_state(self, job_id: str) -> str:
        head = self._ledger.head(JobId(job_id))
        if head is None:
            return "not in the log"
        return f"{head.status} at entry {head.sequence} of {head.updated_at:%H:%M:%S}, attempt {head.attempt}"

    def _examine(self, plan: JobPlan, observation: Observation | None, outages: Outages) -> None:
        self._examined.add(plan.number)
        owner = self._owners[plan.owner]
        self._ledger.head(JobId(plan.job_id))  # reading a log repairs its projections, and lists are compared later
        log = self._ledger.read(JobId(plan.job_id), after=0, limit=WHOLE_LOG)
        self._find(check_job(plan, owner, log, observation))
        if observation is None:
            self._count(plan, log, outages)
            return
        if observation.deleted or plan.origin is Origin.EXPIRING:
            self._find([*check_served(plan, observation), *check_records(plan, log)])
        elif log:
            self._find(check_bill(plan, log))
            self._ended[owner][plan.job_id] = log[-1].status
        if observation.deleted:
            self._gone[plan] = owner
        self._find(check_times(plan, [] if observation.deleted else log, observation, outages))
        self._count(plan, log, outages)
        self._count_observation(plan, log, observation)

    def _count(self, plan: JobPlan, log: list[Job], outages: Outages) -> None:
        self.outcome.events += len(log)
        if not log:
            if plan.origin is Origin.EXPIRING:
                self.outcome.statuses["expired"] += 1
            return
        last = log[-1]
        self.outcome.attempts += last.attempt
        self.outcome.statuses[f"{last.status} {last.error_type}" if last.error_type else last.status] += 1
        is_planned = plan.scene is Scene.CRASH or plan.origin is Origin.ORPHANED
        if last.error_type in MISHAPS and last.error_type is not None and not is_planned:
            self.outcome.mishaps[last.error_type] += 1
            self.outcome.hit[last.error_type] += is_hit(log, outages)
        if last.status is Status.CANCELLED and last.deleted_at is None:
            self._cancelled[plan.job_id] = plan, log

    def _count_observation(self, plan: JobPlan, log: list[Job], observation: Observation) -> None:
        outcome = self.outcome
        if plan.origin in (Origin.CUT_OFF, Origin.ORPHANED):
            outcome.faults[plan.origin.value] += 1
        outcome.faults["token_expired"] += observation.refused_tokens
        outcome.retries += observation.retries
        outcome.heals_ms += observation.heals_ms
        outcome.watchers.update(
            language for _, language in {(one.watcher, one.language) for one in observation.iterations}
        )
        for iteration in observation.iterations:
            outcome.late_ms += iteration.late_ms
        if observation.life and not observation.deleted and log:
            life = life_of(log, observation)
            if outcome.life is None or life.interest > outcome.life.interest:
                outcome.life = life

    def _listed(self, owner: Owner) -> Iterator[tuple[str, Status]]:
        token = None
        while True:
            page = self._ledger.list(owner, status=None, limit=PAGE, next_token=token)
            yield from ((job.job_id, job.status) for job in page.jobs)
            token = page.next_token
            if token is None:
                return

    def _find(self, findings: "list[Finding]") -> None:
        self.outcome.findings += findings
