"""Kills the planned processes, and replaces the handlers, at the planned moments."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import assert_never

from certify.plan import Campaign, Injection, Victim, injections
from certify.processes import kill, with_open_file
from certify.product import Product
from certify.stack import Stack
from certify.threads import in_thread


class Faults:
    """The kills and deployments of one campaign.

    Args:
        ledger: Its SQLite file, if it has one.

    Attributes:
        kills: How many there were, by victim.
    """

    def __init__(self, campaign: Campaign, stack: Stack, product: Product, *, ledger: Path) -> None:
        self.kills: Counter[str] = Counter()
        self._injections = injections(campaign)
        self._stack = stack
        self._product = product
        self._ledger = ledger
        self._ended = 0.0
        self._is_over = False
        self._went_on = asyncio.Event()

    def reached(self, share: float) -> None:
        """Report how many jobs have ended."""
        self._ended = share
        self._went_on.set()

    def end(self) -> None:
        """Stop after the current kill."""
        self._is_over = True
        self._went_on.set()

    async def run(self) -> None:
        """Carry out all kills, one after the other."""
        for injection in self._injections:
            while self._ended < injection.share and not self._is_over:
                self._went_on.clear()
                await self._went_on.wait()
            if self._is_over:
                return
            await asyncio.sleep(injection.pause)
            await self._inject(injection)

    async def _inject(self, injection: Injection) -> None:
        match injection.victim:
            case Victim.STACK:
                await self._stack.kill()
                self.kills[Victim.STACK] += 1
                await self._stack.start()
            case Victim.WORKER:
                await self._kill_one(injection, await asyncio.to_thread(self._stack.workers))
            case Victim.RELAY:
                relays = await asyncio.to_thread(lambda: with_open_file(self._stack.workers(), self._ledger))
                await self._kill_one(injection, relays)
            case Victim.DEPLOYMENT:
                await in_thread(self._product.deploy)
                self.kills[Victim.DEPLOYMENT] += 1
            case Victim.ROLLBACK:
                await in_thread(self._product.roll_back)
                self.kills[Victim.ROLLBACK] += 1
            case _:
                assert_never(injection.victim)

    async def _kill_one(self, injection: Injection, processes: list[int]) -> None:
        if processes and kill(processes[int(injection.draw * len(processes))]):
            self.kills[injection.victim] += 1
