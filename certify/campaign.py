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
from certify.observation import Evidence, load
from certify.plan import PACE, Campaign, Store, job_plans
from certify.quota import probe_quota
from certify.stack import ROOT, Stack
from certify.wire import Wire
from chalicelib.jobs.model import Job, JobId, Owner, Status
from chalicelib.ledger import Ledger, open_ledger, utc_now
from chalicelib.ledger.dynamodb import DynamoDbLedger

GRACE: Final = 90.0  # seconds without faults, in which every job has to end: longer than the settings below add up to
SETTINGS: Final = {
    "LONGCALL_FLUSH_SECONDS": f"{PACE}",
    "LONGCALL_LEASE_SECONDS": "10",
    "LONGCALL_REDISPATCH_SECONDS": "8",
    "LONGCALL_NEVER_STARTED_SECONDS": "30",
    "LONGCALL_STALLED_SECONDS": "15",
}
LAST_WORDS: Final = 30.0  # seconds for clients to write what they know
WHOLE_LOG: Final = 1_000_000  # entries
PAGE: Final = 1_000  # jobs of a list


class ClientsFailed(Exception):
    """A process of clients ended with an error of its own; the message is what it printed."""


@dataclass(slots=True)
class Standing:
    """How far a campaign is."""

    campaign: Campaign
    phase: str = "starting"
    ended: int = 0  # jobs
    shown: int = 0  # events
    kills: Counter[str] = field(default_factory=Counter)


Tell = Callable[[Standing], None]


@dataclass(slots=True)
class Outcome:
    """What a campaign came to.

    Attributes:
        events: Log entries of all jobs.
        faults: How often each kind happened.
        statuses: How the jobs ended; the type of error too where they failed.
        attempts: Claims of all jobs.
        seconds: What each phase took, and each start of the stack.
    """

    campaign: Campaign
    findings: list[Finding] = field(default_factory=list)
    events: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)
    attempts: int = 0
    heals_ms: list[float] = field(default_factory=list)
    late_ms: list[int] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Place:
    """A stack that is up, and the ledger behind it."""

    stack: Stack
    ledger: Ledger
    file: Path  # of the SQLite ledger
    wire: Wire | None


async def run(campaign: Campaign, folder: Path, tell: Tell) -> Outcome:
    """Run a campaign in a folder of its own; everything it started has ended afterwards.

    Raises:
        StackFailed, ClientsFailed
    """
    outcome = Outcome(campaign)
    standing = Standing(campaign)

    @contextmanager
    def phase(name: str) -> Iterator[None]:
        standing.phase = name
        tell(standing)
        began = time.monotonic()
        yield
        outcome.seconds[name] = round(time.monotonic() - began, 1)

    async with AsyncExitStack() as running:
        with phase("starting"):
            place = await running.enter_async_context(_place(campaign, folder))
        with phase("running"):
            evidence = await _load(campaign, place, folder, standing, tell)
            outcome.faults += standing.kills
        with phase("checking"):
            owners = place.stack.subs
            await asyncio.to_thread(_check, outcome, place.ledger, owners, evidence)
        with phase("probing the quota"):
            for probe in await probe_quota(
                campaign, url=place.stack.graphql_url, stack_file=place.stack.file, owners=owners, ledger=place.ledger
            ):
                outcome.findings += check_quota(probe)
    outcome.faults += place.stack.faults + (place.wire.counts if place.wire else Counter())
    outcome.starts = place.stack.starts_took
    standing.phase = "done"
    tell(standing)
    return outcome


@asynccontextmanager
async def _place(campaign: Campaign, folder: Path) -> AsyncIterator[_Place]:
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
                yield _Place(stack, open_ledger(f"sqlite:{file}"), file, wire=None)
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
                yield _Place(stack, ledger, file, wire)
            case _:
                assert_never(campaign.store)


