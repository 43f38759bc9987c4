"""`chalice local --stage local` against a running stack."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from longcall import Status
from tests.acceptance.stack import READY, LocalStack, free_port, wait_until
from tests.contract.conftest import ROOT


def ask(url: str, body: object = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})  # noqa: S310  # loopback
    with urllib.request.urlopen(request, timeout=20) as response:  # noqa: S310
        return json.loads(response.read())


def answers(url: str) -> bool:
    try:
        ask(url)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


@contextmanager
def debug_server(data: Path) -> Iterator[str]:
    port = free_port()
    command = [str(Path(sys.executable).with_name("chalice")), "local", "--stage", "local", "--port", str(port)]
    environment = {**os.environ, "LONGCALL_DATA": str(data)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) as server:
        try:
            wait_until(lambda: answers(f"http://127.0.0.1:{port}/jobs/none"), READY)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


async def test_handlers_run_in_a_debug_server_against_the_running_stack(stack: LocalStack) -> None:
    async with stack.client() as client:
        views = [view async for view in client.run("Hi", model="simulated.story", process_time=0.1)]
        waiting = await client.start("Hi", model="simulated.story", process_time=60)
        await client.cancel(waiting.job_id)
    dispatch = {"jobId": waiting.job_id, "request": {"prompt": "Hi", "model": "simulated.story"}}
    with debug_server(stack.data) as url:
        log = ask(f"{url}/jobs/{views[-1].job_id}")
        refused = ask(f"{url}/handlers/inference", dispatch)  # the job is cancelled

    assert [event["sequence"] for event in log] == [view.sequence for view in views]
    assert log[-1]["status"] == Status.COMPLETED
    assert refused is None
