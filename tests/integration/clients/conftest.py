"""A whole stack on a free port, and the JavaScript clients that use it, all at the same time."""

import asyncio
import json
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.integration.clients.lossy import Fault, Network
from tests.integration.clients.scripts import Script
from tests.support.node_packages import install, node_is_missing

ROOT = Path(__file__).resolve().parents[3]
TIMEOUT = 30.0  # seconds for the stack to answer on a busy machine
PAUSE = 0.02

URQL = "urql withLambdaToken"
CONNECTIONS = (
    "amplify withUserPool", "amplify withLambdaToken", "apollo withUserPoolToken", "apollo withLambdaToken", URQL,
)  # fmt: skip
REFUSALS = (
    "amplify withUserPoolToken", "amplify withLambdaToken", "apollo withUserPoolToken", "apollo withLambdaToken", URQL,
)  # fmt: skip
STORED = "heal.mjs apollo withLambdaToken 60000 50000 simulated.slow-start"
LARGE = "heal.mjs apollo withLambdaToken 60000 30000"
# The command of each script, and the faults of its network. The first follower reads the log after a second of silence,
# so it notices that the last push was lost. The second one reads it only because of a gap and of its new subscription,
# whose first push is lost. The third and the fourth one have no faults; their results are too large for a push, and for
# the log.
FOLLOWERS: Mapping[str, Mapping[int | str, Fault]] = {
    "heal.mjs amplify withLambdaToken 1000 120": {
        3: Fault.DROPPED, 4: Fault.REPEATED, 5: Fault.LATE, "COMPLETED": Fault.DROPPED,
    },
    "heal.mjs apollo withUserPoolToken 60000 120": {3: Fault.CUT, "connection 2": Fault.DROPPED},
    LARGE: {},
    STORED: {},
}  # fmt: skip
SIGN_IN = "sign-in.mjs amplify accounts"
RECONNECTION = "reconnect.mjs amplify withUserPoolToken"


@pytest.fixture(scope="session")
def stack_file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The `stack.json` of a running stack."""
    data = tmp_path_factory.mktemp("stack") / "data"
    command = [sys.executable, "-m", "local_stack", "--port", "0", "--data", str(data)]
    with (
        (data.parent / "log").open("w+b") as log,
        subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log) as process,
    ):
        try:
            _until_it_answers(process, data)
            yield data / "stack.json"
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _until_it_answers(process: subprocess.Popen[bytes], data: Path) -> None:
    end = time.monotonic() + TIMEOUT
    while process.poll() is None and time.monotonic() < end:
        if (data / "stack.json").exists():
            url = json.loads((data / "stack.json").read_text())["graphqlUrl"]
            try:
                urllib.request.urlopen(urllib.request.Request(url, data=b"{}"), timeout=5).close()  # noqa: S310
            except urllib.error.HTTPError as refusal:  # the request has no token: a refusal is an answer
                refusal.close()
                return
            except OSError:
                pass
        time.sleep(PAUSE)
    raise AssertionError(f"the stack did not start: {(data.parent / 'log').read_text()}")


@pytest.fixture(scope="session")
def stack(stack_file: Path) -> Mapping[str, Any]:
    return dict(json.loads(stack_file.read_text()))


class Runs:
    """All scripts, started at the same time because they mostly wait."""

    def __init__(self, folder: Path, stack_file: Path, cleanup: ExitStack) -> None:
        self._folder = folder
        self._stack_file = stack_file
        self._cleanup = cleanup
        self._scripts: dict[str, Script] = {}
        self.networks: dict[str, Network] = {}
        self._loop = asyncio.new_event_loop()
        thread = threading.Thread(target=self._loop.run_forever)
        thread.start()
        cleanup.callback(self._loop.close)
        cleanup.callback(thread.join)
        cleanup.callback(self._loop.call_soon_threadsafe, self._loop.stop)

    def start(self, command: str, stack_file: Path | None = None) -> None:
        script = Script.start(self._folder, stack_file or self._stack_file, *command.split())
        self._cleanup.callback(script.stop)
        self._scripts[command] = script

    def start_through(self, network: Network, command: str) -> None:
        """Start a script that reaches the stack only through this network."""
        running = network.running()
        self._wait(running.__aenter__())
        self._cleanup.callback(lambda: self._wait(running.__aexit__(None, None, None)))
        described = json.loads(self._stack_file.read_text())
        described |= {"graphqlUrl": network.url, "realtimeUrl": network.url.replace("http", "ws", 1)}
        stack_file = self._folder / f"{command.replace(' ', '-')}.json"
        stack_file.write_text(json.dumps(described))
        self.networks[command] = network
        self.start(command, stack_file)

    def lines(self, command: str) -> list[Mapping[str, Any]]:
        return self._scripts[command].lines()

    def _wait(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(TIMEOUT)


@pytest.fixture(scope="session")
def runs(stack_file: Path, stack: Mapping[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    reason = node_is_missing()
    if reason is not None:
        pytest.skip(reason)
    install()
    target = stack["graphqlUrl"]
    with ExitStack() as cleanup:
        runs = Runs(tmp_path_factory.mktemp("scripts"), stack_file, cleanup)
        runs.start_through(Network(target, {"start_ack": Fault.CUT}), RECONNECTION)
        for command, faults in FOLLOWERS.items():
            runs.start_through(Network(target, faults), command)
        runs.start(SIGN_IN)
        for connection in CONNECTIONS:
            runs.start(f"life.mjs {connection}")
        for connection in REFUSALS:
            runs.start(f"refused.mjs {connection}")
        yield runs
