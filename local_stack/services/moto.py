"""Cognito, S3 and DynamoDB of a local stack: moto's server, in its own process on a free loopback port.

S3's objects outlive a restart, see `local_stack.services.s3`. Cognito's users are created at every start, see
`local_stack.services.cognito`. moto does not check signatures or the expiry of URLs: use it on the loopback interface
only.

The server that ends is started again. This process owns the listening socket, so the port stays the same, and requests
wait in the socket's queue until the new server accepts them.
"""

import asyncio
import socket
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from appsync_local.devtools.health import LoopHealth
from appsync_local.functions.delivery import Backoff
from local_stack.services.cognito import LOOPBACK, IdentityUnavailable

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

START_TIMEOUT: Final = 20.0  # seconds, on a busy machine
RESTART_DELAYS: Final = Backoff(first=0.1, longest=10.0)  # seconds before a restart, after one, two, … failures
STEADY_AFTER: Final = 60.0  # seconds of running after which an end counts as the first failure again


class MotoEnded(Exception):
    """moto's server ended by itself or was killed."""


class MotoServer:
    """The server. It ends when this process ends, even if this process is killed.

    Args:
        objects: Folder of S3's objects.
        region: Region of the bucket.
        retention: Lifetime of a job, and so of its objects.
        health: Where the end of a server is recorded.
    """

    def __init__(self, objects: Path, *, region: str, retention: timedelta, health: LoopHealth) -> None:
        self._arguments = (str(objects), region, str(retention.total_seconds()))
        self._health = health
        self._listener: socket.socket | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._supervision: asyncio.Task[None] | None = None

    async def start(self) -> str:
        """Start it and return its endpoint.

        Raises:
            IdentityUnavailable: It did not start in time.
        """
        self._listener = socket.create_server((LOOPBACK, 0))
        await self._launch(self._listener, _nothing)
        return f"http://{LOOPBACK}:{self._listener.getsockname()[1]}"

    def keep_running(self, prepare: Callable[[str], None]) -> None:
        """Start a new server whenever one ends, until `stop`.

        Args:
            prepare: Creates users and tables in a new server before it serves clients. Called in a thread, with an
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
            sys.executable, "-m", __name__, *self._arguments, str(listener.fileno()),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            pass_fds=(listener.fileno(),),
            start_new_session=True,  # Ctrl-C must reach only the stack, which ends this server last
        )  # fmt: skip
        assert self._process.stdin is not None  # noqa: S101  # a pipe
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
            raise IdentityUnavailable(
                f"moto's server (Cognito and S3) ended, or did not start within {START_TIMEOUT:.0f} s; "
                f"run `python -m {__name__} {' '.join(self._arguments)}` to see why"
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
                MotoEnded(f"moto's server (Cognito and S3) ended with status {code}; it is being started again")
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
    """The users of the first server are created once its endpoint is known."""


def main(objects: str, region: str, retention: str, descriptor: str | None = None) -> None:
    """Serve until standard input ends, which happens when the parent process ends for any reason.

    Prints the port of a first server. With `descriptor`, waits for a line on standard input, serves on the inherited
    socket too, and prints its port.

    Args:
        objects: Folder of S3's objects.
        region: Region of the bucket.
        retention: Seconds that a job, and so an object, is kept.
        descriptor: A listening socket that was inherited; None: there is only the first server.
    """
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    from chalicelib.objects import lifetimes
    from local_stack.services.s3 import PersistentObjects

    application = PersistentObjects(
        DomainDispatcherApplication(create_backend_app),
        Path(objects), region=region, lifetimes=lifetimes(timedelta(seconds=float(retention))),
    )  # fmt: skip
    _serve(application, None)
    if descriptor is not None and sys.stdin.readline():
        _serve(application, int(descriptor))
    sys.stdin.read()


def _serve(application: "WSGIApplication", descriptor: int | None) -> None:
    from werkzeug.serving import make_server

    server = make_server(LOOPBACK, 0, application, threaded=True, fd=descriptor)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdout.write(f"{server.socket.getsockname()[1]}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
