"""Runs work in a thread and waits for the end of the thread, also if the waiting code is cancelled."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Result = TypeVar("Result")


async def in_thread(work: Callable[Given, Result], *args: Given.args, **options: Given.kwargs) -> Result:
    """Call a function in a thread.

    A cancelled `asyncio.to_thread` leaves its thread running: it may use a file or a ledger that was closed meanwhile,
    and its result is lost. If this is cancelled, it ends after the function, and an error of the function is raised
    first.
    """
    task = asyncio.create_task(asyncio.to_thread(work, *args, **options))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        task.result()
        raise
