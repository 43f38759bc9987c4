"""One process of many callers: `python -m certify.clients`, started by a campaign.

It writes one line for each job, prints a line of counts at intervals, and ends when its lanes have ended or when its
standard input ends; then it also writes what is known about unfinished jobs.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any, Final, TextIO

import uvloop

from certify.caller import Caller, Surroundings
from certify.eavesdropper import Eavesdropper
from certify.impostor import Impostor
from certify.observation import Observation
from certify.plan import Campaign, JobPlan, Store
from certify.planting import Planter
from certify.processes import end_of_input
from certify.scenarios import lanes_of, line_of
from certify.tokens import SignIn
from certify.typescript import Node
from certify.watchers import CLIENT_TIMING
from longcall import Client, Heal, LambdaToken

REPORT_INTERVAL: Final = 0.25  # seconds


class Clients:
    """The lanes of one process."""

    def __init__(
        self, campaign: Campaign, *, url: str, stack_file: Path, ledger: Path, out: TextIO, typescript: Path | None
    ) -> None:
        self._campaign = campaign
        self._url = url
        self._stack_file = stack_file
        self._sign_ins = [SignIn(stack_file, user) for user in range(campaign.owners + 1)]
        self._planter = Planter(ledger, quota=campaign.quota) if campaign.store is Store.SQLITE else None
        self._out = out
        self._typescript = typescript
        self._counts: Counter[str] = Counter()
        self._current: dict[int, Caller] = {}  # by lane

    async def run(self, share: int) -> None:
        """Run all lanes of this process until they end."""
        stack = json.loads(self._stack_file.read_text("utf-8"))  # now: a restarted stack has no description for a while
        async with AsyncExitStack() as running:
            eavesdropper = await running.enter_async_context(Eavesdropper(self._url, self._sign_ins[-1]))
            node = None
            if self._typescript is not None:
                node = await running.enter_async_context(Node.running(self._typescript, self._url))
            group = await running.enter_async_context(asyncio.TaskGroup())
            around = Surroundings(
                self._url, self._stack_file, self._sign_ins, [user["sub"] for user in stack["users"]],
                eavesdropper, Impostor.of(stack), self._planter, node, self._shown,
            )  # fmt: skip
            reporting = group.create_task(self._report())
            lanes = [
                group.create_task(self._lane(lane, plans, around))
                for owner in range(self._campaign.owners)
                for plans in (line_of(self._campaign, owner, share),)
                for lane in lanes_of(self._campaign, owner, share)
            ]
            await asyncio.gather(*lanes)
            reporting.cancel()

    async def _lane(self, lane: int, plans: Iterator[JobPlan], around: Surroundings) -> None:
        """One client, which takes job after job from its owner's line."""

        def healed(heal: Heal) -> None:
            if lane in self._current:
                self._current[lane].healed(heal)

        authorization = LambdaToken(self._sign_ins[lane % self._campaign.owners])
        async with Client(self._url, authorization=authorization, timing=CLIENT_TIMING, on_heal=healed) as client:
            for plan in plans:
                caller = self._current[lane] = Caller(plan, around)
                try:
                    await caller.follow(client)
                finally:
                    del self._current[lane]
                    self._write(caller.observation)

    def _write(self, observation: Observation) -> None:
        self._out.write(observation.dump() + "\n")
        self._out.flush()
        self._counts["ended"] += any(iteration.is_final for iteration in observation.iterations)

    def _shown(self) -> None:
        self._counts["shown"] += 1

    async def _report(self) -> None:
        try:
            while True:
                await asyncio.sleep(REPORT_INTERVAL)
                self._print_counts()
        finally:
            self._print_counts()

    def _print_counts(self) -> None:
        now = time.monotonic()
        waiting = sorted(((it.plan.job_id, round(now - it.began_at, 1)) for it in self._current.values()), key=_age)
        report: dict[str, Any] = {**self._counts, "waiting": waiting[-3:]}
        sys.stdout.write(json.dumps(report) + "\n")
        sys.stdout.flush()


def _age(waiting: tuple[str, float]) -> float:
    return waiting[1]


async def _until_stopped(clients: Clients, share: int) -> None:
    running = asyncio.create_task(clients.run(share))
    stopped = asyncio.create_task(end_of_input())
    await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not running.done():
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    else:
        running.result()


def main() -> None:
    parser = argparse.ArgumentParser(prog="certify.clients")
    parser.add_argument("--campaign", type=Campaign.load, required=True)
    parser.add_argument("--share", type=int, required=True)
    parser.add_argument("--url", required=True)
    parser.add_argument("--stack-file", type=Path, required=True)
    parser.add_argument("--ledger", type=Path, required=True)
    parser.add_argument("--observations", type=Path, required=True)
    parser.add_argument("--typescript", type=Path, help="the program for Node that runs watchers in TypeScript")
    given = parser.parse_args()
    with given.observations.open("w") as out:
        clients = Clients(
            given.campaign, url=given.url, stack_file=given.stack_file, ledger=given.ledger, out=out,
            typescript=given.typescript,
        )  # fmt: skip
        uvloop.run(_until_stopped(clients, given.share))


if __name__ == "__main__":
    main()
