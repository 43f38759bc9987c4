"""Watches one job twice while pushes are lost: by a subscription alone, and by this client."""

import asyncio
from collections.abc import Coroutine
from contextlib import aclosing
from pathlib import Path
from typing import Any, Final

from longcall.addresses import realtime_url_of
from longcall.cli.callers import Caller
from longcall.cli.calls import call, ignore, open_client
from longcall.cli.demo_screens import DemoScreen
from longcall.cli.demo_stack import lossy_stack
from longcall.cli.exits import CommandEnded, ExitCode
from longcall.display.comparison import Change, Subscriber
from longcall.errors import ProtocolError
from longcall.gaps import Heal
from longcall.models import JobId, new_job_id
from longcall.parsing import parse_event
from longcall.realtime import Acknowledged, Pushed, Realtime
from longcall.timing import Timing

MODEL: Final = "simulated.story"
PROMPT: Final = "Tell me of the sea"
WORDS: Final = 70
WORK: Final = 8.0  # seconds that the job takes
GRACE: Final = 4.0  # seconds that the subscription alone may take longer than this client


def demonstrate(stack: Path | None, screen: DemoScreen) -> None:
    """Run the job, and show both subscribers.

    Args:
        stack: The stack file; None to look for a running stack, or to start one.
        screen: Where they are shown.

    Raises:
        CommandEnded: Ctrl-C, or no stack could be started.
        LongcallError: There is no stack to run it on, or the job could not be followed.
    """
    try:
        with screen, lossy_stack(stack) as found:
            caller = Caller.known(found)[0]
            call(caller, Demonstration(caller, screen).run())
    except KeyboardInterrupt:
        raise CommandEnded(ExitCode.INTERRUPTED) from None


class Demonstration:
    """One job and its two subscribers."""

    def __init__(self, caller: Caller, screen: DemoScreen) -> None:
        self._caller = caller
        self._screen = screen
        self._job_id = new_job_id()
        self._naive = Subscriber("A subscription alone")
        self._ours = Subscriber("Longcall's client")
        self._acknowledged = asyncio.Event()
        self._has_ended = asyncio.Event()

    async def run(self) -> None:
        """Subscribe, start the job, and follow it with both until this client has its end.

        Raises:
            LongcallError: As for `Client.run`, and for the subscription.
        """
        listening = asyncio.create_task(self._listen())
        try:
            await _first(listening, self._acknowledged.wait())
            await self._follow()
            await _first(listening, self._has_ended.wait(), most=GRACE)
        finally:
            listening.cancel()
            await asyncio.wait({listening})
        self._screen.end(self._naive, self._ours)

    async def _follow(self) -> None:
        async with open_client(self._caller, ignore, self._healed) as client:
            views = client.run(
                PROMPT, model=MODEL, process_time=WORK, max_tokens=WORDS, job_id=JobId(self._job_id)
            )  # fmt: skip
            async with aclosing(views):
                async for view in views:
                    self._ours = self._ours.after(view)
                    self._show(Change(self._ours.name, view.sequence, view.status))

    async def _listen(self) -> None:
        """Show what is pushed, and nothing else, as any GraphQL client does."""
        stack = self._caller.stack
        realtime = Realtime(
            stack.realtime_url or realtime_url_of(stack.graphql_url), graphql_url=stack.graphql_url,
            authorization=self._caller.authorization(), timing=Timing(),
        )  # fmt: skip
        try:
            await realtime.listen("on_inference_status_change", {"jobId": self._job_id}, self._pushed)
        finally:
            await realtime.close()

    def _pushed(self, message: Acknowledged | Pushed) -> None:
        match message:
            case Acknowledged():
                self._acknowledged.set()
            case Pushed(fields=fields):
                try:
                    event = parse_event(fields)
                except ProtocolError:  # an incomplete push: a subscription alone cannot use it
                    return
                self._naive = self._naive.after(event)
                self._show(Change(self._naive.name, event.sequence, event.status))
                if self._naive.has_ended:
                    self._has_ended.set()

    def _healed(self, heal: Heal) -> None:
        self._ours = self._ours.healed_by(heal)
        self._show(Change(self._ours.name, heal.first, self._ours.status, heal.events, heal.seconds))

    def _show(self, change: Change) -> None:
        self._screen.report(change)
        self._screen.show(self._naive, self._ours)


async def _first(task: asyncio.Task[None], waiting: Coroutine[Any, Any, Any], *, most: float | None = None) -> None:
    """Wait for a coroutine, for at most `most` seconds; raise the error of the task if it ends before."""
    other = asyncio.create_task(waiting)
    try:
        await asyncio.wait({task, other}, timeout=most, return_when=asyncio.FIRST_COMPLETED)
    finally:
        other.cancel()
        await asyncio.wait({other})
    if task.done():
        task.result()
