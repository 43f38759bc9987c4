"""Waves of attacks on an engine in its own process, while an honest client uses it, with checks after each wave."""

import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from statistics import mean
from typing import Any, Final

from tests.hostile.attacks import ATTACKS, Attack
from tests.hostile.connection import READ_LIMIT, Connections
from tests.hostile.honest_client import HonestClient
from tests.hostile.http_attacks import WrongAnswer, endless_code

AT_ONCE: Final = 6  # attackers
QUIET: Final = 15.0  # seconds until all connections and subscriptions of attackers must be closed
CEILING: Final = 256 * 2**20  # bytes of memory that the engine may use after a wave, mostly for cached documents
GROWTH: Final = 24 * 2**20  # bytes by which the last third of a long campaign may exceed the third before it
LONG: Final = 12  # waves from which growth is checked
ROOT: Final = Path(__file__).parents[2]


class CampaignFailed(AssertionError):
    """A check of the campaign failed. The message says which one and how to repeat the wave."""


@dataclass(slots=True)
class EngineProcess:
    """The running process of the engine."""

    process: asyncio.subprocess.Process
    port: int

    async def state(self) -> dict[str, Any]:
        """Ask it for its counters.

        Raises:
            CampaignFailed: The process has ended.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"\n")
        async with asyncio.timeout(READ_LIMIT * 2):
            line = await self.process.stdout.readline()
        if not line:
            raise CampaignFailed(f"the engine's process ended with {await self.process.wait()}")
        state: dict[str, Any] = json.loads(line)
        return state


@asynccontextmanager
async def running_engine() -> AsyncIterator[EngineProcess]:
    """Run an engine in a process of its own until the block ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.hostile.engine_process", cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**20,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            port = await process.stdout.readline()
        yield EngineProcess(process, int(port))
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            async with asyncio.timeout(5):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


@dataclass(slots=True)
class Report:
    """The counts of a campaign."""

    attacks: int = 0
    notes: int = 0
    slowest: float = 0.0  # seconds of the slowest request of the honest client
    resident: list[int] = field(default_factory=list)  # bytes of memory after each wave


@dataclass(frozen=True, slots=True)
class Campaign:
    """Waves of attacks. The seed of a wave determines all of its attacks.

    Args:
        seed: Seed of the first wave; each later wave adds one.
        size: Number of attacks in a wave.
    """

    seed: int
    size: int

    @property
    def replay(self) -> str:
        return f"make fuzz SEED={self.seed} SIZE={self.size}"

    async def run(self, *, waves: int | None = None, seconds: float | None = None) -> Report:
        """Attack for a number of waves or for some seconds; at least two waves, because the first one warms up.

        Raises:
            CampaignFailed: The engine ended, failed a check or answered wrongly.
        """
        report = Report()
        ends = None if seconds is None else time.monotonic() + seconds
        async with running_engine() as engine:
            for number in range(waves) if waves is not None else count():
                if ends is not None and number >= 2 and time.monotonic() > ends:
                    break
                try:
                    await self._wave(engine, self.seed + number, report)
                    await self._check(engine, report)
                except Exception as problem:
                    failed = f"wave {number} (seed {self.seed + number}): {_innermost(problem)}"
                    again = Campaign(self.seed + number, self.size).replay
                    raise CampaignFailed(
                        f"{failed}\nrepeat this wave:    {again}\nrepeat the campaign: {self.replay}"
                    ) from problem
        return report

    async def _wave(self, engine: EngineProcess, seed: int, report: Report) -> None:
        honest = HonestClient(engine.port)
        honest_run = asyncio.create_task(honest.run())
        attackers = asyncio.create_task(_all_attacks(seed, self.size, engine.port))
        try:
            await asyncio.wait({honest_run, attackers}, return_when=asyncio.FIRST_COMPLETED)
            if honest_run.done():
                await honest_run  # it ends before it is asked to only with an error
            await attackers
            honest.is_finished = True
            await honest_run
        finally:
            attackers.cancel()
            honest_run.cancel()
            with suppress(BaseException):
                await asyncio.gather(attackers, honest_run)
        if honest.notes == 0:
            raise CampaignFailed("the honest client got no answer")
        report.attacks += self.size
        report.notes += honest.notes
        report.slowest = max(report.slowest, honest.slowest)

    async def _check(self, engine: EngineProcess, report: Report) -> None:
        state = await engine.state()
        deadline = time.monotonic() + QUIET
        while (state["connections"] or state["subscriptions"]) and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
            state = await engine.state()
        if state["connections"] or state["subscriptions"]:
            left = f"{state['connections']} connections and {state['subscriptions']} subscriptions"
            raise CampaignFailed(f"{left} were open {QUIET:g} s after the last client had left")
        if state["fault_count"]:
            raise CampaignFailed(f"{state['fault_count']} unexpected errors:\n" + "\n".join(state["faults"]))
        report.resident.append(state["resident"])
        if state["resident"] > CEILING or _grows(report.resident):
            raise CampaignFailed(f"the memory of the engine grows; bytes after each wave: {report.resident}")


def _grows(resident: list[int]) -> bool:
    third = len(resident) // 3
    return len(resident) >= LONG and mean(resident[-third:]) > mean(resident[third : 2 * third]) + GROWTH


def _innermost(problem: Exception) -> str:
    while isinstance(problem, ExceptionGroup):
        problem = problem.exceptions[0]
    return f"{type(problem).__name__}: {problem}"


def _attacks_by_attacker(seed: int, size: int) -> Iterator[list[tuple[Attack, int]]]:
    """Yield for each attacker its attacks in one wave, each with a seed."""
    rng = Random(seed)  # noqa: S311  # must be repeatable
    chosen = [*rng.choices([a for a, _ in ATTACKS], [weight for _, weight in ATTACKS], k=size), endless_code]
    seeded = [(attack, rng.getrandbits(64)) for attack in chosen]
    for first in range(AT_ONCE):
        yield seeded[first::AT_ONCE]


async def _all_attacks(seed: int, size: int, port: int) -> None:
    async with asyncio.TaskGroup() as group:
        for attacks in _attacks_by_attacker(seed, size):
            group.create_task(attack_all(attacks, port))


async def attack_all(attacks: list[tuple[Attack, int]], port: int) -> None:
    """Carry out the attacks of one attacker.

    Raises:
        WrongAnswer: The engine gave a wrong answer or none in time. The message names the attack and its seed.
    """
    for attack, seed in attacks:
        connections = Connections(port)
        try:
            await attack(Random(seed), connections)  # noqa: S311  # as above
        except* (ConnectionError, asyncio.IncompleteReadError):
            pass  # the engine may close the connection of an attacker
        except* WrongAnswer as group:
            raise WrongAnswer(f"{attack.__name__} with seed {seed}: {group.exceptions[0]}") from None
        except* TimeoutError:
            raise WrongAnswer(f"{attack.__name__} with seed {seed}: no answer within {READ_LIMIT:g} s") from None
        finally:
            connections.close_all()
