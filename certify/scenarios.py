"""The kinds of jobs: what happens to a job and what its clients do, and how often. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from enum import StrEnum
from random import Random
from typing import Final
from uuid import UUID

from certify.plan import Campaign, Form, JobPlan, Origin, Store
from chalicelib.workloads.simulated import Scene

MANY_WORDS: Final = 30_000  # about 180 KB, which is too large for a push
LONG_ENOUGH: Final = 5.0  # seconds of work during which short tokens expire
STORED_WORDS: Final = 50_000  # about 300 KB, which is too large for the log


class Kind(StrEnum):
    """One thing that happens to a job, or that its clients do."""

    PLAIN = "plain"
    REPEATED_START = "repeated start"  # several at once
    LATE_START = "late start"  # once more when the job has ended
    OTHER_INPUT = "other input"  # the id is started again with other input
    CANCEL = "cancel"  # at any sequence
    CANCEL_PENDING = "cancel pending"  # at the first sequence
    LATE_CANCEL = "late cancel"  # when the job has ended
    DETACH = "detach"  # the client goes away and comes back
    WATCHERS = "watchers"  # from the start, from the middle, and after the end
    SHORT_TOKEN = "short token"  # noqa: S105  # a watcher whose tokens expire while it watches
    RECORDED = "recorded"  # what arrives at a watcher is recorded, for the page
    EAVESDROPPED = "eavesdropped"  # another owner tries every field of the schema on it
    IMPERSONATED = "impersonated"  # updates that its worker did not send
    CONVERSATION = "conversation"
    UPLOAD = "upload"
    LONG_RESULT = "long result"  # too large for a push
    LONG_DELTA = "long delta"  # more output at once than one update may have
    STORED_RESULT = "stored result"  # too large for the log
    HANDED_OVER = "handed over"  # more work than fits into one invocation
    DELETED = "deleted"  # when it has ended
    DELETED_OBJECTS = "deleted objects"  # the same, with an upload and a stored result
    CUT_OFF = "start cut off"  # only the watchdog can dispatch the job
    ORPHANED = "worker vanished"  # only the watchdog can end the job
    EXPIRING = "expiring"  # the job expires while clients look at it
    ERROR = "error"
    CRASH = "crash"  # of every attempt
    CRASH_ONCE = "crash once"
    SILENCE = "silence"
    SLOW_START = "slow start"
    DEAF = "deaf"


RATES: Final = {  # of all jobs; several may happen to one job, of `EXCLUSIVE` at most one
    Kind.REPEATED_START: 0.2,
    Kind.LATE_START: 0.05,
    Kind.OTHER_INPUT: 0.05,
    Kind.CANCEL: 0.04,
    Kind.CANCEL_PENDING: 0.01,
    Kind.LATE_CANCEL: 0.02,
    Kind.DETACH: 0.1,
    Kind.WATCHERS: 0.05,
    Kind.SHORT_TOKEN: 0.02,
    Kind.RECORDED: 0.02,
    Kind.EAVESDROPPED: 0.05,
    Kind.IMPERSONATED: 0.05,
    Kind.DELETED: 0.05,
}
EXCLUSIVE: Final = {  # the remaining jobs tell a story
    Kind.CONVERSATION: 0.05,
    Kind.UPLOAD: 0.01,
    Kind.LONG_RESULT: 0.005,
    Kind.LONG_DELTA: 0.003,
    Kind.STORED_RESULT: 0.004,
    Kind.HANDED_OVER: 0.005,
    Kind.DELETED_OBJECTS: 0.003,
    Kind.CUT_OFF: 0.005,
    Kind.ORPHANED: 0.003,
    Kind.EXPIRING: 0.003,
    Kind.ERROR: 0.03,
    Kind.CRASH: 0.01,
    Kind.CRASH_ONCE: 0.05,
    Kind.SILENCE: 0.02,
    Kind.SLOW_START: 0.02,
    Kind.DEAF: 0.01,
}
LAST_OF_A_CLIENT: Final = 15  # jobs on average that a client begins while the longest ones are done
SHARE_OF_TIME: Final = {Scene.CRASH: 2.5, Scene.CRASH_ONCE: 1.75}  # with the pauses before the next attempts
WAITS: Final = {Origin.CUT_OFF: 15.0, Origin.ORPHANED: 20.0, Origin.EXPIRING: 16.0}  # seconds
SQLITE_ONLY: Final = frozenset({Kind.CUT_OFF, Kind.ORPHANED, Kind.EXPIRING})  # records are written into the file

Applied = Callable[[JobPlan, Campaign, Random], JobPlan]


def _with(**changes: object) -> Applied:
    return lambda plan, _campaign, _random: replace(plan, **changes)  # type: ignore[arg-type]  # fields of JobPlan


APPLIED: Final[dict[Kind, Applied]] = {
    Kind.PLAIN: _with(),
    Kind.REPEATED_START: lambda plan, _, random: replace(plan, starts=random.randint(2, 4)),
    Kind.LATE_START: _with(is_started_late=True),
    Kind.OTHER_INPUT: _with(has_other_input=True),
    Kind.CANCEL: lambda plan, campaign, random: replace(plan, cancel_from=random.randint(1, campaign.events)),
    Kind.CANCEL_PENDING: _with(cancel_from=1),
    Kind.LATE_CANCEL: _with(is_cancelled_late=True),
    Kind.DETACH: lambda plan, campaign, random: replace(plan, detach_from=random.randint(1, campaign.events)),
    Kind.WATCHERS: lambda plan, campaign, random: replace(
        plan, joins=(0, random.randint(2, campaign.events)), has_late_watcher=True
    ),
    Kind.SHORT_TOKEN: lambda plan, _, __: replace(
        plan, has_short_token=True, process_time=max(plan.process_time, LONG_ENOUGH)
    ),
    Kind.RECORDED: _with(is_recorded=True),
    Kind.EAVESDROPPED: _with(is_eavesdropped=True),
    Kind.IMPERSONATED: _with(is_impersonated=True),
    Kind.CONVERSATION: _with(form=Form.CONVERSATION),
    Kind.UPLOAD: _with(form=Form.UPLOAD),
    Kind.LONG_RESULT: _with(words=MANY_WORDS),
    Kind.LONG_DELTA: _with(scene=Scene.SILENCE, words=MANY_WORDS),
    Kind.STORED_RESULT: _with(scene=Scene.SLOW_START, words=STORED_WORDS),
    Kind.HANDED_OVER: lambda plan, campaign, _: replace(plan, process_time=campaign.long_time),
    Kind.DELETED: _with(is_deleted=True),
    Kind.DELETED_OBJECTS: _with(is_deleted=True, form=Form.UPLOAD, scene=Scene.SLOW_START, words=STORED_WORDS),
    Kind.CUT_OFF: _with(origin=Origin.CUT_OFF),
    Kind.ORPHANED: _with(origin=Origin.ORPHANED),
    Kind.EXPIRING: _with(origin=Origin.EXPIRING),
    Kind.ERROR: _with(scene=Scene.ERROR),
    Kind.CRASH: _with(scene=Scene.CRASH),
    Kind.CRASH_ONCE: _with(scene=Scene.CRASH_ONCE),
    Kind.SILENCE: _with(scene=Scene.SILENCE),
    Kind.SLOW_START: _with(scene=Scene.SLOW_START),
    Kind.DEAF: _with(scene=Scene.DEAF),
}


def job_plans(campaign: Campaign) -> Iterator[JobPlan]:
    """All jobs, in the order of their numbers."""
    return (job_plan(campaign, number) for number in range(campaign.jobs))


def line_of(campaign: Campaign, owner: int, share: int) -> Iterator[JobPlan]:
    """The jobs that the clients of one owner in one process take one after the other, each when it is free.

    They are in the order of their numbers. Of the last ones, those that take longest come first: otherwise most clients
    would have nothing to do while a few finish a long job.
    """
    lanes = lanes_of(campaign, owner, share)
    numbers = [number for number in range(campaign.jobs) if number % campaign.lanes in lanes]
    last = max(0, len(numbers) - LAST_OF_A_CLIENT * len(lanes))
    yield from (job_plan(campaign, number) for number in numbers[:last])
    left = [job_plan(campaign, number) for number in numbers[last:]]
    yield from sorted(left, key=_usual_seconds, reverse=True)


def lanes_of(campaign: Campaign, owner: int, share: int) -> list[int]:
    """The clients of one owner in one process."""
    return [lane for lane in range(share, campaign.lanes, campaign.processes) if lane % campaign.owners == owner]


def _usual_seconds(plan: JobPlan) -> float:
    """About how long a job takes if nothing else happens to it."""
    return plan.process_time * SHARE_OF_TIME.get(plan.scene, 1.0) + WAITS.get(plan.origin, 0.0)


def job_plan(campaign: Campaign, number: int) -> JobPlan:
    """Job n, independent of the other jobs."""
    random = Random(f"{campaign.seed} {campaign.store} job {number}")  # noqa: S311  # reproducible on purpose
    plan = JobPlan(
        number=number,
        job_id=str(UUID(int=random.getrandbits(128), version=4)),
        owner=number % campaign.lanes % campaign.owners,
        process_time=campaign.process_time,
        seed=campaign.seed,
    )
    for kind in kinds_of(campaign, number, random):
        plan = APPLIED[kind](plan, campaign, random)
    return plan


def kinds_of(campaign: Campaign, number: int, random: Random) -> list[Kind]:
    """What happens to job n. The first jobs have one kind each, so that a short run has every kind too."""
    if campaign.kinds:
        return [Kind(campaign.kinds[number % len(campaign.kinds)])]
    possible = [kind for kind in Kind if campaign.store is Store.SQLITE or kind not in SQLITE_ONLY]
    if number < len(possible):
        return [possible[-number - 1]]  # those that take longest begin first
    names = [Kind.PLAIN, *EXCLUSIVE]
    drawn = random.choices(names, [1.0 - sum(EXCLUSIVE.values()), *EXCLUSIVE.values()])[0]
    is_planted = drawn in SQLITE_ONLY
    if is_planted and campaign.store is not Store.SQLITE:
        drawn = Kind.PLAIN
    others = [kind for kind, rate in RATES.items() if random.random() < rate]
    return [drawn] if is_planted else [drawn, *others]
