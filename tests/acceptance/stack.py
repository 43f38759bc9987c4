"""A local stack in its own processes, as `longcall serve` runs it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from yarl import URL

from longcall import Client, CognitoPassword, LambdaToken, Timing
from tests.contract.conftest import ROOT

READY = 120.0  # seconds; on a quiet machine it takes two


class LocalStack:
    """A stack on a data folder. Its first start takes a free port; later starts use the same port again."""

    def __init__(
        self, data: Path, *, options: tuple[str, ...] = (), environment: Mapping[str, str] | None = None
    ) -> None:
        self.data = data
        self.port = 0
        self._options = options
        self._environment = {**os.environ, **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self.description: dict[str, Any] = {}

    def start(self) -> None:
        command = [
            sys.executable, "-m", "local_stack", "--port", str(self.port), "--data", str(self.data),
            *self._options,
        ]  # fmt: skip
        path = self.data / "stack.json"
        path.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, env=self._environment, stdout=log, stderr=log)
        wait_until(lambda: path.exists() or self._process is None or self._process.poll() is not None, READY)
        if not path.exists():
            raise AssertionError(f"the stack did not start: {self.log.read_text()}")
        self.description = json.loads(path.read_text())
        self.port = URL(self.url).port or 0

    def stop(self) -> int:
        """Ask it to stop, as Ctrl-C does, and return its exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(READY)

    def kill(self) -> None:
        """End it with SIGKILL, so that it cannot clean up."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(READY)

    @property
    def pid(self) -> int:
        """Process id of the stack itself."""
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> Path:
        """The file with the standard output and standard error of the stack."""
        return self.data.parent / f"{self.data.name}.log"

    @property
    def url(self) -> str:
        return str(self.description["graphqlUrl"])

    def client(self, user: int = 0, *, url: str | None = None, timing: Timing | None = None) -> Client:
        """A client of the test user with this number; `url` may name a proxy."""
        authorization = LambdaToken(self.sign_in(user))
        return Client(url or self.url, authorization=authorization, timing=timing or Timing())

    def sign_in(self, user: int = 0) -> CognitoPassword:
        account = self.description["users"][user]
        return CognitoPassword(
            self.description["region"],
            self.description["clientId"],
            account["username"],
            account["password"],
            pool_id=self.description["userPoolId"],
            endpoint_url=self.description["cognitoUrl"],
        )


@contextmanager
def running_stack(data: Path, *options: str, environment: Mapping[str, str] | None = None) -> Iterator[LocalStack]:
    """A stack that runs until the block ends."""
    data.mkdir(parents=True, exist_ok=True)
    stack = LocalStack(data, options=options, environment=environment)
    stack.start()
    try:
        yield stack
    finally:
        stack.stop()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def wait_until(holds: Callable[[], bool], timeout: float) -> None:
    """Wait until a condition holds, for at most `timeout` seconds."""
    until = time.monotonic() + timeout
    while not holds():
        if time.monotonic() > until:
            raise AssertionError(f"the condition did not hold within {timeout:.0f} s")
        time.sleep(0.02)
