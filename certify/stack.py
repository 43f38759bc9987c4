"""One local stack in its own processes, as `longcall serve` runs it. It can be killed and started again."""

import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from yarl import URL

from certify.processes import descendants_of, wait_until_gone, workers_of

if TYPE_CHECKING:
    from mypy_boto3_s3.client import S3Client

START_TIMEOUT: Final = 60.0  # seconds for a start, on a busy machine
POLL_INTERVAL: Final = 0.02  # seconds, while waiting for the file of a running stack
END_TIMEOUT: Final = 10.0  # seconds until killed processes have ended
CONTROL_TIMEOUT: Final = 10.0  # seconds for an answer of the control endpoint


class StackFailed(Exception):
    """The stack did not start; the message contains what it printed."""


class Stack:
    """A stack on one port and one data folder.

    Args:
        data: Its data folder; its output is written to a file beside it.
        root: The folder of the product that it runs.
        options: Options of `longcall serve`.
        settings: Environment variables of the stack; they override this process's.
        chaos: Faults that are injected from every start on, until `calm`.
    """

    def __init__(
        self, data: Path, *, root: Path, options: tuple[str, ...], settings: Mapping[str, str], chaos: str
    ) -> None:
        self.data = data
        self.file = data / "stack.json"
        self.starts_took: list[float] = []
        self._root = root
        self._outages: list[tuple[float, float]] = []  # seconds since the epoch
        self._down_since: float | None = None
        self._port = 0  # a free one at the first start, and the same one later
        self._options = options
        # It compiles its copy once, also on a machine that keeps no bytecode. Otherwise every worker would do it again.
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        self._environment = {**kept, **settings}
        self._chaos = chaos
        self._process: asyncio.subprocess.Process | None = None
        self._description: dict[str, Any] = {}
        self._counts: Counter[str] = Counter()  # of faults, of runs that were killed
        self._latest: Counter[str] = Counter()  # of this run

    async def start(self) -> None:
        """Start it, and wait until it runs.

        Raises:
            StackFailed: It did not start in time.
        """
        self.data.mkdir(parents=True, exist_ok=True)
        self.file.unlink(missing_ok=True)
        began = asyncio.get_running_loop().time()
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "local_stack", "--port", str(self._port), "--data", str(self.data),
                "--chaos", self._chaos, *self._options,
                cwd=self._root, env=self._environment, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,  # Ctrl-C must reach the parent only, which kills it
            )  # fmt: skip
        while not self.file.exists():
            if self._process.returncode is not None or asyncio.get_running_loop().time() - began > START_TIMEOUT:
                break
            await asyncio.sleep(POLL_INTERVAL)
        if not self.file.exists():
            await self.kill()
            raise StackFailed(f"the local stack did not start:\n{self._log.read_text()[-2000:]}")
        if self._down_since is not None:
            self._outages.append((self._down_since, time.time()))
            self._down_since = None
        self.starts_took.append(asyncio.get_running_loop().time() - began)
        self._description = json.loads(self.file.read_text())
        self._port = URL(self.graphql_url).port or 0

    async def kill(self) -> None:
        """Kill it with `kill -9`; its child processes end with it."""
        if self._process is not None and self._process.returncode is None:
            try:
                if self._description:
                    await self.count_faults()
            except (aiohttp.ClientError, TimeoutError):
                pass  # it is too busy to answer, or starting; these faults are not counted
            finally:
                self._down_since = time.time()
                self._process.kill()
                await self._process.wait()
        self._counts += self._latest
        self._latest = Counter()

    async def end(self) -> None:
        """Kill it, and wait until its child processes have ended; a worker may write for a moment longer."""
        if self._process is None or self._process.returncode is not None:
            return
        descendants = await asyncio.to_thread(descendants_of, self._process.pid)
        await self.kill()
        await asyncio.to_thread(wait_until_gone, descendants, END_TIMEOUT)

    async def calm(self) -> None:
        """Stop injecting faults."""
        self._chaos = ""
        await self._control("PUT")

    async def count_faults(self) -> Counter[str]:
        """Number of faults of each kind so far, over all starts."""
        self._latest = Counter((await self._control("GET"))["counts"])
        return self._counts + self._latest

    @property
    def faults(self) -> Counter[str]:
        """The numbers of the last count."""
        return self._counts + self._latest

    @property
    def graphql_url(self) -> str:
        return str(self._description["graphqlUrl"])

    @property
    def subs(self) -> list[str]:
        """The `sub` of each user, in order; it is the owner of the user's jobs."""
        return [user["sub"] for user in self._description["users"]]

    def outages(self, now: float) -> list[tuple[float, float]]:
        """When it was down between two starts, in seconds since the epoch; an outage that continues ends now."""
        return [*self._outages, *([] if self._down_since is None else [(self._down_since, now)])]

    def bucket(self) -> "tuple[str, S3Client]":
        """Its bucket's name, and a client of it with the operator's key."""
        import boto3

        key = self._description["operator"]
        client = boto3.client(
            "s3", endpoint_url=self._description["bucketUrl"], region_name=self._description["region"],
            aws_access_key_id=key["accessKeyId"], aws_secret_access_key=key["secretAccessKey"],
        )  # fmt: skip
        return str(self._description["bucket"]), client

    def workers(self) -> list[int]:
        """Its processes that handle events; none while it is not running."""
        if self._process is None or self._process.returncode is not None:
            return []
        return workers_of(self._process.pid)

    @property
    def _log(self) -> Path:
        return self.data.with_suffix(".log")

    async def _control(self, method: str) -> dict[str, Any]:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=CONTROL_TIMEOUT)) as session,
            session.request(method, str(self._description["chaosUrl"]), data="" if method == "PUT" else None) as answer,
        ):
            state: dict[str, Any] = await answer.json()
            return state
