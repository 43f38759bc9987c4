"""Attacks in numbers on an engine in its own process, while a witness uses it; and what must hold afterwards."""

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
from tests.hostile.connection import READ_LIMIT, Line
from tests.hostile.honest_client import Witness
from tests.hostile.http_attacks import Misanswered, endless_code

AT_ONCE: Final = 6  # attackers
QUIET: Final = 15.0  # seconds in which everything that attackers left behind has to be gone
CEILING: Final = 256 * 2**20  # bytes that the engine may take after a wave: documents that it keeps are most of them
GROWTH: Final = 24 * 2**20  # bytes by which the last third of a long campaign may be above the third before it
LONG: Final = 12  # waves
ROOT: Final = Path(__file__).parents[2]


class Fallen(AssertionError):
    """The engine did not stand; the message says where, and how to see it again."""


@dataclass(slots=True)
class Served:
    """The engine's process."""

    process: asyncio.subprocess.Process
    port: int

    async def state(self) -> dict[str, Any]:
        """What it says about itself."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"\n")
        async with asyncio.timeout(READ_LIMIT * 2):
            line = await self.process.stdout.readline()
        if not line:
            raise Fallen(f"the engine's process ended with {await self.process.wait()}")
        state: dict[str, Any] = json.loads(line)
        return state


@asynccontextmanager
async def served() -> AsyncIterator[Served]:
    """A running engine; its process is ended at last."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.hostile.engine_process", cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**20,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            port = await process.stdout.readline()
        yield Served(process, int(port))
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
    """What a campaign did."""

    attacks: int = 0
    notes: int = 0
    slowest: float = 0.0  # seconds that the witness waited for one note
    resident: list[int] = field(default_factory=list)  # bytes, after every wave


@dataclass(frozen=True, slots=True)
class Campaign:
    """Waves of attacks; every wave is told by its seed alone.

    Args:
        seed: Of the first wave; the next ones count on.
        size: Attacks in a wave.
    """

    seed: int
    size: int

    @property
    def replay(self) -> str:
        return f"make fuzz SEED={self.seed} SIZE={self.size}"

    async def run(self, *, waves: int | None = None, seconds: float | None = None) -> Report:
        """Attack until so many waves are over, or so much time is; at least twice, since the first one warms up.

        Raises:
            Fallen: Something does not hold.
        """
        report = Report()
        ends = None if seconds is None else time.monotonic() + seconds
        async with served() as engine:
            for number in range(waves) if waves is not None else count():
                if ends is not None and number >= 2 and time.monotonic() > ends:
                    break
                try:
                    await self._wave(engine, self.seed + number, report)
                    await self._check(engine, report)
                except Exception as problem:
                    told = f"wave {number} (seed {self.seed + number}): {_innermost(problem)}"
                    again = Campaign(self.seed + number, self.size).replay
                    raise Fallen(
                        f"{told}\nsee it again with:  {again}\nall of it with:      {self.replay}"
                    ) from problem
        return report

    async def _wave(self, engine: Served, seed: int, report: Report) -> None:
        witness = Witness(engine.port)
        testimony = asyncio.create_task(witness.testify())
        attackers = asyncio.create_task(_all_attacks(seed, self.size, engine.port))
        try:
            await asyncio.wait({testimony, attackers}, return_when=asyncio.FIRST_COMPLETED)
            if testimony.done():
                await testimony  # it does not end before it is dismissed
            await attackers
            witness.is_dismissed = True
            await testimony
        finally:
            attackers.cancel()
            testimony.cancel()
            with suppress(BaseException):
                await asyncio.gather(attackers, testimony)
        if witness.notes == 0:
            raise Fallen("the witness was never served")
        report.attacks += self.size
        report.notes += witness.notes
        report.slowest = max(report.slowest, witness.slowest)

    async def _check(self, engine: Served, report: Report) -> None:
        state = await engine.state()
        deadline = time.monotonic() + QUIET
        while (state["connections"] or state["subscriptions"]) and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
            state = await engine.state()
        if state["connections"] or state["subscriptions"]:
            left = f"{state['connections']} connections and {state['subscriptions']} subscriptions"
            raise Fallen(f"{left} were left after {QUIET:g} s without clients")
        if state["fault_count"]:
            raise Fallen(f"{state['fault_count']} faults were logged, such as:\n" + "\n".join(state["faults"]))
        report.resident.append(state["resident"])
        if state["resident"] > CEILING or _grows(report.resident):
            raise Fallen(f"its memory is not bounded; wave by wave: {report.resident} bytes")


def _grows(resident: list[int]) -> bool:
    third = len(resident) // 3
    return len(resident) >= LONG and mean(resident[-third:]) > mean(resident[third : 2 * third]) + GROWTH


def _innermost(problem: Exception) -> str:
    while isinstance(problem, ExceptionGroup):
        problem = problem.exceptions[0]
    return f"{type(problem).__name__}: {problem}"


def _dealt(seed: int, size: int) -> Iterator[list[tuple[Attack, int]]]:
    """The attacks of one wave with a seed for each, as hands for the attackers."""
    rng = Random(seed)  # noqa: S311  # has to be repeatable
    chosen = [*rng.choices([a for a, _ in ATTACKS], [weight for _, weight in ATTACKS], k=size), endless_code]
    hands = [(attack, rng.getrandbits(64)) for attack in chosen]
    for first in range(AT_ONCE):
        yield hands[first::AT_ONCE]


async def _all_attacks(seed: int, size: int, port: int) -> None:
    async with asyncio.TaskGroup() as group:
        for attacks in _dealt(seed, size):
            group.create_task(attack_all(attacks, port))


async def attack_all(attacks: list[tuple[Attack, int]], port: int) -> None:
    """One attacker at work.

    Raises:
        Misanswered: By the engine; names the attack.
    """
    for attack, seed in attacks:
        line = Line(port)
        try:
            await attack(Random(seed), line)  # noqa: S311  # as above
        except* (ConnectionError, asyncio.IncompleteReadError):
            pass  # whoever attacks may be cut off
        except* Misanswered as group:
            raise Misanswered(f"{attack.__name__} with seed {seed}: {group.exceptions[0]}") from None
        except* TimeoutError:
            raise Misanswered(f"{attack.__name__} with seed {seed}: no answer within {READ_LIMIT:g} s") from None
        finally:
            line.hang_up()
