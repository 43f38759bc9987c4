"""Runs moto in its own process on a free loopback port, for templates that use services of AWS.

See `local_stack.services.aws.front` for what is reachable there. The process gets few variables of the environment,
none about Docker among them.

The server that ends is started again. This process owns the listening socket, so the port stays the same, and requests
wait in the socket's queue until the new server accepts them.
"""

import asyncio
import json
import logging
import os
import socket
import sys
from collections.abc import Callable, Mapping
from typing import Final

from appsync_local.devtools.health import LoopHealth
from appsync_local.functions.delivery import Backoff
from local_stack.addresses import LOOPBACK
from local_stack.errors import StackError
from local_stack.services.aws.process import Served

PROCESS: Final = "local_stack.services.aws.process"
START_TIMEOUT: Final = 20.0  # seconds, on a busy machine
RESTART_DELAYS: Final = Backoff(first=0.1, longest=10.0)  # seconds before a restart, after one, two, … failures
# What Python and its libraries need to start. Everything else stays here: DOCKER_HOST, and the developer's AWS keys.
ENVIRONMENT: Final = frozenset(
    {"PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "PYTHONPATH", "PYTHONHOME", "PYTHONUTF8",
     "VIRTUAL_ENV", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"}
)  # fmt: skip
STEADY_AFTER: Final = 60.0  # seconds of running after which an end counts as the first failure again

_log: Final = logging.getLogger("longcall.aws")


class MotoEnded(Exception):
    """moto's server ended by itself or was killed."""


class MotoServer:
    """The server. It ends when this process ends, even if this process is killed.

    Args:
        health: Where the end of a server is recorded.
    """

    def __init__(self, *, health: LoopHealth) -> None:
        self._health = health
        self._served: Served | None = None
        self._listener: socket.socket | None = None
        self._reading: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._supervision: asyncio.Task[None] | None = None

    def listen(self) -> str:
        """Take a free port and return its endpoint. Requests wait there until the server is started."""
        self._listener = socket.create_server((LOOPBACK, 0))
        return f"http://{LOOPBACK}:{self._listener.getsockname()[1]}"

    async def start(self, served: Served) -> None:
        """Start the server, after `listen`.

        Raises:
            StackError: It did not start in time.
        """
        assert self._listener is not None  # noqa: S101  # `listen` came first
        self._served = served
        await self._launch(self._listener, _nothing)

    def keep_running(self, prepare: Callable[[str], None]) -> None:
        """Start a new server whenever one ends, until `stop`.

        Args:
            prepare: Creates the resources in a new server before it serves clients. Called in a thread, with an
                endpoint that only this process knows.
        """
        self._supervision = asyncio.create_task(self._supervise(prepare))

    async def stop(self) -> None:
        """End it, if it is running."""
        if self._supervision is not None:
            self._supervision.cancel()
            await asyncio.gather(self._supervision, return_exceptions=True)
        await self._kill()
        if self._listener is not None:
            self._listener.close()

    async def _launch(self, listener: socket.socket, prepare: Callable[[str], None]) -> None:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", PROCESS, str(listener.fileno()),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            pass_fds=(listener.fileno(),), env=process_environment(os.environ),
            start_new_session=True,  # Ctrl-C must reach only the stack, which ends this server last
        )  # fmt: skip
        assert self._process.stdin is not None  # noqa: S101  # a pipe
        assert self._served is not None  # noqa: S101  # `start` came first
        self._process.stdin.write(self._served.line())  # arguments can be seen by other users
        port = await self._next_line(self._process)
        await asyncio.to_thread(prepare, f"http://{LOOPBACK}:{port}")
        self._process.stdin.write(b"serve\n")
        await self._next_line(self._process)
        self._reading = asyncio.create_task(_log_messages(self._process, self._health))

    async def _next_line(self, process: asyncio.subprocess.Process) -> str:
        assert process.stdout is not None  # noqa: S101  # a pipe
        try:
            line = await asyncio.wait_for(process.stdout.readline(), START_TIMEOUT)
        except TimeoutError:
            line = b""
        if not line:
            await self._kill()
            raise StackError(
                f"moto's server, which serves AWS services on this machine, ended, or did not start within "
                f"{START_TIMEOUT:.0f} s; run `python -c 'import {PROCESS}, moto.moto_server.werkzeug_app'` to see why"
            )
        return line.decode().strip()

    async def _supervise(self, prepare: Callable[[str], None]) -> None:
        loop = asyncio.get_running_loop()
        failures, started = 0, loop.time()
        while True:
            assert self._process is not None  # noqa: S101  # `start` came first
            code = await self._process.wait()
            failures = 1 if loop.time() - started > STEADY_AFTER else failures + 1
            self._health.failed(MotoEnded(f"moto's server ended with status {code}; it is being started again"))
            is_running = False
            while not is_running:
                await asyncio.sleep(RESTART_DELAYS.after(failures))
                started = loop.time()
                with self._health.turn():
                    await self._restart(prepare)
                    is_running = True
                failures += not is_running

    async def _restart(self, prepare: Callable[[str], None]) -> None:
        assert self._listener is not None  # noqa: S101  # `start` came first
        try:
            await self._launch(self._listener, prepare)
        except Exception:
            await self._kill()  # the next turn starts another server
            raise

    async def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        if self._reading is not None:
            await asyncio.gather(self._reading, return_exceptions=True)  # it ends with the process


def _nothing(_: str) -> None:
    """The resources of the first server are created once it is started."""


async def _log_messages(process: asyncio.subprocess.Process, health: LoopHealth) -> None:
    """Log the calls that the server refused."""
    assert process.stdout is not None  # noqa: S101  # a pipe
    while line := await process.stdout.readline():
        with health.turn():
            _log.warning("%s", json.loads(line))


def process_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables that the server's process gets."""
    return {name: value for name, value in variables.items() if name in ENVIRONMENT}
