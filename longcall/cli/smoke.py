"""The smoke test: runs a long job, and checks and times each change of its status."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

import typer

from longcall import display
from longcall.cli.callers import Caller
from longcall.cli.calls import call, open_client
from longcall.cli.exits import CommandEnded, ExitCode
from longcall.cli.program import program
from longcall.models import JobId, Status, new_job_id
from longcall.view import JobView

MODEL: Final = "simulated.story"
GRACE: Final = 60.0  # seconds that the job may take longer than it was asked to
EXPECTED: Final = (Status.PENDING, Status.PROCESSING, Status.COMPLETED)


@dataclass(frozen=True, slots=True)
class Transition:
    """A change to a status, and when the client saw it: seconds after the start was sent."""

    status: Status | str
    seconds: float


def run(caller: Caller, minutes: float, *, as_json: bool) -> None:
    """Run the job, and show each transition.

    Raises:
        CommandEnded: A check failed, or the job took too long.
        LongcallError: The job could not be started or followed.
    """
    job_id = new_job_id()
    seen: list[Transition] = []
    last: JobView | None = None
    sequences: list[int] = []

    async def watch() -> None:
        nonlocal last
        began = time.monotonic()
        async with open_client(caller) as client:
            views = client.run(
                "A smoke test.", model=MODEL, process_time=minutes * 60, max_tokens=max(10, round(minutes * 40)),
                job_id=job_id,
            )  # fmt: skip
            async with asyncio.timeout(minutes * 60 + GRACE), aclosing(views):
                async for view in views:
                    last = view
                    sequences.append(view.sequence)
                    if not seen or seen[-1].status != view.status:
                        seen.append(Transition(view.status, time.monotonic() - began))
                        _print(job_id, seen[-1], as_json=as_json)

    try:
        call(caller, watch())
    except TimeoutError:
        late = f"the job did not end within {minutes * 60 + GRACE:.0f} s; {_where(job_id)}"
        raise CommandEnded(ExitCode.JOB_FAILED, late) from None
    if problem := fault(seen, sequences, last, least=minutes * 60):
        raise CommandEnded(ExitCode.JOB_FAILED, f"{problem}; {_where(job_id)}")
    if not as_json:
        typer.echo(f"passed: {len(sequences)} events, none missing", err=True)


def fault(seen: Sequence[Transition], sequences: Sequence[int], last: JobView | None, *, least: float) -> str | None:
    """The first failed check, in one sentence; None if all checks pass.

    Args:
        seen: The transitions, in order.
        sequences: The sequence of each event, in order.
        last: The last view.
        least: Seconds that the job was asked to take.
    """
    if last is None:
        return "no event arrived"
    statuses = tuple(transition.status for transition in seen)
    if statuses != EXPECTED:
        found = ", ".join(statuses) + (f" ({last.error})" if last.error else "")
        return f"expected the statuses {', '.join(EXPECTED)}, and found {found}"
    if list(sequences) != list(range(1, len(sequences) + 1)):
        return f"expected the events 1 to {len(sequences)} in order, and found {', '.join(map(str, sequences))}"
    if last.result != last.output:
        return "the result differs from the streamed output"
    took = display.taken(last)
    if took is None or took < least:
        return f"the job was to take {least:.1f} s, and took {took or 0:.1f} s"
    return None


def _print(job_id: JobId, transition: Transition, *, as_json: bool) -> None:
    if as_json:
        typer.echo(
            display.json_line({"jobId": job_id, "status": transition.status, "seconds": round(transition.seconds, 3)})
        )
    else:
        typer.echo(f"{transition.seconds:8.2f} s  {transition.status}", err=True)


def _where(job_id: JobId) -> str:
    return f"`{program()} events {job_id}` shows its log"
