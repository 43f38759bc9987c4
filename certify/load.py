"""The load of a campaign: its clients, the faults that happen meanwhile, and the examination of jobs that are done."""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from certify.arrivals import Arrivals
from certify.counts import Finding, Violation
from certify.environment import Environment
from certify.examination import Examiner, Outcome
from certify.faults import Faults
from certify.plan import Campaign

WRITE_TIMEOUT: Final = 30.0  # seconds for clients to write their observations
EXAMINE_INTERVAL: Final = 0.5  # seconds between two looks at new observations
LONGEST_EXCUSE: Final = 3  # times the patience of a campaign, that outages may extend it by


class ClientsFailed(Exception):
    """A process of clients ended with an error; the message is what it printed."""


class Stopped(Exception):
    """A violation was found, or a job does not end; the message says which. The campaign can end."""


@dataclass(slots=True)
class CampaignState:
    """The progress of a campaign."""

    campaign: Campaign
    phase: str = "starting"
    ended: int = 0  # jobs
    shown: int = 0  # events
    kills: Counter[str] = field(default_factory=Counter)


OnProgress = Callable[[CampaignState], None]


class Load:
    """All clients of a campaign, the faults that happen meanwhile, and the examination of each job that is done.

    Attributes:
        waiting: Jobs that have not ended, with the seconds for which their clients have followed them, longest first.
    """

    def __init__(
        self, campaign: Campaign, place: Environment, folder: Path, state: CampaignState, on_progress: OnProgress,
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
            stop_if_found(self._examiner.outcome)
            if self.waiting and self._is_stuck(self.waiting[0][1]):
                job_id, seconds = self.waiting[0]
                finding = Finding(Violation.JOBS_STUCK, job_id, f"it did not end within {seconds:.0f} s")
                self._examiner.outcome.findings.append(finding)
                stop_if_found(self._examiner.outcome)

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


def stop_if_found(outcome: Outcome) -> None:
    if outcome.findings:
        first = outcome.findings[0]
        raise Stopped(f"{first.violation} is above zero: {first.subject}: {first.detail}")


async def _first_error(tasks: "set[asyncio.Task[None]]", *, until: "set[asyncio.Task[None]]") -> None:
    """Wait until all tasks of `until` have ended, and raise the first error of any task."""
    waiting = set(tasks)
    while until & waiting:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
