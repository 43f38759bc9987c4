from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from textwrap import dedent
from typing import Protocol, TypedDict, Unpack

import pytest

from appsync_local.devtools.chaos.switch import Chaos
from appsync_local.devtools.health import Health
from appsync_local.functions.delivery import Backoff
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


NOTE_RECORD = """
import json
def failed(event, context):
    with open(os.environ["RECORDS"], "a") as file:
        file.write(json.dumps(event) + "\\n")
"""  # a failure destination that adds each record to the file `records`


class RuntimeSettings(TypedDict, total=False):
    """The settings of `FunctionRuntime` that tests change."""

    schedules: Sequence[FunctionSchedule]
    retry_delays: Sequence[float]
    refusal_delays: Backoff
    preload: Sequence[str]
    concurrency: int
    slot_wait: float
    warm_wait: float
    processors_are_busy: Callable[[], bool]
    resolver_timeout: float
    chaos: Chaos | None
    health: Health | None
    clock: Callable[[], float]


WITHOUT_WAITS: RuntimeSettings = {
    "retry_delays": (0.0,),
    "refusal_delays": Backoff(first=0.0, longest=0.0),
    "concurrency": 8,
    "slot_wait": 0.0,
}


class StartRuntime(Protocol):
    async def __call__(self, *functions: FunctionSpec, **settings: Unpack[RuntimeSettings]) -> FunctionRuntime: ...


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
def records(tmp_path: Path) -> Path:
    """The file that the failure destination adds records to."""
    return tmp_path / "records"


@pytest.fixture
def write_handlers(root: Path) -> Callable[..., None]:
    """Write the module `app`, whose handlers may use `note` and `wait_for`."""

    def write(*sources: str) -> None:
        (root / "app.py").write_text(PRELUDE + "".join(map(dedent, sources)))

    return write


@pytest.fixture
async def start_runtime(root: Path, queue: Path) -> AsyncIterator[StartRuntime]:
    """Start a runtime that is stopped after the test. It waits for nothing that the test does not ask it to."""
    async with AsyncExitStack() as stack:

        async def start(*functions: FunctionSpec, **settings: Unpack[RuntimeSettings]) -> FunctionRuntime:
            chosen: RuntimeSettings = {**WITHOUT_WAITS, **settings}
            runtime = FunctionRuntime(functions, root=root, queue=queue, **chosen)
            await runtime.start()
            stack.push_async_callback(runtime.stop)
            return runtime

        yield start
