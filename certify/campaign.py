"""One run over one ledger, from the start of the stack to the last check."""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, assert_never

from certify import dynamodb as dynamo
from certify.arrivals import Arrivals
from certify.check import check_quota
from certify.counts import Finding, Violation
from certify.examination import Examiner, Outcome
from certify.faults import Faults
from certify.lateness import Outages, Stop, stops_in
from certify.leftovers import check_files, check_objects, keys_in
from certify.lists import Lists
from certify.machine import Machine
from certify.plan import PACE, Campaign, Store
from certify.product import WRITTEN_BY_NEXT_VERSION, Edit, Product
from certify.quota import probe_quota
from certify.stack import Stack
from certify.wire import Wire
from chalicelib.ledger import Ledger, open_ledger, utc_now
from chalicelib.ledger.dynamodb import DynamoDbLedger

SETTINGS: Final = {
    "LONGCALL_FLUSH_SECONDS": f"{PACE}",
    "LONGCALL_LEASE_SECONDS": "10",
    "LONGCALL_REDISPATCH_SECONDS": "8",
    "LONGCALL_NEVER_STARTED_SECONDS": "30",
    "LONGCALL_STALLED_SECONDS": "15",
    # Not compared with the times above: every job must end soon, also one whose retry still waits.
    "LONGCALL_EVENT_AGE_SECONDS": "",
}
WRITE_TIMEOUT: Final = 30.0  # seconds for clients to write their observations
EXAMINE_INTERVAL: Final = 0.5  # seconds between two looks at new observations
LONGEST_EXCUSE: Final = 3  # times the patience of a campaign, that outages may extend it by
WAITING: Final = 5  # jobs whose last state is shown when a campaign is stopped


class ClientsFailed(Exception):
    """A process of clients ended with an error; the message is what it printed."""


class Stopped(Exception):
    """A violation was found, or a job does not end; the message says which. There is no need to go on."""


@dataclass(slots=True)
class CampaignState:
    """The progress of a campaign."""

    campaign: Campaign
    phase: str = "starting"
    ended: int = 0  # jobs
    shown: int = 0  # events
    kills: Counter[str] = field(default_factory=Counter)


OnProgress = Callable[[CampaignState], None]


@dataclass(frozen=True, slots=True)
class _Environment:
    """A running stack and its ledger."""

    product: Product
    stack: Stack
    ledger: Ledger
    file: Path  # of the SQLite ledger
    wire: Wire | None
    machine: Machine

    @property
    def outages(self) -> Outages:
        return Outages(tuple(self.stack.outages(time.time())), tuple(self.machine.busy))

    def calm(self) -> None:
        if self.wire:
            self.wire.calm()


