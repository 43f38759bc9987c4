"""What is refused before any function runs, and the parts that need no process of their own."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appsync_local.errors import FunctionFailed
from appsync_local.functions import worker_process
from appsync_local.functions.fork_server_client import FunctionsNotStarted
from appsync_local.functions.frames import Kind, Splitter, pack
from appsync_local.functions.outcome import exit_sentence
from appsync_local.functions.runtime import FunctionRuntime
from appsync_local.functions.spec import FunctionSpec, by_name
from tests.unit.appsync_local.functions.conftest import StartRuntime
from tests.unit.appsync_local.functions.waiting import eventually

FUNCTION = FunctionSpec("f", "app.f", {}, 20.0)


async def test_library_that_cannot_be_preloaded_is_named(start_runtime: StartRuntime) -> None:
    with pytest.raises(FunctionsNotStarted, match="no_such_library could not be imported"):
        await start_runtime(FUNCTION, preload=("json", "no_such_library"))

    await start_runtime(FUNCTION, preload=("json",))  # the failed start has given back the queue


async def test_prepared_runtime_runs_functions_from_its_start_and_gives_back_the_queue(
    root: Path, queue: Path, write_handlers: Callable[..., None]
) -> None:
    write_handlers("def f(event, context):\n    return event\n")
    runtime, next_one = (FunctionRuntime([FUNCTION], root=root, queue=queue) for _ in range(2))
    await runtime.prepare()
    with pytest.raises(FunctionFailed, match="the functions are not running"):
        await runtime.invoke("f", 1)
    await runtime.stop()

    await next_one.prepare()
    await next_one.start()
    try:
        assert await next_one.invoke("f", 2) == 2
    finally:
        await next_one.stop()


async def test_cancelled_preparation_does_not_wait_for_the_imports(
    root: Path, queue: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    started = tmp_path / "started"
    (tmp_path / "endless.py").write_text(f"open({str(started)!r}, 'w').close()\nwhile True: pass\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    runtime = FunctionRuntime([FUNCTION], root=root, queue=queue, preload=("endless",))
    preparing = asyncio.create_task(runtime.prepare())
    await eventually(started.exists, "the import has begun")

    preparing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await preparing

    assert caplog.records == []  # as when a process does not end in time


async def test_library_that_starts_a_thread_is_not_preloaded(
    tmp_path: Path, start_runtime: StartRuntime, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "busybody.py").write_text("import threading\nthreading.Timer(60.0, print).start()\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    with pytest.raises(FunctionsNotStarted, match="busybody starts a thread when it is imported"):
        await start_runtime(FUNCTION, preload=("busybody",))


@pytest.mark.parametrize(
    ("functions", "message"),
    [
        ([FunctionSpec("f", "a.f", {}, 1.0), FunctionSpec("f", "a.g", {}, 1.0)], "f is used twice"),
        (
            [FunctionSpec("f", "a.f", {}, 1.0, on_failure="g")],
            "failure destination of f is 'g', which is not a function; known are f",
        ),
        ([FunctionSpec("f", "a.f", {}, 1.0, on_failure="f")], "must be another function"),
    ],
)
def test_functions_that_do_not_fit_together_are_refused(functions: list[FunctionSpec], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        by_name(functions)


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (0, "Runtime exited without providing a reason"),
        (2 << 8, "Runtime exited with error: exit status 2"),
        (signal.SIGKILL, "Runtime exited with error: signal: killed"),
        (signal.SIGABRT | 0x80, "Runtime exited with error: signal: aborted"),  # 0x80: it left a core file
    ],
)
def test_wait_status_is_told_as_aws_tells_it(status: int, sentence: str) -> None:
    assert exit_sentence(status) == sentence


@given(
    frames=st.lists(st.tuples(st.sampled_from(Kind), st.binary(max_size=50)), max_size=8),
    cuts=st.lists(st.integers(0, 500), max_size=12),
)
def test_frames_survive_any_chopping(frames: list[tuple[Kind, bytes]], cuts: list[int]) -> None:
    stream = b"".join(pack(kind, body) for kind, body in frames)
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    splitter = Splitter()

    received = [frame for start, end in pairwise(edges) for frame in splitter.feed(stream[start:end])]

    assert received == frames


WATCHED = """
import os, sys, threading
from appsync_local.functions.worker import _end_with
ends, held = os.pipe()
if os.fork() == 0:
    os.close(held)
    threading.Thread(target=_end_with, args=(ends,), daemon=True).start()
    print(os.getpid(), flush=True)
    while True:
        pass
sys.stdin.read()
"""


def test_busy_worker_ends_with_the_fork_server_where_the_system_has_no_signal_for_it(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WATCHED],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[4],
    ) as fork_server:
        assert fork_server.stdout is not None
        worker = int(fork_server.stdout.readline())
        os.kill(worker, 0)
        os.kill(fork_server.pid, signal.SIGKILL)

        assert fork_server.stdout.read() == b""  # ends when the worker, which holds the other end, has ended


@pytest.mark.parametrize(("busy", "seconds"), [(False, "0.20"), (True, "0.50")])
async def test_a_start_has_a_limit_and_on_a_busy_machine_the_time_out_of_its_function_too(
    start_runtime: StartRuntime, root: Path, monkeypatch: pytest.MonkeyPatch, busy: bool, seconds: str
) -> None:
    monkeypatch.setattr(worker_process, "START_LIMIT", 0.2)
    (root / "app.py").write_text("import signal\nsignal.pause()\n")
    runtime = await start_runtime(FunctionSpec("f", "app.f", {}, 0.3), processors_are_busy=lambda: busy)

    with pytest.raises(FunctionFailed, match=f"importing app.f took longer than {seconds} seconds"):
        await runtime.invoke("f", {})
