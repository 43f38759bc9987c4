"""Runs the calls of one command: makes the client, and handles Ctrl-C and a closed output pipe."""

import os
import sys
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from longcall.cli.callers import Caller
from longcall.cli.exits import CommandEnded, ExitCode
from longcall.cli.program import program
from longcall.cli.stack import Stack, advice_for
from longcall.errors import RealtimeUnreachable, Unreachable
from longcall.models import JobId, Status
from longcall.requests import InferenceRequest

if TYPE_CHECKING:
    from longcall.client import Client
    from longcall.gaps import Heal
    from longcall.listening import Link

CONNECT_TIMEOUT: Final = 2.0  # seconds to find out whether the API is up
WITHOUT_REALTIME: Final = (
    "the API itself accepts connections, so look between here and the realtime endpoint: a proxy or a firewall that "
    "refuses WebSockets, or another realtimeUrl in the stack file"
)
GIVE_UP: Final = 300.0  # seconds to wait for a server that does not answer any more


def ignore(_: object) -> None:
    """Do nothing about a report of the client."""


def open_client(
    caller: Caller, on_link: "Callable[[Link], None]" = ignore, on_heal: "Callable[[Heal], None]" = ignore
) -> "Client":
    """A client for this caller, not opened yet."""
    from longcall.client import Client
    from longcall.timing import Timing

    return Client(
        caller.stack.graphql_url,
        authorization=caller.authorization(),
        realtime_url=caller.stack.realtime_url,
        timing=Timing(give_up=GIVE_UP),
        on_link=on_link,
        on_heal=on_heal,
        type_prefix=caller.stack.type_prefix,
    )


def call(target: Caller | Stack, asking: Coroutine[Any, Any, None]) -> None:
    """Run a command's calls to their end.

    Raises:
        Unreachable: The API does not answer. The message says what to do.
        CommandEnded: The reader of standard output closed the pipe.
    """
    import asyncio  # takes a fifth of the time of --help, which calls nothing

    try:
        asyncio.run(asking)
        sys.stdout.flush()
    except Unreachable as exc:
        stack = target.stack if isinstance(target, Caller) else target
        is_up = isinstance(exc, RealtimeUnreachable) and _accepts_connections(stack.graphql_url)
        raise Unreachable(f"{exc}; {WITHOUT_REALTIME if is_up else advice_for(stack)}") from exc
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # otherwise the interpreter reports the closed pipe again at exit
        raise CommandEnded(ExitCode.OUTPUT_CLOSED) from None


def _accepts_connections(url: str) -> bool:
    """Whether something listens at the address of a URL."""
    import socket

    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname or "", port), timeout=CONNECT_TIMEOUT).close()
    except OSError:
        return False
    return True


def follow(caller: Caller, job_id: JobId, *, as_json: bool, verbose: bool, begin: InferenceRequest | None) -> None:
    """Show a job to its end. With `begin`, start it first. With `verbose`, mark what was read from the log.

    Raises:
        CommandEnded: The job did not complete, or Ctrl-C detached from it.
    """
    last: Status | str | None = None

    async def watch() -> None:
        nonlocal last
        from longcall.cli.screens import choose_screen

        with choose_screen(as_json=as_json) as screen:
            async with open_client(caller, screen.link, screen.heal if verbose else ignore) as client:
                views = client.watch(job_id) if begin is None else client.run_request(begin)
                async with aclosing(views):
                    async for view in views:
                        last = view.status
                        screen.show(view)

    try:
        call(caller, watch())
    except KeyboardInterrupt:
        raise CommandEnded(ExitCode.INTERRUPTED, _detached(job_id, last)) from None
    if last is not Status.COMPLETED:
        raise CommandEnded(ExitCode.JOB_FAILED)


def _detached(job_id: JobId, last: Status | str | None) -> str:
    if last is None:
        return (
            f"interrupted before the first event of job {job_id} arrived; `{program()} get {job_id}` shows whether it "
            "runs"
        )
    return (
        f"detached from job {job_id}, which continues; come back with `{program()} watch {job_id}`, or end it with "
        f"`{program()} cancel {job_id}`"
    )
