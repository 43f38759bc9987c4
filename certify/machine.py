"""Observes how much of the machine other programs use. Then times count half."""

import asyncio
import os
import time
from dataclasses import dataclass, field
from typing import Final

import psutil

INTERVAL: Final = 2.0  # seconds between two looks
MOST_SHARE: Final = 0.35  # of all processors that other programs may use


@dataclass(slots=True)
class Machine:
    """The times at which other programs used much of the machine.

    Attributes:
        root: The process that counts as this program, with everything below it.
        busy: Pairs of seconds since the epoch.
    """

    root: int = field(default_factory=os.getpid)
    busy: list[tuple[float, float]] = field(default_factory=list)

    async def observe(self) -> None:
        """Look at the machine at intervals, until cancelled."""
        before, began_at = await asyncio.to_thread(_usage, self.root), time.time()
        while True:
            await asyncio.sleep(INTERVAL)
            now, ended_at = await asyncio.to_thread(_usage, self.root), time.time()
            if share_of_others(before, now, ended_at - began_at, psutil.cpu_count() or 1) > MOST_SHARE:
                self.busy.append((began_at, ended_at))
            before, began_at = now, ended_at

    @property
    def seconds(self) -> float:
        """For how long other programs used much of the machine."""
        return sum(end - begin for begin, end in self.busy)


@dataclass(frozen=True, slots=True)
class Usage:
    """Processor time in seconds, up to now: of all programs, and of this one."""

    everybody: float
    ours: float


def share_of_others(before: Usage, now: Usage, seconds: float, processors: int) -> float:
    """The share of all processors that other programs used between two looks, from 0 to 1."""
    ours = max(0.0, now.ours - before.ours)  # the time of killed processes may be lost
    return max(0.0, now.everybody - before.everybody - ours) / max(seconds * processors, 0.001)


def _usage(root: int) -> Usage:
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    # `guest` is a part of `user`, and `steal` is the time of other machines on the same processors.
    everybody = sum(times) - idle - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    this = psutil.Process(root)
    ours = 0.0
    for process in (this, *this.children(recursive=True)):
        try:
            used = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        ours += used.user + used.system + used.children_user + used.children_system
    return Usage(everybody, ours)
