"""One local stack in processes of its own, as `longcall serve` runs it; it may be killed and started again."""

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp
from yarl import URL

from certify.processes import descendants_of, wait_until_gone, workers_of

READY: Final = 60.0  # seconds for a start, on a busy machine
LOOK_EVERY: Final = 0.02  # seconds, for the file that a stack writes once it is up
GONE: Final = 10.0  # seconds for killed processes to be gone
PATIENCE: Final = 10.0  # seconds for an answer of the control endpoint
ROOT: Final = Path(__file__).resolve().parent.parent


class StackFailed(Exception):
    """The stack did not start; the message says what it printed."""


class Stack:
    """A stack on one port and one data folder.

    Args:
        data: Its folder; what it prints goes to a file beside it.
        options: Of `longcall serve`.
        settings: Variables for the stack's environment, over this process's own.
        chaos: What goes wrong from every start on, until `calm`.
    """

    def __init__(self, data: Path, *, options: tuple[str, ...], settings: Mapping[str, str], chaos: str) -> None:
        self.data = data
        self.file = data / "stack.json"
        self.starts_took: list[float] = []
        self._port = 0  # a free one at the first start, and the same one later
        self._options = options
        self._environment = {**os.environ, **settings}
        self._chaos = chaos
        self._process: asyncio.subprocess.Process | None = None
        self._description: dict[str, Any] = {}
        self._counts: Counter[str] = Counter()  # of faults, of runs that were killed
        self._latest: Counter[str] = Counter()  # of this run

    async def start(self) -> None:
        """Start it, and wait until it is up.

        Raises:
            StackFailed
        """
        self.data.mkdir(parents=True, exist_ok=True)
        self.file.unlink(missing_ok=True)
        began = asyncio.get_running_loop().time()
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "local_stack", "--port", str(self._port), "--data", str(self.data),
                "--chaos", self._chaos, *self._options,
                cwd=ROOT, env=self._environment, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,  # Ctrl-C is for whoever started this, who kills it
            )  # fmt: skip
        while not self.file.exists():
            if self._process.returncode is not None or asyncio.get_running_loop().time() - began > READY:
                break
            await asyncio.sleep(LOOK_EVERY)
        if not self.file.exists():
            await self.kill()
            raise StackFailed(f"the local stack did not start:\n{self._log.read_text()[-2000:]}")
        self.starts_took.append(asyncio.get_running_loop().time() - began)
        self._description = json.loads(self.file.read_text())
        self._port = URL(self.graphql_url).port or 0

    async def kill(self) -> None:
        """`kill -9`; what it had started ends with it."""
        if self._process is not None and self._process.returncode is None:
            try:
                if self._description:
                    await self.count_faults()
            except (aiohttp.ClientError, TimeoutError):
                pass  # it is too busy to answer, or just starting: then these faults are not counted
            finally:
                self._process.kill()
                await self._process.wait()
        self._counts += self._latest
        self._latest = Counter()

    async def end(self) -> None:
        """Kill it, and wait until nothing is left of what it had started: a worker may write for a moment longer."""
        if self._process is None or self._process.returncode is not None:
            return
        descendants = await asyncio.to_thread(descendants_of, self._process.pid)
        await self.kill()
        await asyncio.to_thread(wait_until_gone, descendants, GONE)

    async def calm(self) -> None:
        """Nothing goes wrong from now on."""
        self._chaos = ""
        await self._control("PUT")

    async def count_faults(self) -> Counter[str]:
        """How often each fault has happened so far, over all starts."""
        self._latest = Counter((await self._control("GET"))["counts"])
        return self._counts + self._latest

    @property
    def faults(self) -> Counter[str]:
        """As last counted."""
        return self._counts + self._latest

    @property
    def graphql_url(self) -> str:
        return str(self._description["graphqlUrl"])

    @property
    def subs(self) -> list[str]:
        """Of the users, in order: the owners of their jobs."""
        return [user["sub"] for user in self._description["users"]]

    def workers(self) -> list[int]:
        """Its processes that handle events; none while it is down."""
        if self._process is None or self._process.returncode is not None:
            return []
        return workers_of(self._process.pid)

    @property
    def _log(self) -> Path:
        return self.data.with_suffix(".log")

    async def _control(self, method: str) -> dict[str, Any]:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE)) as session,
            session.request(method, str(self._description["chaosUrl"]), data="" if method == "PUT" else None) as answer,
        ):
            told: dict[str, Any] = await answer.json()
            return told
