"""One run over one ledger, from the start of the stack to the last check."""

import asyncio
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, assert_never

from certify import dynamodb as dynamo
from certify.check import Finding, check_job, check_owner, check_quota
from certify.faults import Faults
from certify.observation import Observation, load
from certify.plan import PACE, Campaign, Store, job_plans
from certify.quota import probe_quota
from certify.stack import ROOT, Stack
from certify.wire import Wire
from chalicelib.jobs.model import Job, JobId, Owner, Status
from chalicelib.ledger import Ledger, open_ledger, utc_now
from chalicelib.ledger.dynamodb import DynamoDbLedger

GRACE: Final = 90.0  # seconds without faults in which every job must end; longer than the sum of the settings below
SETTINGS: Final = {
    "LONGCALL_FLUSH_SECONDS": f"{PACE}",
    "LONGCALL_LEASE_SECONDS": "10",
    "LONGCALL_REDISPATCH_SECONDS": "8",
    "LONGCALL_NEVER_STARTED_SECONDS": "30",
    "LONGCALL_STALLED_SECONDS": "15",
    # Not compared with the times above: every job must end within `GRACE`, also one whose retry still waits.
    "LONGCALL_EVENT_AGE_SECONDS": "",
}
WRITE_TIMEOUT: Final = 30.0  # seconds for clients to write their observations
WHOLE_LOG: Final = 1_000_000  # entries
PAGE: Final = 1_000  # jobs of a list


class ClientsFailed(Exception):
    """A process of clients ended with an error; the message is what it printed."""


@dataclass(slots=True)
class CampaignState:
    """The progress of a campaign."""

    campaign: Campaign
    phase: str = "starting"
    ended: int = 0  # jobs
    shown: int = 0  # events
    kills: Counter[str] = field(default_factory=Counter)


OnProgress = Callable[[CampaignState], None]


@dataclass(slots=True)
class Outcome:
    """The result of a campaign.

    Attributes:
        events: Log entries of all jobs.
        faults: How often each kind happened.
        statuses: Final statuses, with the type of error of failed jobs.
        attempts: Claims of all jobs.
        seconds: Duration of each phase.
        starts: Duration of each start of the stack, in seconds.
    """

    campaign: Campaign
    findings: list[Finding] = field(default_factory=list)
    events: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    retries: Counter[str] = field(default_factory=Counter)
    attempts: int = 0
    heals_ms: list[float] = field(default_factory=list)
    late_ms: list[int] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Environment:
    """A running stack and its ledger."""

    stack: Stack
    ledger: Ledger
    file: Path  # of the SQLite ledger
    wire: Wire | None


async def run(campaign: Campaign, folder: Path, on_progress: OnProgress) -> Outcome:
    """Run a campaign in its own folder. Everything that it started has ended when it returns.

    Raises:
        StackFailed: The stack did not start.
        ClientsFailed: A process of clients ended with an error.
    """
    outcome = Outcome(campaign)
    state = CampaignState(campaign)

    @contextmanager
    def phase(name: str) -> Iterator[None]:
        state.phase = name
        on_progress(state)
        began = time.monotonic()
        yield
        outcome.seconds[name] = round(time.monotonic() - began, 1)

    async with AsyncExitStack() as running:
        with phase("starting"):
            place = await running.enter_async_context(_environment(campaign, folder))
        with phase("running"):
            observation = await _load(campaign, place, folder, state, on_progress)
            outcome.faults += state.kills
        with phase("checking"):
            owners = place.stack.subs
            await asyncio.to_thread(_check, outcome, place.ledger, owners, observation)
        with phase("probing the quota"):
            for probe in await probe_quota(
                campaign, url=place.stack.graphql_url, stack_file=place.stack.file, owners=owners, ledger=place.ledger
            ):
                outcome.findings += check_quota(probe)
    outcome.faults += place.stack.faults + (place.wire.counts if place.wire else Counter())
    outcome.starts = place.stack.starts_took
    state.phase = "done"
    on_progress(state)
    return outcome


@asynccontextmanager
async def _environment(campaign: Campaign, folder: Path) -> AsyncIterator[_Environment]:
    data = folder / campaign.store.value
    file = data / "jobs.db"
    options = ("--users", f"{max(2, campaign.owners + 1)}", "--jobs", f"{campaign.lanes * 5 // 4 + 4}")
    settings = {**SETTINGS, "LONGCALL_QUOTA": f"{campaign.quota}"}
    async with AsyncExitStack() as running:
        match campaign.store:
            case Store.SQLITE:
                stack = Stack(data, options=options, settings=settings, chaos=campaign.chaos)
                running.push_async_callback(stack.end)
                await stack.start()
                yield _Environment(stack, open_ledger(f"sqlite:{file}"), file, wire=None)
            case Store.DYNAMODB:
                endpoint = await running.enter_async_context(dynamo.dynamodb())
                wire = Wire(endpoint, seed=campaign.seed, workers=lambda: stack.workers())
                await running.enter_async_context(wire.running())
                stack = Stack(
                    data,
                    options=(*options, "--ledger", f"dynamodb:{dynamo.TABLE}"),
                    settings={**settings, **dynamo.CREDENTIALS, "AWS_ENDPOINT_URL_DYNAMODB": wire.url},
                    chaos=campaign.chaos,
                )
                running.push_async_callback(stack.end)
                await stack.start()
                ledger = DynamoDbLedger(dynamo.TABLE, client=dynamo.client_of(endpoint), clock=utc_now)
                yield _Environment(stack, ledger, file, wire)
            case _:
                assert_never(campaign.store)


