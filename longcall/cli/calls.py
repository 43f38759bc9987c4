"""Running one command's calls: the client it uses, Ctrl-C, and an output that nobody reads any more."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final

from longcall.cli.exits import Ended, ExitCode
from longcall.cli.stack import Caller, Stack, what_to_do
from longcall.errors import Unreachable
from longcall.models import JobId, Status
from longcall.requests import InferenceRequest

if TYPE_CHECKING:
    from longcall.client import Client
    from longcall.watch import Link

GIVE_UP: Final = 300.0  # seconds that a person is kept waiting for a server that went away


def open_client(caller: Caller, on_link: "Callable[[Link], None]" = lambda _: None) -> "Client":
    """A client for a caller; to be entered."""
    from longcall.client import Client
    from longcall.timing import Timing

    return Client(
        caller.stack.graphql_url,
        authorization=caller.authorization(),
        realtime_url=caller.stack.realtime_url,
        timing=Timing(give_up=GIVE_UP),
        on_link=on_link,
    )


def call(whose: Caller | Stack, asking: Coroutine[Any, Any, None]) -> None:
    """Run a command's calls to their end.

    Raises:
        Unreachable: With what to do about it.
        Ended: Whoever read the output went away.
    """
    try:
        asyncio.run(asking)
        sys.stdout.flush()
    except Unreachable as exc:
        raise Unreachable(f"{exc}; {what_to_do(whose.stack if isinstance(whose, Caller) else whose)}") from exc
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or the interpreter complains once more when it ends
        raise Ended(ExitCode.OUTPUT_CLOSED) from None


def follow(caller: Caller, job_id: JobId, *, as_json: bool, begin: InferenceRequest | None) -> None:
    """Show a job to its end, starting it first where `begin` says how.

    Raises:
        Ended: The job did not complete, or Ctrl-C detached from it.
    """
    last: Status | None = None

    async def watch() -> None:
        nonlocal last
        from longcall.cli.screens import choose_screen

        with choose_screen(as_json=as_json) as screen:
            async with open_client(caller, screen.link) as client:
                views = client.watch(job_id) if begin is None else client.run_request(begin)
                async with aclosing(views):
                    async for view in views:
                        last = view.status
                        screen.show(view)

    try:
        call(caller, watch())
    except KeyboardInterrupt:
        raise Ended(ExitCode.INTERRUPTED, _detached(job_id, last)) from None
    if last is not Status.COMPLETED:
        raise Ended(ExitCode.JOB_FAILED)


def _detached(job_id: JobId, last: Status | None) -> str:
    if last is None:
        return f"interrupted before anything was heard of job {job_id}; `longcall get {job_id}` tells whether it runs"
    return (
        f"detached from job {job_id}, which goes on; come back with `longcall watch {job_id}`, or end it with "
        f"`longcall cancel {job_id}`"
    )