async def _load(campaign: Campaign, place: _Place, folder: Path, standing: Standing, tell: Tell) -> dict[str, Evidence]:
    """Have all clients do what the plan says while things go wrong, to the end of every job; gives the evidence."""
    counts: dict[int, Mapping[str, int]] = {}

    def told(share: int, latest: Mapping[str, int]) -> None:
        counts[share] = latest
        standing.ended = sum(count.get("ended", 0) for count in counts.values())
        standing.shown = sum(count.get("shown", 0) for count in counts.values())
        standing.kills = faults.kills
        faults.reached(standing.ended / campaign.jobs)
        tell(standing)

    faults = Faults(campaign, place.stack, ledger=place.file)
    files = [folder / f"{campaign.store}-evidence-{share}.jsonl" for share in range(campaign.processes)]
    clients = [
        asyncio.create_task(_clients(campaign, place.stack, share, file, told)) for share, file in enumerate(files)
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
    found: dict[str, Evidence] = {}
    for file in files:
        with file.open() as lines:
            found |= {evidence.job_id: evidence for evidence in load(lines)}
    return found


async def _all_done(clients: Sequence[asyncio.Task[None]], killing: asyncio.Task[None], *, limit: float) -> None:
    """Wait for all clients, but no longer than `limit` seconds; what fails meanwhile is raised."""
    waiting = {*clients, killing}
    with suppress(TimeoutError):
        async with asyncio.timeout(limit):
            while not all(task.done() for task in clients):
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()


async def _clients(
    campaign: Campaign, stack: Stack, share: int, file: Path, told: Callable[[int, Mapping[str, int]], None]
) -> None:
    """One process of clients, to its end; cancelled, it is told to write what it knows."""
    with file.with_suffix(".log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "certify.clients", "--campaign", campaign.dump(), "--share", f"{share}",
            "--url", stack.graphql_url, "--stack-file", str(stack.file), "--evidence", str(file),
            cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    assert process.stdin is not None  # noqa: S101  # both pipes were asked for
    assert process.stdout is not None  # noqa: S101
    try:
        try:
            async for line in process.stdout:
                told(share, json.loads(line))
        except asyncio.CancelledError:
            process.stdin.close()
            async with asyncio.timeout(LAST_WORDS):
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


def _check(outcome: Outcome, ledger: Ledger, owners: list[str], evidence: Mapping[str, Evidence]) -> None:
    """Read every log, and hold it against plan and evidence."""
    ended: defaultdict[str, dict[str, Status]] = defaultdict(dict)
    for plan in job_plans(outcome.campaign):
        owner, known = owners[plan.owner], evidence.get(plan.job_id)
        ledger.head(JobId(plan.job_id))  # whoever reads a log repairs what follows it, and lists are looked at below
        log = ledger.read(JobId(plan.job_id), after=0, limit=WHOLE_LOG)
        outcome.findings += check_job(plan, owner, log, known)
        _count(outcome, log, known)
        if log:
            ended[owner][plan.job_id] = log[-1].status
    for owner in owners:
        outcome.findings += check_owner(owner, dict(_listed(ledger, Owner(owner))), ended[owner])


def _count(outcome: Outcome, log: list[Job], evidence: Evidence | None) -> None:
    outcome.events += len(log)
    if log:
        last = log[-1]
        outcome.attempts += last.attempt
        outcome.statuses[f"{last.status} {last.error_type}" if last.error_type else last.status] += 1
    if evidence is not None:
        outcome.troubles += evidence.troubles
        outcome.heals_ms += evidence.heals_ms
        for watching in evidence.watchings:
            outcome.late_ms += watching.late_ms


def _listed(ledger: Ledger, owner: Owner) -> Iterator[tuple[str, Status]]:
    token = None
    while True:
        page = ledger.list(owner, status=None, limit=PAGE, next_token=token)
        yield from ((job.job_id, job.status) for job in page.jobs)
        token = page.next_token
        if token is None:
            return
