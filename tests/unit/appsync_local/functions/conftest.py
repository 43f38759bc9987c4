import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from textwrap import dedent
from typing import Protocol

import pytest

from appsync_local.devtools.chaos.switch import Chaos
from appsync_local.devtools.health import Health
from appsync_local.functions.delivery import Backoff
from appsync_local.functions.pool import WARM_WAIT
from appsync_local.functions.runtime import FunctionRuntime
from appsync_local.functions.schedule import FunctionSchedule
from appsync_local.functions.spec import FunctionSpec

PRELUDE = """
import os, signal, subprocess, sys, threading, time

def note(event, text):
    with open(event["notes"], "a") as file:
        file.write(f"{text}\\n")

def wait_for(path):
    while not os.path.exists(path):
        time.sleep(0.002)
"""


NO_DELAY = Backoff(first=0.0, longest=0.0)


class StartRuntime(Protocol):
    async def __call__(
        self,
        *functions: FunctionSpec,
        schedules: Sequence[FunctionSchedule] = (),
        retry_delays: Sequence[float] = (0.0,),
        refusal_delays: Backoff = NO_DELAY,
        preload: Sequence[str] = (),
        concurrency: int = 8,
        slot_wait: float = 0.0,
        warm_wait: float = WARM_WAIT,
        resolver_timeout: float = 30.0,
        chaos: Chaos | None = None,
        health: Health | None = None,
        clock: Callable[[], float] = time.time,
    ) -> FunctionRuntime: ...


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "handlers"
    folder.mkdir()
    return folder


@pytest.fixture
def queue(tmp_path: Path) -> Path:
    return tmp_path / "events.sqlite"


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """A file that handlers add lines to; the event names it."""
    return tmp_path / "notes"


@pytest.fixture
def write_handlers(root: Path) -> Callable[..., None]:
    """Write the module `app`, whose handlers may use `note` and `wait_for`."""

    def write(*sources: str) -> None:
        (root / "app.py").write_text(PRELUDE + "".join(map(dedent, sources)))

    return write


@pytest.fixture
async def start_runtime(root: Path, queue: Path) -> AsyncIterator[StartRuntime]:
    """Start a runtime that is stopped after the test."""
    async with AsyncExitStack() as stack:

        async def start(
            *functions: FunctionSpec,
            schedules: Sequence[FunctionSchedule] = (),
            retry_delays: Sequence[float] = (0.0,),
            refusal_delays: Backoff = NO_DELAY,
            preload: Sequence[str] = (),
            concurrency: int = 8,
            slot_wait: float = 0.0,
            warm_wait: float = WARM_WAIT,
            resolver_timeout: float = 30.0,
            chaos: Chaos | None = None,
            health: Health | None = None,
            clock: Callable[[], float] = time.time,
        ) -> FunctionRuntime:
            runtime = FunctionRuntime(
                functions,
                root=root,
                queue=queue,
                preload=preload,
                schedules=schedules,
                retry_delays=retry_delays,
                refusal_delays=refusal_delays,
                concurrency=concurrency,
                slot_wait=slot_wait,
                warm_wait=warm_wait,
                health=health,
                resolver_timeout=resolver_timeout,
                chaos=chaos,
                clock=clock,
            )
            await runtime.start()
            stack.push_async_callback(runtime.stop)
            return runtime

        yield start
