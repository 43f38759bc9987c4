"""Bounded waits on conditions that other processes bring about."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import psutil

TIMEOUT: Final = 20.0  # seconds, for a machine that is busy with other things
_PAUSE: Final = 0.005


async def eventually(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + TIMEOUT
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"waited {TIMEOUT:.0f} s in vain until {what}")
        await asyncio.sleep(_PAUSE)


def lines(path: Path) -> list[str]:
    """What handlers have noted in a file so far, complete lines only."""
    if not path.exists():
        return []
    text = path.read_text()
    return text[: text.rfind("\n") + 1].splitlines()


def is_running(process: int) -> bool:
    """Whether a process exists and is more than an entry waiting to be reaped."""
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # also if it ends while it is being asked for
        return False