async def _load(
    campaign: Campaign, place: _Environment, folder: Path, state: CampaignState, on_progress: OnProgress
) -> dict[str, Observation]:
    """Run all clients while faults happen, until every job has ended; returns their observations by job id."""
    counts: dict[int, Mapping[str, int]] = {}

    def report(share: int, latest: Mapping[str, int]) -> None:
        counts[share] = latest
        state.ended = sum(count.get("ended", 0) for count in counts.values())
        state.shown = sum(count.get("shown", 0) for count in counts.values())
        state.kills = faults.kills
        faults.reached(state.ended / campaign.jobs)
        on_progress(state)

    faults = Faults(campaign, place.stack, ledger=place.file)
    files = [folder / f"{campaign.store}-observation-{share}.jsonl" for share in range(campaign.processes)]
    clients = [
        asyncio.create_task(_clients(campaign, place.stack, share, file, report)) for share, file in enumerate(files)
    ]
    killing = asyncio.create_task(faults.run())
    try:
        await _all_done(clients, killing, limit=campaign.limit)
        faults.end()
        await asyncio.wait({killing})
        killing.result()
        await place.stack.calm()
        if place.wire:
            place.wire.calm()
        await _all_done(clients, killing, limit=GRACE)
    finally:
        for task in (*clients, killing):
            task.cancel()
        results = await asyncio.gather(*clients, killing, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception):
            raise result
    found: dict[str, Observation] = {}
    for file in files:
        with file.open() as lines:
            found |= {observation.job_id: observation for observation in load(lines)}
    return found


async def _all_done(clients: Sequence[asyncio.Task[None]], killing: asyncio.Task[None], *, limit: float) -> None:
    """Wait for all clients for at most `limit` seconds, and raise the first error."""
    waiting = {*clients, killing}
    with suppress(TimeoutError):
        async with asyncio.timeout(limit):
            while not all(task.done() for task in clients):
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()


async def _clients(
    campaign: Campaign, stack: Stack, share: int, file: Path, report: Callable[[int, Mapping[str, int]], None]
) -> None:
    """Run one process of clients. If this is cancelled, the process writes its observations and ends."""
    with file.with_suffix(".log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "certify.clients", "--campaign", campaign.dump(), "--share", f"{share}",
            "--url", stack.graphql_url, "--stack-file", str(stack.file), "--observations", str(file),
            cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    assert process.stdin is not None  # noqa: S101  # both pipes were asked for
    assert process.stdout is not None  # noqa: S101
    try:
        try:
            async for line in process.stdout:
                report(share, json.loads(line))
        except asyncio.CancelledError:
            process.stdin.close()
            async with asyncio.timeout(WRITE_TIMEOUT):
                await process.wait()
            raise
        if await process.wait() != 0:
            raise ClientsFailed(f"clients {share} of the {campaign.store} run ended early:\n{_tail(file)}")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _tail(file: Path) -> str:
    return file.with_suffix(".log").read_text()[-2000:]


def _check(outcome: Outcome, ledger: Ledger, owners: list[str], observation: Mapping[str, Observation]) -> None:
    """Compare every log with plan and observation."""
    ended: defaultdict[str, dict[str, Status]] = defaultdict(dict)
    for plan in job_plans(outcome.campaign):
        owner, known = owners[plan.owner], observation.get(plan.job_id)
        ledger.head(JobId(plan.job_id))  # reading a log repairs its projections, and lists are compared below
        log = ledger.read(JobId(plan.job_id), after=0, limit=WHOLE_LOG)
        outcome.findings += check_job(plan, owner, log, known)
        _count(outcome, log, known)
        if log:
            ended[owner][plan.job_id] = log[-1].status
    for owner in owners:
        outcome.findings += check_owner(owner, dict(_listed(ledger, Owner(owner))), ended[owner])


def _count(outcome: Outcome, log: list[Job], observation: Observation | None) -> None:
    outcome.events += len(log)
    if log:
        last = log[-1]
        outcome.attempts += last.attempt
        outcome.statuses[f"{last.status} {last.error_type}" if last.error_type else last.status] += 1
    if observation is not None:
        outcome.retries += observation.retries
        outcome.heals_ms += observation.heals_ms
        for iteration in observation.iterations:
            outcome.late_ms += iteration.late_ms


def _listed(ledger: Ledger, owner: Owner) -> Iterator[tuple[str, Status]]:
    token = None
    while True:
        page = ledger.list(owner, status=None, limit=PAGE, next_token=token)
        yield from ((job.job_id, job.status) for job in page.jobs)
        token = page.next_token
        if token is None:
            return
