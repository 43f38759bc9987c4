"""One run over one ledger, from the start of the stack to the last check."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Final

from certify.check import check_quota
from certify.environment import Environment, environment
from certify.examination import Examiner, Outcome
from certify.lateness import Stop, stops_in
from certify.leftovers import check_files, check_objects, keys_in
from certify.lists import Lists
from certify.load import EXAMINE_INTERVAL, CampaignState, Load, OnProgress, Stopped, stop_if_found
from certify.machine import Machine
from certify.plan import Campaign
from certify.product import WRITTEN_BY_NEXT_VERSION, Edit
from certify.quota import probe_quota
from certify.threads import in_thread

WAITING: Final = 5  # jobs whose last state is shown when a campaign is stopped


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
        ListsFailed: The process that follows the lists ended with an error.
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
            place = await running.enter_async_context(environment(campaign, folder, edits, machine or Machine()))
        examiner = Examiner(outcome, place.ledger, place.stack.subs)
        owners = place.stack.subs[: campaign.owners]
        lists = await running.enter_async_context(
            Lists(
                place.product.tree,
                place.stack.graphql_url,
                place.stack.file,
                owners,
                folder / f"{campaign.store}-lists.log",
            )
        )
        load = Load(campaign, place, folder, state, on_progress, examiner, typescript)
        try:
            try:
                with phase("running"):
                    await load.run()
            finally:
                outcome.faults += state.kills + place.stack.faults + (place.wire.counts if place.wire else Counter())
            with phase("checking"):
                await _stopped_workers(examiner, place)
                await in_thread(_check, examiner, place)
                stop_if_found(outcome)
                outcome.findings += await lists.settle(place.ledger)
            stop_if_found(outcome)
            with phase("probing the quota"):
                for probe in await probe_quota(
                    campaign, url=place.stack.graphql_url, stack_file=place.stack.file, owners=place.stack.subs,
                    ledger=place.ledger,
                ):  # fmt: skip
                    outcome.findings += check_quota(probe)
        except Stopped as stopped:
            outcome.stopped = str(stopped)
            await load.examine_new()
            outcome.last_seen = examiner.last_states(load.waiting[:WAITING])
    outcome.retries += lists.retries
    outcome.starts = place.stack.starts_took
    outcome.shared_seconds = round(place.machine.seconds, 1)
    state.phase = "stopped" if outcome.stopped else "done"
    on_progress(state)
    return outcome


async def _stopped_workers(examiner: Examiner, place: Environment) -> None:
    """Wait until the workers of jobs that were cancelled just now have said that they stopped, for a bounded time."""
    while True:
        if not await in_thread(examiner.still_awaited, _stops(place), time.time()):
            return
        await asyncio.sleep(EXAMINE_INTERVAL)


def _check(examiner: Examiner, place: Environment) -> None:
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


def _stops(place: Environment) -> Iterator[Stop]:
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