async def run(
    campaign: Campaign,
    folder: Path,
    on_progress: OnProgress,
    edits: Sequence[Edit] = (),
    *,
    machine: Machine | None = None,
    typescript: Path | None = None,
) -> Outcome:
    """Run a campaign in its own folder. Everything that it started has ended when it returns.

    It stops early when a count is above zero, or when a job has not ended after the campaign's patience.

    Args:
        campaign: The campaign.
        folder: For the product, the data of the stack, and the observations.
        on_progress: Called with the current state, often.
        edits: What is replaced in the product that is run.
        typescript: The program for Node that runs watchers in TypeScript; None if all run in Python.
        machine: Observes what other programs use; by default, those that this process did not start.

    Raises:
        EditFailed: A text to replace does not occur exactly once.
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
        try:
            yield
        finally:
            outcome.seconds[name] = round(time.monotonic() - began, 1)

    async with AsyncExitStack() as running:
        with phase("starting"):
            place = await running.enter_async_context(_environment(campaign, folder, edits, machine or Machine()))
        examiner = Examiner(outcome, place.ledger, place.stack.subs)
        owners = place.stack.subs[: campaign.owners]
        lists = await running.enter_async_context(Lists(place.stack.graphql_url, place.stack.file, owners))
        load_ = _Load(campaign, place, folder, state, on_progress, examiner, typescript)
        try:
            try:
                with phase("running"):
                    await load_.run()
            finally:
                outcome.faults += state.kills + place.stack.faults + (place.wire.counts if place.wire else Counter())
            with phase("checking"):
                await _stopped_workers(examiner, place)
                await asyncio.to_thread(_check, examiner, place)
                outcome.findings += await lists.settle(place.ledger)
            _stop_if_found(outcome)
            with phase("probing the quota"):
                for probe in await probe_quota(
                    campaign, url=place.stack.graphql_url, stack_file=place.stack.file, owners=place.stack.subs,
                    ledger=place.ledger,
                ):  # fmt: skip
                    outcome.findings += check_quota(probe)
        except Stopped as stopped:
            outcome.stopped = str(stopped)
            await load_.examine_new()
            outcome.last_seen = examiner.last_states(load_.waiting[:WAITING])
    outcome.retries += lists.retries
    outcome.starts = place.stack.starts_took
    outcome.shared_seconds = round(place.machine.seconds, 1)
    state.phase = "stopped" if outcome.stopped else "done"
    on_progress(state)
    return outcome


def _stop_if_found(outcome: Outcome) -> None:
    if outcome.findings:
        first = outcome.findings[0]
        raise Stopped(f"{first.violation} is above zero: {first.subject}: {first.detail}")


@asynccontextmanager
async def _environment(
    campaign: Campaign, folder: Path, edits: Sequence[Edit], machine: Machine
) -> AsyncIterator[_Environment]:
    data = folder / campaign.store.value
    file = data / "jobs.db"
    product = await asyncio.to_thread(Product, folder / f"{campaign.store.value}-product", edits)
    options = (
        "--users", f"{max(2, campaign.owners + 1)}", "--jobs", f"{campaign.lanes * 5 // 4 + 4}",
        "--timeout", f"{campaign.timeout}", *(["--watch"] if campaign.deployments else []),
    )  # fmt: skip
    settings = {**SETTINGS, "LONGCALL_QUOTA": f"{campaign.quota}"}
    async with AsyncExitStack() as running:
        match campaign.store:
            case Store.SQLITE:
                stack = Stack(data, root=product.tree, options=options, settings=settings, chaos=campaign.chaos)
                running.push_async_callback(stack.end)
                await stack.start()
                yield _Environment(product, stack, open_ledger(f"sqlite:{file}"), file, None, machine)
            case Store.DYNAMODB:
                endpoint = await running.enter_async_context(dynamo.dynamodb())
                wire = Wire(endpoint, seed=campaign.seed, workers=lambda: stack.workers())
                await running.enter_async_context(wire.running())
                stack = Stack(
                    data,
                    root=product.tree,
                    options=(*options, "--ledger", f"dynamodb:{dynamo.TABLE}"),
                    settings={**settings, **dynamo.CREDENTIALS, "AWS_ENDPOINT_URL_DYNAMODB": wire.url},
                    chaos=campaign.chaos,
                )
                running.push_async_callback(stack.end)
                await stack.start()
                ledger = DynamoDbLedger(dynamo.TABLE, client=dynamo.client_of(endpoint), clock=utc_now)
                yield _Environment(product, stack, ledger, file, wire, machine)
            case _:
                assert_never(campaign.store)


class _Load:
    """All clients of a campaign, the faults that happen meanwhile, and the examination of each job that is done.

    Attributes:
        waiting: Jobs that have not ended, with the seconds for which their clients have followed them, longest first.
    """

    def __init__(
        self, campaign: Campaign, place: _Environment, folder: Path, state: CampaignState, on_progress: OnProgress,
        examiner: Examiner, typescript: Path | None,
    ) -> None:  # fmt: skip
        self.waiting: list[tuple[str, float]] = []
        self._campaign = campaign
        self._place = place
        self._state = state
        self._on_progress = on_progress
        self._examiner = examiner
        self._typescript = typescript
        self._faults = Faults(campaign, place.stack, place.product, ledger=place.file)
        self._files = [folder / f"{campaign.store}-observation-{share}.jsonl" for share in range(campaign.processes)]
        self._arrivals = Arrivals(self._files, lambda observation: examiner.examine(observation, place.outages))
        self._reports: dict[int, Mapping[str, Any]] = {}

    async def run(self) -> None:
        """Run until every job has ended.

        Raises:
            Stopped: A violation was found, or a job does not end.
            ClientsFailed: A process of clients ended with an error.
        """
        clients = [asyncio.create_task(self._clients(share, file)) for share, file in enumerate(self._files)]
        killing = asyncio.create_task(self._faults.run())
        examining = asyncio.create_task(self._examine_while_running())
        observing = asyncio.create_task(self._place.machine.observe())
        beside = (killing, examining, observing)
        try:
            await _first_error({*clients, *beside}, until=set(clients))
            self._faults.end()
            await asyncio.wait({killing})
            killing.result()
            await self._place.stack.calm()
            self._place.calm()
        finally:
            for task in (*clients, *beside):
                task.cancel()
            results = await asyncio.gather(*clients, *beside, return_exceptions=True)
            with suppress(OSError):
                await self._place.stack.count_faults()
        for result in results:
            if isinstance(result, Exception):
                raise result
        await self.examine_new()

    def _report(self, share: int, latest: Mapping[str, Any]) -> None:
        self._reports[share] = latest
        reports = self._reports.values()
        self._state.ended = sum(report.get("ended", 0) for report in reports)
        self._state.shown = sum(report.get("shown", 0) for report in reports)
        self._state.kills = self._faults.kills
        waiting = [(job_id, seconds) for report in reports for job_id, seconds in report["waiting"]]
        self.waiting = sorted(waiting, key=lambda each: -each[1])
        self._faults.reached(self._state.ended / self._campaign.jobs)
        self._on_progress(self._state)

    async def _examine_while_running(self) -> None:
        while True:
            await asyncio.sleep(EXAMINE_INTERVAL)
            await self.examine_new()
            _stop_if_found(self._examiner.outcome)
            if self.waiting and self._is_stuck(self.waiting[0][1]):
                job_id, seconds = self.waiting[0]
                finding = Finding(Violation.JOBS_STUCK, job_id, f"it did not end within {seconds:.0f} s")
                self._examiner.outcome.findings.append(finding)
                _stop_if_found(self._examiner.outcome)

    def _is_stuck(self, seconds: float) -> bool:
        """Whether a job that its client has followed for so long should have ended. Outages extend the patience."""
        now, patience = time.time(), self._campaign.patience
        excused = self._place.outages.seconds_in(now - seconds, now)
        return seconds - min(excused, LONGEST_EXCUSE * patience) > patience

    async def examine_new(self) -> None:
        """Check what clients have written since the last call."""
        await self._arrivals.examine_new()

    async def _clients(self, share: int, file: Path) -> None:
        """Run one process of clients. If this is cancelled, the process writes its observations and ends."""
        stack = self._place.stack
        typescript = () if self._typescript is None else ("--typescript", str(self._typescript))
        with file.with_suffix(".log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "certify.clients", "--campaign", self._campaign.dump(), "--share", f"{share}",
                "--url", stack.graphql_url, "--stack-file", str(stack.file), "--ledger", str(self._place.file),
                "--observations", str(file), *typescript,
                cwd=self._place.product.tree, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        assert process.stdin is not None  # noqa: S101  # both pipes were asked for
        assert process.stdout is not None  # noqa: S101
        try:
            try:
                async for line in process.stdout:
                    self._report(share, json.loads(line))
            except asyncio.CancelledError:
                process.stdin.close()
                async with asyncio.timeout(WRITE_TIMEOUT):
                    await process.wait()
                raise
            if await process.wait() != 0:
                text = file.with_suffix(".log").read_text()[-2000:]
                raise ClientsFailed(f"clients {share} of the {self._campaign.store} run ended early:\n{text}")
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def _first_error(tasks: "set[asyncio.Task[None]]", *, until: "set[asyncio.Task[None]]") -> None:
    """Wait until all tasks of `until` have ended, and raise the first error of any task."""
    waiting = set(tasks)
    while until & waiting:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()


async def _stopped_workers(examiner: Examiner, place: _Environment) -> None:
    """Wait until the workers of jobs that were cancelled just now have said that they stopped, for a bounded time."""
    while True:
        if not await asyncio.to_thread(examiner.still_awaited, _stops(place), time.time()):
            return
        await asyncio.sleep(EXAMINE_INTERVAL)


def _check(examiner: Examiner, place: _Environment) -> None:
    """Check everything that is not about one job alone."""
    outages = place.outages
    examiner.examine_rest(outages)
    examiner.examine_failures()
    examiner.examine_stops(_stops(place), outages)
    outcome = examiner.outcome
    outcome.findings += check_files([*examiner.gone], place.stack.data)
    bucket, client = place.stack.bucket()
    outcome.findings += check_objects(examiner.gone, list(keys_in(client, bucket)))
    if outcome.campaign.deployments and place.file.exists():
        outcome.faults["written_by_next_version"] = _count_in(place.file, WRITTEN_BY_NEXT_VERSION)


def _stops(place: _Environment) -> Iterator[Stop]:
    """What workers have said in the log of the stack."""
    for file in sorted((place.stack.data / "logs").glob("*.jsonl")):
        with file.open("rb") as lines:
            yield from stops_in(lines)


def _count_in(file: Path, text: str) -> int:
    """How many records of a SQLite ledger contain a text."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        found = database.execute("SELECT count(*) FROM log WHERE instr(body, ?) > 0", (text,)).fetchone()
        return int(found[0])
