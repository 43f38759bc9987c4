"""A fork server that ends is replaced, also where the first replacements fail."""

import errno
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appsync_local.devtools.health import Health
from appsync_local.functions import fork_server_client
from appsync_local.functions.spec import FunctionSpec
from tests.unit.appsync_local.functions.conftest import StartRuntime
from tests.unit.appsync_local.functions.waiting import eventually


@pytest.mark.parametrize("fault", ["no process can be started", "the new one ends at once"])
async def test_fork_server_that_could_not_be_replaced_at_first_is_replaced_later(
    notes: Path,
    write_handlers: Callable[..., None],
    start_runtime: StartRuntime,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
) -> None:
    write_handlers(
        """
        def f(event, context):
            note(event, os.getpid())
            if event.get("kill"):
                os.kill(os.getppid(), signal.SIGKILL)
                time.sleep(60)
            return "alive"
        """
    )

    monkeypatch.setattr(fork_server_client, "RELAUNCH_DELAY", 0.01)
    health = Health()
    runtime = await start_runtime(FunctionSpec("f", "app.f", {}, 20.0), health=health)
    original = subprocess.Popen
    failed: list[str] = []

    def start_process(command: list[str], **options: Any) -> "subprocess.Popen[bytes]":
        if not failed:
            failed.append(fault)
            if fault == "no process can be started":
                raise OSError(errno.EAGAIN, "Resource temporarily unavailable")
            command = [sys.executable, "-c", "pass"]
        return original(command, **options)

    monkeypatch.setattr(subprocess, "Popen", start_process)
    with pytest.raises(Exception, match="Runtime exited with error: signal: killed"):
        await runtime.invoke("f", {"notes": str(notes), "kill": True})
    loop = health.loop("fork server")
    await eventually(lambda: loop.failures == 2 and loop.failures_in_a_row == 0, "a new fork server has started")

    assert await runtime.invoke("f", {"notes": str(notes)}) == "alive"
