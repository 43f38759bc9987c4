"""Runs moto's DynamoDB in its own process on a free loopback port, for templates that have tables.

See `local_stack.services.dynamodb` for what is reachable there. The process gets few variables of the environment, none
about Docker among them, and loads no other service of moto.

The server that ends is started again. This process owns the listening socket, so the port stays the same, and requests
wait in the socket's queue until the new server accepts them.
"""

import asyncio
import json
import os
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from appsync_local.devtools.health import LoopHealth
from appsync_local.functions.delivery import Backoff
from local_stack.addresses import LOOPBACK
from local_stack.errors import StackError
from local_stack.services.dynamodb import DynamoDbOnly
from local_stack.services.one_at_a_time import OneAtATime

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

START_TIMEOUT: Final = 20.0  # seconds, on a busy machine
RESTART_DELAYS: Final = Backoff(first=0.1, longest=10.0)  # seconds before a restart, after one, two, … failures
# What Python and its libraries need to start. Everything else stays here: DOCKER_HOST, and the developer's AWS keys.
ENVIRONMENT: Final = frozenset(
    {"PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "PYTHONPATH", "PYTHONHOME", "PYTHONUTF8",
     "VIRTUAL_ENV", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"}
)  # fmt: skip
STEADY_AFTER: Final = 60.0  # seconds of running after which an end counts as the first failure again


class MotoEnded(Exception):
    """moto's server ended by itself or was killed."""


class MotoServer:
    """The server. It ends when this process ends, even if this process is killed.

    Args:
        region: Region of the tables.
        key: An access key id and its secret, with which requests must be signed.
        health: Where the end of a server is recorded.
    """

    def __init__(self, *, region: str, key: tuple[str, str], health: LoopHealth) -> None:
        self._region = region
        self._key = key
        self._health = health
        self._listener: socket.socket | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._supervision: asyncio.Task[None] | None = None

    async def start(self) -> str:
        """Start it and return its endpoint.

        Raises:
            StackError: It did not start in time.
        """
        self._listener = socket.create_server((LOOPBACK, 0))
        await self._launch(self._listener, _nothing)
        return f"http://{LOOPBACK}:{self._listener.getsockname()[1]}"

    def keep_running(self, prepare: Callable[[str], None]) -> None:
        """Start a new server whenever one ends, until `stop`.

        Args:
            prepare: Creates the tables in a new server before it serves clients. Called in a thread, with an
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
            sys.executable, "-m", __name__, self._region, str(listener.fileno()),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            pass_fds=(listener.fileno(),), env=process_environment(os.environ),
            start_new_session=True,  # Ctrl-C must reach only the stack, which ends this server last
        )  # fmt: skip
        assert self._process.stdin is not None  # noqa: S101  # a pipe
        self._process.stdin.write(f"{json.dumps(self._key)}\n".encode())  # arguments can be seen by other users
        port = await self._next_line(self._process)
        await asyncio.to_thread(prepare, f"http://{LOOPBACK}:{port}")
        self._process.stdin.write(b"serve\n")
        await self._next_line(self._process)

    async def _next_line(self, process: asyncio.subprocess.Process) -> str:
        assert process.stdout is not None  # noqa: S101  # a pipe
        try:
            line = await asyncio.wait_for(process.stdout.readline(), START_TIMEOUT)
        except TimeoutError:
            line = b""
        if not line:
            await self._kill()
            raise StackError(
                f"moto's server (DynamoDB) ended, or did not start within {START_TIMEOUT:.0f} s; "
                f'run `echo \'["id", "secret"]\' | python -m {__name__} {self._region}` to see why'
            )
        return line.decode().strip()

    async def _supervise(self, prepare: Callable[[str], None]) -> None:
        loop = asyncio.get_running_loop()
        failures, started = 0, loop.time()
        while True:
            assert self._process is not None  # noqa: S101  # `start` came first
            code = await self._process.wait()
            failures = 1 if loop.time() - started > STEADY_AFTER else failures + 1
            self._health.failed(
                MotoEnded(f"moto's server (DynamoDB) ended with status {code}; it is being started again")
            )
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


def _nothing(_: str) -> None:
    """The tables of the first server are created once its endpoint is known."""


def process_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables that the server's process gets."""
    return {name: value for name, value in variables.items() if name in ENVIRONMENT}


def application(region: str, keys: Mapping[str, str]) -> "WSGIApplication":
    """moto's DynamoDB, and no other of its services, behind the check of signatures."""
    from moto.moto_server.werkzeug_app import create_backend_app

    return DynamoDbOnly(OneAtATime(create_backend_app("dynamodb")), region=region, keys=keys)


def main(region: str, descriptor: str | None = None) -> None:
    """Serve until standard input ends, which happens when the parent process ends for any reason.

    Reads an access key from standard input, a JSON list of its id and its secret, and prints the port of a first
    server. With `descriptor`, waits for another line, serves on the inherited socket too, and prints its port.

    Args:
        region: Region of the tables.
        descriptor: A listening socket that was inherited; None: there is only the first server.
    """
    key_id, secret = json.loads(sys.stdin.readline())
    served = application(region, {key_id: secret})
    _serve(served, None)
    if descriptor is not None and sys.stdin.readline():
        _serve(served, int(descriptor))
    sys.stdin.read()


def _serve(served: "WSGIApplication", descriptor: int | None) -> None:
    from werkzeug.serving import make_server

    server = make_server(LOOPBACK, 0, served, threaded=True, fd=descriptor)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.socket.getsockname()[1]}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
